"""The part file on the disk: opened, written, read, synced; what the system refuses becomes an error of ours."""

import asyncio
import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from backupd.core.errors import ArchiveError, ArchiveFull
from backupd.core.ranges import Ranges
from backupd.core.slot import Slot
from backupd.download.record import Kept, Record, Story, forget

_T = TypeVar("_T")
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def archive_error(error: OSError, path: Path) -> ArchiveError:
    """Translate what the disk said about a file."""
    reason = error.strerror or type(error).__name__
    if error.errno in _FULL:
        return ArchiveFull(f"no room for {path}: {reason}")
    return ArchiveError(f"{path}: {reason}")


class PartFile:
    """An open part file and its record. Every method blocks and may raise OSError; none belongs on the event loop."""

    def __init__(self, file: int, record: Record) -> None:
        self._file = file
        self._record = record

    @classmethod
    def begin(cls, slot: Slot, kept: Kept, boot: str) -> "PartFile":
        """Start from nothing: what lay there is dropped before the new record says anything."""
        forget(slot)
        return cls._open(slot, kept, boot, first=True)

    @classmethod
    def go_on(cls, slot: Slot, kept: Kept, boot: str) -> "PartFile":
        """Go on with what is kept."""
        return cls._open(slot, kept, boot, first=False)

    @classmethod
    def keep(cls, slot: Slot, kept: Kept, boot: str, data: bytes) -> None:
        """Leave a file that came whole, for good, and only then a record of it."""
        forget(slot)
        file = cls(_opened(slot.part, os.O_CREAT | os.O_TRUNC), Record(slot, boot))
        try:
            file._write(memoryview(data), 0)
            os.fsync(file._file)
            file._record.begin(replace(kept, ranges=Ranges.of([(0, len(data))])), first=True)
        finally:
            file.close()

    @classmethod
    def _open(cls, slot: Slot, kept: Kept, boot: str, *, first: bool) -> "PartFile":
        file = cls(_opened(slot.part, os.O_CREAT | os.O_TRUNC if first else 0), Record(slot, boot))
        try:
            file._record.begin(kept, first=first)
        except OSError:
            file.close()
            raise
        return file

    def write(self, data: memoryview, offset: int) -> None:
        """Write all of it, then say so in the record."""
        self._write(data, offset)
        self._record.add_range(offset, offset + len(data))

    def read(self, into: memoryview, offset: int) -> None:
        """Fill `into` from the file. Raises OSError (EIO) if the file is shorter than its record says."""
        at = 0
        while at < len(into):
            count = os.preadv(self._file, [into[at:]], offset + at)
            if count == 0:
                raise OSError(errno.EIO, "the file is shorter than its record says")
            at += count

    def sync(self, written: Ranges) -> None:
        """Make what was written so far last, then say in the record that these ranges do."""
        os.fdatasync(self._file)
        self._record.add_synced(written)

    def complete(self, total: int) -> None:
        """Cut off what lies behind the end, and make the whole file last."""
        if os.fstat(self._file).st_size > total:
            os.ftruncate(self._file, total)
        os.fsync(self._file)

    def note(self, story: Story) -> None:
        """Write the story so far into the record."""
        self._record.add_story(story)

    def close(self) -> None:
        """Let go of both files; they stay."""
        file, self._file = self._file, -1  # the system may give its number to another file at once
        os.close(file)
        self._record.close()

    def _write(self, data: memoryview, offset: int) -> None:
        at = 0
        while at < len(data):
            at += os.pwrite(self._file, data[at:], offset + at)


def _opened(part: Path, how: int) -> int:
    return os.open(part, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | how, 0o600)


async def on_disk(slot: Slot, work: Callable[[], _T]) -> _T:
    """Do blocking work on the part file in a thread. Raises ArchiveError."""
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise archive_error(error, slot.part) from error
