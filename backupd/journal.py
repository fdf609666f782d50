"""The append-only facts of one org, `journal.jsonl`: one fsynced line a fact, each chained to the one before.

A fact that `append` returned for is on the disk. What a crash left torn at the end is cut at the next opening for
writing; a reader passes over it. Nothing reads the whole file but `verify_chain`, and `lines` as far as it is asked.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import TypeVar

from backupd.core import events
from backupd.core.chain import START, digest, read_line, write_line
from backupd.core.clock import Clock
from backupd.core.diskerrors import archive_error
from backupd.core.errors import ArchiveGone, RecordDamaged
from backupd.core.facts import Fact
from backupd.core.records import JournalLine

_BLOCK = 64 * 1024  # bytes read from the end at first, to find the last line
_FOLDER_MODE = 0o750  # operators of the group may look at snapshots
_FILE_MODE = 0o600  # links are as good as keys
_UNKNOWN_TIME = datetime(1, 1, 1, tzinfo=UTC)  # of a line that cannot be read

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _End:
    """Where the whole lines end, what lies torn behind them, and the hash of the last whole line."""

    size: int
    torn: int
    head: str


class Journal:
    """One org's journal. Write only under the org's lock; reading needs none."""

    def __init__(self, path: Path, *, org: str, clock: Clock, tell: events.Tell) -> None:
        self.path = path
        self.head = START  # sha256 of the last line
        self.size = 0  # bytes of all whole lines
        self._org = org
        self._clock = clock
        self._tell = tell
        self._writing = Lock()

    @classmethod
    async def open(cls, path: Path, *, org: str, clock: Clock, tell: events.Tell, read_only: bool = False) -> "Journal":
        """Find the end of the journal; a torn last line is cut off, unless only reading. A missing file is empty.

        Raises ArchiveError.
        """
        journal = cls(path, org=org, clock=clock, tell=tell)
        await _to_its_end(journal._look if read_only else journal._mend)
        return journal

    async def append(self, *facts: Fact) -> tuple[JournalLine, ...]:
        """Add facts, fsynced together. Raises ArchiveError, and then none was added; so if the journal is gone."""
        return await _to_its_end(lambda: self._append(facts))

    def lines(self, start: int = 0, previous: str = START) -> Iterator[JournalLine]:
        """Yield the lines from an offset to the end known now; `previous` is the hash of the line before them.

        A line that is not what was written there is yielded too, with its `problem`. Raises ArchiveError.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                while start < self.size:
                    raw = file.readline(self.size - start)
                    if not raw:
                        break  # shorter than it was: cut by someone else
                    line = _judge(raw.removesuffix(b"\n"), start, start + len(raw), previous)
                    yield line
                    start, previous = line.end, line.sha256
        except FileNotFoundError:
            return
        except OSError as error:
            raise archive_error(self.path, error) from error

    async def batch(self, start: int, previous: str, limit: int) -> tuple[JournalLine, ...]:
        """Return at most `limit` lines from an offset on, as `lines` does."""
        return await asyncio.to_thread(lambda: tuple(islice(self.lines(start, previous), limit)))

    async def verify_chain(self) -> int:
        """Read all lines and return their number. Raises RecordDamaged that names the first one that does not fit."""
        return await asyncio.to_thread(self._verify_chain)

    # --- in a thread ---------------------------------------------------------------------------------------------

    def _append(self, facts: tuple[Fact, ...]) -> tuple[JournalLine, ...]:
        with self._writing:
            self._mend_unlocked()  # another process may have written since
            at, start, previous = self._clock.now(), self.size, self.head
            lines: list[JournalLine] = []
            text = bytearray()
            for fact in facts:
                raw = write_line(fact, at=at, previous=previous)
                text += raw + b"\n"
                line = JournalLine(at, fact, start, start + len(raw) + 1, digest(raw))
                lines.append(line)
                start, previous = line.end, line.sha256
            if text:
                self._write(bytes(text))
            self.size, self.head = start, previous
            return tuple(lines)

    def _write(self, text: bytes) -> None:
        """Add whole lines and fsync them; leave the file as it was if that fails."""
        try:
            descriptor = self._open_for_writing()
            try:
                _write_all(descriptor, text)
                os.fsync(descriptor)
            except OSError:
                with suppress(OSError):  # then the next opening cuts it
                    os.ftruncate(descriptor, self.size)
                    os.fsync(descriptor)
                raise
            finally:
                os.close(descriptor)
        except OSError as error:
            raise archive_error(self.path, error) from error

    def _open_for_writing(self) -> int:
        if self.size == 0:  # perhaps new: a crash may have come between any two of these steps
            folder = self.path.parent
            folder.mkdir(_FOLDER_MODE, exist_ok=True)
            folder.chmod(_FOLDER_MODE)  # the umask may have taken the group's bits
            _sync_folder(folder.parent)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE)
        if self.size == 0:
            _sync_folder(self.path.parent)
        return descriptor

    def _mend(self) -> None:
        with self._writing:
            self._mend_unlocked()

    def _mend_unlocked(self) -> None:
        known = self.size
        end = self._look()
        if end.size < known:  # its disk is gone, say; a new one must not begin in its place
            raise ArchiveGone(f"{self.path}: it is shorter than it was, or gone", advice="Look at the archive's disk.")
        if not end.torn:
            return
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.ftruncate(descriptor, end.size)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise archive_error(self.path, error) from error
        self._tell(events.JournalMended(self._org, "cut", f"{end.torn} bytes of a line that was never finished"))

    def _look(self) -> _End:
        try:
            end = _end_of(self.path)
        except OSError as error:
            raise archive_error(self.path, error) from error
        self.size, self.head = end.size, end.head
        return end

    def _verify_chain(self) -> int:
        number = 0
        for number, line in enumerate(self.lines(), start=1):
            if line.problem is not None:
                raise RecordDamaged(f"{self.path}: line {number} (byte {line.start}): {line.problem}")
        return number


def _judge(raw: bytes, start: int, end: int, previous: str) -> JournalLine:
    """Read a line and say whether it follows the one before it."""
    try:
        read = read_line(raw)
    except ValueError as error:
        return JournalLine(_UNKNOWN_TIME, None, start, end, digest(raw), problem=str(error))
    problem = None if read.previous == previous else "it does not follow the line before it"
    return JournalLine(read.at, read.fact, start, end, digest(raw), problem=problem)


def _end_of(path: Path) -> _End:
    """Find the end by reading backwards, no further than the start of the last whole line."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return _End(0, 0, START)
    with file:
        size = file.seek(0, os.SEEK_END)
        length = min(size, _BLOCK)
        while True:
            file.seek(size - length)
            tail = file.read(length)
            last_newline = tail.rfind(b"\n")
            before = tail.rfind(b"\n", 0, max(last_newline, 0))
            if before >= 0 or length == size:
                break
            length = min(size, length * 4)
    if last_newline < 0:
        return _End(0, size, START)
    whole = size - length + last_newline + 1
    return _End(whole, size - whole, digest(tail[before + 1 : last_newline]))


def _write_all(descriptor: int, text: bytes) -> None:
    while text:
        text = text[os.write(descriptor, text) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _to_its_end(work: Callable[[], _T]) -> _T:
    """Do blocking work in a thread; when cancelled, still wait for its end, since the org's lock is let go after it."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        raise
