"""A file that grows: who hashes what, while the threads are busy and while they are not."""

import asyncio
import hashlib
import os
import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import ENOSPC
from pathlib import Path
from threading import Event
from time import monotonic, sleep
from types import SimpleNamespace
from typing import Any

import pytest

from backupd.core.errors import ArchiveFull
from backupd.core.http import Version
from backupd.core.model import Checked
from backupd.core.slot import Slot
from backupd.download import growing as module
from backupd.download.blocks import Block
from backupd.download.disk import PartFile
from backupd.download.growing import Growing
from backupd.download.record import Kept
from backupd.download.workers import Workers

SIZE = 1000  # bytes of a block here


class Turns(Workers):
    """Does jobs when it is told to. One that is never done makes the threads seem busy."""

    def __init__(self, *, busy: bool) -> None:
        super().__init__(0)
        self.jobs: deque[Callable[[], None]] = deque()
        self.busy = busy

    def submit(self, job: Callable[[], None]) -> None:
        self.jobs.append(job)

    @property
    def pressed(self) -> bool:
        return self.busy or bool(self.jobs)

    def work(self) -> None:
        """Do all there is to do."""
        self.busy = False
        while self.jobs:
            self.jobs.popleft()()


class Seen:
    """A check that keeps what it was fed."""

    def __init__(self) -> None:
        self.bytes = bytearray()

    def feed(self, block: bytes | bytearray | memoryview) -> None:
        self.bytes += block

    def finish(self, path: Path) -> Checked:
        del path
        return Checked(members=1, unpacked_size=len(self.bytes))


