"""A file that grows: blocks come in from connections, are written, and read along by hash and check.

One mechanism for a fresh, a resumed and a segmented file: a block that is next in line for a reader goes to it from
memory; any other block is only written, and read back (from the page cache) when its turn comes. What an earlier
process left is read back in the same way.

The event loop calls the public methods; two strands do the work: one writes and hashes, one checks. While the threads
are busy the event loop hashes what has just come, for it is in the memory next to its core. `_lock` guards what both
sides touch.
"""

import asyncio
import contextlib
import hashlib
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import TypeVarTuple

from backupd.core.check import Check
from backupd.core.model import Checked
from backupd.core.slot import Slot
from backupd.download.blocks import BLOCK, RING, Block
from backupd.download.disk import PartFile, archive_error, on_disk
from backupd.download.record import Kept, Story
from backupd.download.tools import Tools
from backupd.download.workers import Strand

_Ts = TypeVarTuple("_Ts")
_MOST_LOST = 64_000_000  # bytes that a power cut may cost: those that are not synced, and those on their way
_SYNC_EVERY = 32_000_000  # bytes written between two syncs, at most, so that the last one is short


class _Reader:
    """Hash or check: takes the file's bytes in order. `claimed` is where the next block for it must begin."""

    __slots__ = ("claimed", "feed", "lent", "memory", "queue", "read")

    def __init__(self, feed: Callable[[memoryview], None]) -> None:
        self.feed = feed
        self.claimed = 0
        self.read = 0
        self.queue: deque[Block] = deque()
        self.lent = False  # the event loop is at it
        self.memory: memoryview | None = None  # for what must be read back


