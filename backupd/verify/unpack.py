"""Unpacking a member's data to nothing but its length and CRC, in constant memory, by method."""

from backupd.core.zipformat import BZIP2, DEFLATED, LZMA, LZMA_END_MARK, STORED, Entry, ZipFault
from backupd.verify.engine import engine
from backupd.verify.pulled import Pulled, Unpacker, bunzip2, unlzma
from backupd.verify.tally import Tally


def unpacker(entry: Entry, tally: Tally, *, packed: int | None, unpacked: int | None) -> Unpacker:
    """Return the unpacker for a member's method. Raises ZipFault if there is none.

    `packed` and `unpacked` are the lengths of its data as stated, if they are: LZMA without an end mark needs them.
    """
    try:
        if entry.method == STORED:
            return _Stored(tally)
        if entry.method == DEFLATED:
            return Pulled(engine.inflate(), (engine.error, EOFError, ValueError), tally)
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