class Hash:
    """SHA-256 that keeps what it was fed, and lets a test do something meanwhile."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self.meanwhile: Callable[[], object] | None = None

    def update(self, block: memoryview) -> None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        self.bytes += block

    def hexdigest(self) -> str:
        return self.bytes.hex()


@pytest.fixture
def sha256(monkeypatch: pytest.MonkeyPatch) -> Hash:
    made = Hash()
    monkeypatch.setattr(hashlib, "sha256", lambda: made)
    return made


@contextmanager
def grown(folder: Path, workers: Workers, check: Any) -> Iterator[Growing]:
    slot = Slot(folder / "a.part", folder / "a.resume")
    kept = Kept(Version(etag=None, last_modified=None, total=None, dated=False))
    tools: Any = SimpleNamespace(workers=workers, places=SimpleNamespace(most=4), boot="boot")
    file = PartFile.begin(slot, kept, "boot")
    try:
        growing = Growing(slot, file, kept, check, tools)
        yield growing
        growing.raise_failure()
    finally:
        file.close()


def block_of(data: bytes) -> Block:
    block = Block()
    block.view[: len(data)] = data
    block.size = len(data)
    return block


async def test_what_comes_while_the_threads_are_busy_is_hashed_at_once(tmp_path, sha256):
    workers = Turns(busy=True)
    with grown(tmp_path, workers, check := Seen()) as growing:
        growing.put(block_of(b"a" * SIZE), 0)

        assert sha256.bytes == b"a" * SIZE
        assert not check.bytes
        workers.work()
        assert check.bytes == b"a" * SIZE
        assert sha256.bytes == b"a" * SIZE


async def test_what_comes_while_a_thread_is_free_is_left_to_it(tmp_path, sha256):
    workers = Turns(busy=False)
    with grown(tmp_path, workers, Seen()) as growing:
        workers.work()
        growing.put(block_of(b"a" * SIZE), 0)

        assert not sha256.bytes
        workers.work()
        assert sha256.bytes == b"a" * SIZE


async def test_what_is_not_next_in_line_is_read_back_later(tmp_path, sha256):
    workers = Turns(busy=True)
    with grown(tmp_path, workers, check := Seen()) as growing:
        growing.put(block_of(b"b" * SIZE), SIZE)
        assert not sha256.bytes
        growing.put(block_of(b"a" * SIZE), 0)
        assert sha256.bytes == b"a" * SIZE
        workers.work()

        assert sha256.bytes == check.bytes == b"a" * SIZE + b"b" * SIZE


async def test_a_thread_leaves_alone_what_the_event_loop_hashes(tmp_path, sha256):
    workers = Turns(busy=True)
    with grown(tmp_path, workers, Seen()) as growing:
        sha256.meanwhile = growing._keep  # noqa: SLF001  as a thread does, in just this moment
        growing.put(block_of(b"a" * SIZE), 0)
        workers.work()

        assert sha256.bytes == b"a" * SIZE


async def test_what_comes_while_a_thread_hashes_waits_for_its_turn(tmp_path, sha256):
    workers = Turns(busy=False)

    def another() -> None:
        workers.busy = True
        growing.put(block_of(b"b" * SIZE), SIZE)

    with grown(tmp_path, workers, Seen()) as growing:
        workers.work()
        growing.put(block_of(b"a" * SIZE), 0)
        sha256.meanwhile = another
        workers.work()
        workers.work()

        assert sha256.bytes == b"a" * SIZE + b"b" * SIZE


async def test_a_thread_that_looked_just_before_does_not_hash_the_same_again(tmp_path, sha256, monkeypatch):
    workers = Turns(busy=True)
    with grown(tmp_path, workers, Seen()) as growing:
        workers.work()
        workers.busy = True
        lock = Before(growing._lock, lambda: growing.put(block_of(b"a" * SIZE), 0))  # noqa: SLF001
        monkeypatch.setattr(growing, "_lock", lock)  # there is no other way into that moment
        growing._keep()  # noqa: SLF001  as a thread does
        workers.work()

        assert sha256.bytes == b"a" * SIZE


async def test_a_thread_that_ends_its_turn_does_not_take_the_loan_back(tmp_path, sha256, monkeypatch):
    class Reader(module._Reader):  # noqa: SLF001  there is no other way into that moment
        __slots__ = ("_read",)

        @property
        def read(self) -> int:
            return self._read

        @read.setter
        def read(self, value: int) -> None:
            self._read = value
            if value == SIZE and self.feed == sha256.update:
                ends.set()
                assert go_on.wait(10)

    ends, go_on = Event(), Event()
    monkeypatch.setattr(module, "_Reader", Reader)
    monkeypatch.setattr(Workers, "pressed", property(lambda _: ends.is_set()))
    workers = Workers(1)
    with grown(tmp_path, workers, Seen()) as growing:

        def the_thread_goes_on() -> None:
            go_on.set()
            until = monotonic() + 10
            while not growing._keeping.idle and monotonic() < until:  # noqa: SLF001  nobody tells
                sleep(0)

        growing.put(block_of(b"a" * SIZE), 0)
        assert await asyncio.to_thread(ends.wait, 10)
        sha256.meanwhile = the_thread_goes_on
        growing.put(block_of(b"b" * SIZE), SIZE)
        workers.close()

        assert sha256.bytes == b"a" * SIZE + b"b" * SIZE


async def test_what_comes_again_and_further_is_read_by_the_check_although_it_begins_behind(tmp_path, sha256):
    workers = Turns(busy=True)
    with grown(tmp_path, workers, check := Seen()) as growing:
        growing.put(block_of(b"a" * SIZE), 0)
        workers.work()
        growing.put(block_of(b"a" * 500 + b"b" * 500), SIZE - 500)
        workers.jobs.reverse()  # the check looks before it is written
        workers.work()

        assert check.bytes == sha256.bytes == b"a" * SIZE + b"b" * 500


async def test_nothing_more_is_written_once_something_went_wrong_and_all_blocks_come_back(tmp_path, monkeypatch):
    def refuse(file: PartFile, data: memoryview, offset: int) -> None:
        asked.append(offset)
        raise OSError(ENOSPC, os.strerror(ENOSPC))

    asked: list[int] = []
    monkeypatch.setattr(PartFile, "write", refuse)
    blocks = [block_of(b"x" * SIZE) for _ in range(3)]
    workers = Turns(busy=True)

    async def fill() -> None:
        with grown(tmp_path, workers, Seen()) as growing:
            for number, block in enumerate(blocks):
                growing.put(block, number * SIZE)
            workers.work()

    with pytest.raises(ArchiveFull):
        await fill()
    assert asked == [0]
    assert [block.holders for block in blocks] == [0, 0, 0]


async def test_what_is_not_synced_is_counted_to_the_byte(tmp_path, monkeypatch):
    synced: list[int] = []
    monkeypatch.setattr(PartFile, "sync", lambda _, written: synced.append(written.size))
    monkeypatch.setattr(module, "_SYNC_EVERY", 3 * SIZE)
    workers = Turns(busy=True)
    with grown(tmp_path, workers, Seen()) as growing:
        for size in (SIZE, SIZE, SIZE - 1, 1, SIZE, SIZE, SIZE - 1, SIZE):
            growing.put(block_of(b"x" * size), growing.in_hand)
            workers.work()
            await growing.room()
            await growing._until(lambda: growing._syncing is None)  # noqa: SLF001  nobody tells

    assert synced == [3 * SIZE, 7 * SIZE - 1]


class Before:
    """A lock before whose taking something happens, once."""

    def __init__(self, lock: Any, what: Callable[[], object]) -> None:
        self._lock, self._what = lock, [what]

    def __enter__(self) -> None:
        while self._what:
            self._what.pop()()
        self._lock.__enter__()

    def __exit__(self, *error: object) -> None:
        self._lock.__exit__(*error)


@pytest.mark.parametrize("seed", range(20))
async def test_whoever_hashes_and_whatever_comes_first_each_byte_is_hashed_once_and_in_order(tmp_path, sha256, seed):
    chance = random.Random(seed)
    data = chance.randbytes(30 * SIZE)
    offsets = list(range(0, len(data), SIZE))
    if seed % 2:
        chance.shuffle(offsets)
    workers = Turns(busy=False)
    with grown(tmp_path, workers, check := Seen()) as growing:
        for offset in offsets:
            workers.busy = chance.random() < 0.5
            growing.put(block_of(data[offset : offset + SIZE]), offset)
            for _ in range(chance.randrange(4)):
                if workers.jobs:
                    workers.jobs.popleft()()
        workers.work()

        assert sha256.bytes == check.bytes == data
