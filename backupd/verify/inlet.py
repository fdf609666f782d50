"""Bytes that arrive in blocks of any size, read as if they were all there.

A reader is a generator that says `yield from inlet.take(4)` and is suspended where the block at hand ends; so the same
reader serves a download in passing and a file on disk, and reads top to bottom.
"""

from collections.abc import Generator, Iterable
from typing import Protocol, TypeVar

from backupd.core.zipformat import ZipFault

T = TypeVar("T")
Steps = Generator[None, None, T]
"""A reader at work: it yields when it needs the next block, and returns what it read."""

Block = bytes | bytearray | memoryview

_NOTHING = memoryview(b"")
_FIRST_PIECE = 4096  # bytes; small members do not pay for a look at what follows them
_PIECE = 262144


class Ended(Exception):
    """The bytes ended before the reader did."""


class Sink(Protocol):
    """What takes a member's packed bytes."""

    @property
    def ended(self) -> bool:
        """Whether the data said itself that it is complete."""

    def feed(self, piece: memoryview) -> int:
        """Take a piece; returns how much of it belonged to the data."""


class Inlet:
    """The place where blocks go in and readers read. `offset` is that of the next unread byte in the file."""

    __slots__ = ("_at", "_block", "offset")

    def __init__(self, offset: int = 0) -> None:
        self.offset = offset
        self._block = _NOTHING
        self._at = 0

    def put(self, block: Block) -> None:
        """Offer the next block; what was unread of the one before is gone."""
        self._block = memoryview(block)
        self._at = 0

    def drop(self) -> None:
        """Let go of the block, so that its owner may reuse it."""
        self._block = _NOTHING
        self._at = 0

    def take(self, count: int) -> Steps[bytes]:
        """Return exactly the next `count` bytes."""
        end = self._at + count
        if end <= len(self._block):
            taken = bytes(self._block[self._at : end])
            self._at = end
        else:
            parts = bytearray()
            while len(parts) < count:
                while self._at == len(self._block):
                    yield
                end = self._at + count - len(parts)
                parts += self._block[self._at : end]
                self._at = min(end, len(self._block))
            taken = bytes(parts)
        self.offset += count
        return taken

    def pour(self, sink: Sink, count: int | None) -> Steps[int]:
        """Feed `count` bytes into the sink, or, if it is None, until the data ends itself; returns how many went in."""
        poured = 0
        piece = _FIRST_PIECE if count is None else _PIECE
        while not sink.ended and poured != count:
            while self._at == len(self._block):
                yield
            most = piece if count is None else min(piece, count - poured)
            used = sink.feed(self._block[self._at : self._at + most])
            self._at += used
            self.offset += used
            poured += used
            piece = _PIECE
        return poured

    def expect_nothing(self) -> Steps[None]:
        """Wait for the end of the file. Raises ZipFault at the first byte more."""
        while self._at == len(self._block):
            yield
        raise ZipFault("trailing_bytes", f"bytes follow the end of the zip at offset {self.offset}")


def run(steps: Steps[T], inlet: Inlet, blocks: Iterable[Block]) -> T:
    """Let a reader read these blocks. Raises Ended if they end before it does."""
    try:
        next(steps)
        for block in blocks:
            inlet.put(block)
            next(steps)
    except StopIteration as done:
        result: T = done.value
        return result
    raise Ended