class Growing:
    """One version of one file on its way. Whoever makes it closes it."""

    def __init__(self, slot: Slot, file: PartFile, kept: Kept, check: Check, tools: Tools) -> None:
        self.version = kept.version
        self.taken = kept.ranges  # with what is not written yet
        self.on_failure: Callable[[], None] | None = None
        self._slot, self._file, self._check = slot, file, check
        self._written = kept.ranges  # to the disk, or to its cache
        self._writes: deque[tuple[Block, int]] = deque()
        self._unwritten = 0  # blocks
        self._unsynced = kept.ranges.size - kept.synced.size
        self._syncing: asyncio.Task[None] | None = None
        self._sha256 = hashlib.sha256()
        self._hasher, self._checker = _Reader(self._sha256.update), _Reader(check.feed)
        self._stopped = False
        self._error: Exception | None = None
        self._lock = Lock()
        self._loop = asyncio.get_running_loop()
        self._moved = asyncio.Event()
        self._waiting = 0  # for it: the threads wake the loop only then, a wake-up costs more than a step
        self._most_unsynced = _MOST_LOST - tools.places.most * RING
        self._sync_every = min(_SYNC_EVERY, self._most_unsynced // 2)
        self._workers = tools.workers
        self._keeping = Strand(self._workers, self._keep, self._stir)
        self._checking = Strand(self._workers, self._read_by_check, self._stir)
        self._wake()

    @classmethod
    async def begin(cls, slot: Slot, kept: Kept, check: Check, tools: Tools) -> "Growing":
        """Start from nothing. What lay there is gone."""
        file = await on_disk(slot, lambda: PartFile.begin(slot, kept, tools.boot))
        return cls(slot, file, kept, check, tools)

    @classmethod
    async def go_on(cls, slot: Slot, kept: Kept, check: Check, tools: Tools) -> "Growing":
        """Go on with what is kept; hash and check begin to read it at once."""
        file = await on_disk(slot, lambda: PartFile.go_on(slot, kept, tools.boot))
        return cls(slot, file, kept, check, tools)

    @property
    def in_hand(self) -> int:
        """Bytes that were taken, or kept."""
        return self.taken.size

    @property
    def on_disk(self) -> int:
        """Bytes that were written, or kept."""
        return self._written.size

    def raise_failure(self) -> None:
        """Raise what went wrong in writing or checking, if something did."""
        if self._error is not None:
            raise self._error

    def put(self, block: Block, offset: int) -> None:
        """Take the bytes at `offset`; the block goes back to its ring by itself."""
        hasher, size = self._hasher, block.size
        with self._lock:
            lent = hasher.lent = self._workers.pressed and hasher.read == hasher.claimed == offset
            takers = [reader for reader in (hasher, self._checker) if reader.claimed == offset]
            for reader in takers:
                reader.claimed += size
                if not reader.lent:
                    reader.queue.append(block)
            block.holders = 1 + len(takers)
            self._writes.append((block, offset))
            self._unwritten += 1
        self.taken = self.taken.add(offset, offset + size)
        if lent:
            self._attempt(self._feed, hasher, offset, offset + size, block)
            hasher.lent = False  # by who lent it only: a thread may just be ending its turn
        self._wake()

    async def room(self) -> None:
        """Wait while a power cut would cost too much. Raises what went wrong so far."""
        self.raise_failure()
        if self._unsynced >= self._sync_every and self._syncing is None:
            self._syncing = asyncio.create_task(self._sync(), name="sync")
        if self._unsynced >= self._most_unsynced and self._syncing is not None:
            await asyncio.wait([self._syncing])

    async def read(self, start: int, stop: int) -> memoryview:
        """Read back what was taken. Raises ArchiveError."""
        await self._flush()
        memory = memoryview(bytearray(stop - start))
        await on_disk(self._slot, lambda: self._file.read(memory, start))
        return memory

    async def note(self, story: Story) -> None:
        """Keep the story so far in the record."""
        await on_disk(self._slot, lambda: self._file.note(story))

    async def finish(self, total: int) -> tuple[str, Checked]:
        """Return sha256 and what the check found, once all `total` bytes are written for good, hashed and checked.

        Raises ZipRejected, ArchiveError.
        """
        await self._flush()
        await self._until(lambda: self._syncing is None)
        await on_disk(self._slot, lambda: self._file.complete(total))
        readers = (self._hasher, self._checker)
        await self._until(lambda: all(reader.read >= total for reader in readers) or self._error is not None)
        self.raise_failure()
        checked = await asyncio.to_thread(self._check.finish, self._slot.part)
        return self._sha256.hexdigest(), checked

    async def close(self) -> None:
        """Stop reading along, write what is in hand, and let go of the file. The part and its record stay."""
        self._stopped = True
        self._wake()
        await self._until(lambda: self._keeping.idle and self._checking.idle and self._syncing is None)
        self._file.close()

    # --- on the event loop --------------------------------------------------------------------------------------

    def _wake(self) -> None:
        self._keeping.wake()
        self._checking.wake()

    async def _flush(self) -> None:
        """Wait until everything taken is written. Raises what went wrong."""
        await self._until(lambda: self._unwritten == 0 or self._error is not None)
        self.raise_failure()

    async def _until(self, reached: Callable[[], bool]) -> None:
        self._waiting += 1
        try:
            while not reached():
                self._moved.clear()
                if not reached():  # else a thread was quicker than the line above
                    await self._moved.wait()
        finally:
            self._waiting -= 1

    async def _sync(self) -> None:
        written, bytes_before = self._written, self._unsynced
        try:
            await asyncio.to_thread(self._file.sync, written)
            with self._lock:
                self._unsynced -= bytes_before
        except OSError as error:
            self._fail(archive_error(error, self._slot.part))
        finally:
            self._syncing = None
            self._moved.set()

    def _failed(self) -> None:
        self._moved.set()
        if self.on_failure is not None:
            self.on_failure()

    # --- in the threads -----------------------------------------------------------------------------------------

    def _keep(self) -> bool:
        """Write one block and hash one: in turn, so that neither waits for all of the other."""
        wrote = self._attempt(self._write_one)
        return self._attempt(self._read_one, self._hasher) or wrote

    def _read_by_check(self) -> bool:
        return self._attempt(self._read_one, self._checker)

    def _attempt(self, work: Callable[[*_Ts], bool], *arguments: *_Ts) -> bool:
        try:
            return work(*arguments)
        except OSError as error:
            self._fail(archive_error(error, self._slot.part))
        except Exception as error:  # noqa: BLE001  a thread has no caller: whoever waits for the file gets it
            self._fail(error)
        return True

    def _write_one(self) -> bool:
        if not self._writes:
            return False
        block, offset = self._writes.popleft()
        end = offset + block.size
        try:
            if self._error is None:
                self._file.write(block.data, offset)
                with self._lock:
                    self._written = self._written.add(offset, end)
                    self._unsynced += end - offset
        finally:
            with self._lock:
                self._unwritten -= 1
            self._release(block)
        if offset <= self._checker.claimed < end:
            self._checking.wake()  # it may read back what it could not have from memory
        if self._unwritten == 0:
            self._stir()
        return True

    def _read_one(self, reader: _Reader) -> bool:
        """Feed a reader its next block, from memory or read back."""
        with self._lock:
            if reader.lent:
                return False
            start = reader.read
            block = reader.queue.popleft() if reader.queue else None
            if block is None and not self._stopped and self._error is None:
                reader.claimed = max(reader.claimed, min(self._written.run_end(start), start + BLOCK))
            stop = reader.claimed if block is None else start + block.size
        return start < stop and self._feed(reader, start, stop, block)

    def _feed(self, reader: _Reader, start: int, stop: int, block: Block | None) -> bool:
        """Feed these bytes; on the event loop too, while the reader is lent to it: then always from memory."""
        try:
            if self._error is None and not self._stopped:
                reader.feed(block.data if block is not None else self._read_back(reader, start, stop))
        finally:
            reader.read = stop
            if block is not None:
                self._release(block)
        return True

    def _read_back(self, reader: _Reader, start: int, stop: int) -> memoryview:
        if reader.memory is None:
            reader.memory = memoryview(bytearray(BLOCK))
        data = reader.memory[: stop - start]
        self._file.read(data, start)
        return data

    def _release(self, block: Block) -> None:
        with self._lock:
            block.holders -= 1
            last = block.holders == 0
        if last:
            block.give_back()

    def _fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
            self._tell_loop(self._failed)

    def _stir(self) -> None:
        if self._waiting:
            self._tell_loop(self._moved.set)

    def _tell_loop(self, what: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits any more
            self._loop.call_soon_threadsafe(what)
