"""Unpacking a member's data to nothing but its length and CRC, in constant memory, by method.

isal does it two to three times faster than zlib; where it has no wheel, zlib serves.
"""

from backupd.core.zipformat import BZIP2, DEFLATED, LZMA, LZMA_END_MARK, STORED, Entry, ZipFault
from backupd.verify.engine import engine
from backupd.verify.pulled import AT_ONCE, Unpacker, bunzip2, damaged, unlzma
from backupd.verify.tally import Tally


def unpacker(entry: Entry, tally: Tally, *, packed: int | None, unpacked: int | None) -> Unpacker:
    """Return the unpacker for a member's method. Raises ZipFault if there is none.

    `packed` and `unpacked` are the lengths of its data as stated, if they are: LZMA without an end mark needs them.
    """
    try:
        if entry.method == STORED:
            return _Stored(tally)
        if entry.method == DEFLATED:
            return _Inflate(tally)
        if entry.method == BZIP2:
            return bunzip2(tally)
        if entry.method == LZMA:
            marked = bool(entry.flags & LZMA_END_MARK)
            return unlzma(tally, None if marked else packed, None if marked else unpacked)
    except ImportError:
        pass  # an optional part of the standard library
    raise ZipFault("unsupported_method", f"its compression method {entry.method} is not known here")


class _Stored:
    """Data as it is; its length is known from elsewhere."""

    __slots__ = ("_tally",)
    ended = False
    complete = True

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def feed(self, piece: memoryview) -> int:
        self._tally.packed += len(piece)
        self._tally.add(piece)
        return len(piece)


class _Inflate:
    """Deflated data, which says itself where it ends."""

    __slots__ = ("_stream", "_tally", "ended")

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._stream = engine.decompressobj(wbits=-15)
        self.ended = False

    @property
    def complete(self) -> bool:
        return self.ended

    def feed(self, piece: memoryview) -> int:
        self._tally.packed += len(piece)
        rest: memoryview | bytes = piece
        while True:
            try:
                unpacked = self._stream.decompress(rest, AT_ONCE)
            except engine.error:
                raise damaged() from None
            self._tally.add(unpacked)
            if self._stream.eof:
                self.ended = True
                spare = len(self._stream.unused_data)
                self._tally.packed -= spare
                return len(piece) - spare
            rest = self._stream.unconsumed_tail
            if not rest and len(unpacked) < AT_ONCE:  # behind a full output there may be more, with no input left
                return len(piece)
