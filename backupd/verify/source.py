"""A file on disk, read in large blocks by several threads at once, each at its own place."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from backupd.core.errors import ArchiveError

_BLOCK = 262144  # bytes

Tick = Callable[[], None]
"""Called before each block is read; may raise to stop the reading."""


def _carry_on() -> None:
    return


class Source:
    """An open file; `size` is its length when it was opened. Raises ArchiveError for whatever the disk refuses."""

    def __init__(self, path: Path, tick: Tick = _carry_on) -> None:
        self._path = path
        self._tick = tick
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self.size = os.fstat(self._fd).st_size
        except OSError as error:
            raise unreadable(path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)

    def blocks(self, start: int, end: int) -> Iterator[memoryview]:
        """Read from `start` up to `end`, or the end of the file. Each block is gone when the next is asked for."""
        buffer = memoryview(bytearray(min(_BLOCK, max(0, end - start))))
        while start < end:
            self._tick()
            try:
                count = os.preadv(self._fd, [buffer[: end - start]], start)
            except OSError as error:
                raise unreadable(self._path, error) from error
            if not count:
                return
            yield buffer[:count]
            start += count

    def read(self, start: int, count: int) -> bytes:
        """Return up to `count` bytes at `start`: fewer at the end of the file, none outside of it."""
        if not 0 <= start < self.size:
            return b""
        return b"".join(bytes(block) for block in self.blocks(start, start + count))


def unreadable(path: Path, error: OSError) -> ArchiveError:
    """Say that the disk refused: the path and the system's reason."""
    return ArchiveError(f"{path} could not be read: {error.strerror or type(error).__name__}")
