"""Reading an archived file again: length, sha256 and zip, in one go, and what came out of it as a value."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from backupd.core.errors import ArchiveError, ZipRejected
from backupd.core.model import Checked
from backupd.verify.disk import DiskCheck
from backupd.verify.limits import ZipLimits
from backupd.verify.passing import PassingCheck
from backupd.verify.source import Source

_WORTH_SPLITTING = 8 * 1024**2  # bytes; below it, a second thread costs more than it brings


@dataclass(frozen=True, slots=True)
class Whole:
    """The file was read in full and its zip is whole."""

    size: int
    sha256: str  # lower-case hex
    checked: Checked


@dataclass(frozen=True, slots=True)
class Damaged:
    """The file was read in full and its zip is not whole."""

    size: int
    sha256: str
    why: ZipRejected


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no such file."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The disk refused: nothing can be said about the file."""

    why: ArchiveError


FileReading = Whole | Damaged | Missing | Unreadable
Progress = Callable[[int], None]
"""Told the number of bytes read since the last call, from any thread."""


class _Stopped(Exception):
    """The reader was told to stop."""


def check_file(
    path: Path, limits: ZipLimits, *, name: str | None = None, workers: int = 1, progress: Progress | None = None
) -> FileReading:
    """Read the file once and judge it; blocks, with up to `workers` threads at work on members of a large file.

    `name` is what error texts call the file. `progress` is told of each byte once.
    """
    return _check_file(path, limits, name or path.name, workers, progress or _tell_nobody, Event())


async def read_again(
    path: Path, limits: ZipLimits, *, name: str | None = None, workers: int = 1, progress: Progress | None = None
) -> FileReading:
    """As check_file, off the event loop. When it is cancelled, the reading stops at the next block."""
    stop = Event()
    reading = asyncio.ensure_future(
        asyncio.to_thread(_check_file, path, limits, name or path.name, workers, progress or _tell_nobody, stop)
    )
    try:
        return await asyncio.shield(reading)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([reading])
        reading.exception()  # it is _Stopped, or came too late to matter
        raise


def _check_file(path: Path, limits: ZipLimits, name: str, workers: int, progress: Progress, stop: Event) -> FileReading:
    def tick() -> None:
        if stop.is_set():
            raise _Stopped

    try:
        with Source(path, tick) as source:
            hashing = _Hashing(source, progress)
            try:
                if workers > 1 and source.size >= _WORTH_SPLITTING:
                    checked = _by_members(hashing, DiskCheck(source, name, limits), workers)
                else:
                    checked = _in_passing(hashing.blocks(), PassingCheck(name, limits), path)
            except ZipRejected as rejection:
                why = rejection
                if rejection.member is None and workers > 1:
                    why = _seen_from_the_start(source, PassingCheck(name, limits)) or rejection
                return Damaged(hashing.size, hashing.sha256, why)
            return Whole(hashing.size, hashing.sha256, checked)
    except ArchiveError as error:
        return Missing() if isinstance(error.__cause__, FileNotFoundError) else Unreadable(error)


class _Hashing:
    """The file's bytes, in order, going into the digest."""

    def __init__(self, source: Source, progress: Progress) -> None:
        self._source = source
        self._progress = progress
        self._digest = hashlib.sha256()
        self.size = 0  # bytes read

    def blocks(self) -> Iterator[memoryview]:
        for block in self._source.blocks(0, self._source.size):
            self._digest.update(block)
            yield block
            self.size += len(block)
            self._progress(len(block))

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def _in_passing(blocks: Iterator[memoryview], check: PassingCheck, path: Path) -> Checked:
    """Check block by block in this thread; what is wrong is said when all was read."""
    wrong = False
    for block in blocks:
        if not wrong:
            try:
                check.feed(block)
            except ZipRejected:
                wrong = True
    return check.finish(path)


def _by_members(hashing: _Hashing, check: DiskCheck, workers: int) -> Checked:
    """Hash in one thread and check members in the others; the first one joins them when it is done."""

    def hash_then_work() -> None:
        for _ in hashing.blocks():
            pass
        check.work()

    with ThreadPoolExecutor(workers, thread_name_prefix="verify") as pool:
        jobs = [pool.submit(hash_then_work), *(pool.submit(check.work) for _ in range(workers - 1))]
    for job in jobs:
        job.result()
    return check.verdict()


def _seen_from_the_start(source: Source, check: PassingCheck) -> ZipRejected | None:
    """Find what is wrong first: a lost byte is a broken end record from the end, a damaged member from here."""
    try:
        for block in source.blocks(0, source.size):
            check.feed(block)
    except ZipRejected as rejection:
        return rejection
    return None


def _tell_nobody(_: int) -> None:
    return
