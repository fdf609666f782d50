"""Unpacking by decompressors: bzip2, and LZMA in the form that zips give it, come from the standard library."""

from typing import Protocol

from backupd.core.zipformat import ZipFault
from backupd.verify.engine import Decompressor
from backupd.verify.inlet import Sink
from backupd.verify.tally import Tally

AT_ONCE = 1024**2  # bytes unpacked in one go: each call gives the interpreter's lock away and has to get it back
_WIDEST_LZMA_WINDOW = 64 * 1024**2  # bytes; a header may ask for 4 GB of memory


class Unpacker(Sink, Protocol):
    """A member's data going through."""

    @property
    def complete(self) -> bool:
        """Whether nothing is missing, now that all packed bytes are in."""


class Pulled:
    """Data that is pulled out of a decompressor; it knows where the data ends."""

    __slots__ = ("_errors", "_stream", "_tally", "ended")

    def __init__(self, stream: Decompressor, errors: tuple[type[Exception], ...], tally: Tally) -> None:
        self._stream = stream
        self._errors = errors
        self._tally = tally
        self.ended = False

    @property
    def complete(self) -> bool:
        """See Unpacker."""
        return self.ended

    def feed(self, piece: memoryview) -> int:
        """See Sink. Raises ZipFault if the data makes no sense."""
        self._tally.packed += len(piece)
        rest: memoryview | bytes = piece
        while True:
            try:
                unpacked = self._stream.decompress(rest, AT_ONCE)
            except self._errors:
                raise damaged() from None
            self._tally.add(unpacked)
            if self._stream.eof:
                self.ended = True
                return len(piece) - len(self._stream.unused_data)
            if self._stream.needs_input and len(unpacked) < AT_ONCE:
                return len(piece)
            rest = b""


def bunzip2(tally: Tally) -> Unpacker:
    """Return the unpacker for bzip2. Raises ImportError where the standard library lacks it."""
    import bz2

    return Pulled(bz2.BZ2Decompressor(), (OSError, EOFError, ValueError), tally)


def unlzma(tally: Tally, packed: int | None, unpacked: int | None) -> Unpacker:
    """Return the unpacker for LZMA; lengths that are not told mean that an end mark tells where the data ends.

    Raises ImportError where the standard library lacks it.
    """
    if packed is None or unpacked is None:
        return _Unlzma(tally)
    return _UnmarkedLzma(_Unlzma(tally, unpacked), packed)


class _Unlzma:
    """LZMA data behind its header of nine bytes: version, length of the properties, properties.

    `length` is what it unpacks to, or None where an end mark tells where it ends.
    """

    __slots__ = ("_header", "_inner", "_length", "_tally")
    _HEADER = 9

    def __init__(self, tally: Tally, length: int | None = None) -> None:
        import lzma  # noqa: F401 — here, so that a Python without it refuses the method before the first byte

        self._tally = tally
        self._length = length
        self._header = b""
        self._inner: Pulled | None = None

    @property
    def ended(self) -> bool:
        return self._inner is not None and self._inner.ended

    @property
    def complete(self) -> bool:
        return self.ended

    def feed(self, piece: memoryview) -> int:
        if self._inner is not None:
            return self._inner.feed(piece)
        missing = self._HEADER - len(self._header)
        self._header += piece[:missing]
        self._tally.packed += len(piece[:missing])
        if len(piece) < missing:
            return len(piece)
        self._inner = _open_lzma(self._header, self._tally, self._length)
        return missing + self._inner.feed(piece[missing:])


class _UnmarkedLzma:
    """LZMA data of known lengths, without an end mark.

    liblzma judges a contradiction (an end mark all the same) by how much it is given at once, so the last bytes go in
    one by one: the verdict must not hang on how the file arrived.
    """

    __slots__ = ("_inner", "_left")
    _ONE_BY_ONE = 32

    def __init__(self, inner: _Unlzma, packed: int) -> None:
        self._inner = inner
        self._left = packed

    @property
    def ended(self) -> bool:
        return self._inner.ended

    @property
    def complete(self) -> bool:
        return self._inner.ended

    def feed(self, piece: memoryview) -> int:
        at_once = max(1, min(len(piece), self._left - self._ONE_BY_ONE))
        used = self._inner.feed(piece[:at_once])
        while used == at_once and at_once < len(piece) and not self.ended:
            at_once += 1
            used += self._inner.feed(piece[at_once - 1 : at_once])
        self._left -= used
        return used


def _open_lzma(header: bytes, tally: Tally, length: int | None) -> Pulled:
    """Begin an .lzma file in place of the zip's header: its decoder, unlike the raw one, knows where the data ends."""
    import lzma

    window = int.from_bytes(header[5:9], "little")
    if header[2:4] != b"\x05\x00" or window > _WIDEST_LZMA_WINDOW:
        raise ZipFault("unsupported_method", "its LZMA properties are not usual, or ask for too much memory")
    stream = lzma.LZMADecompressor(lzma.FORMAT_ALONE)
    unknown = (1 << 64) - 1
    try:
        stream.decompress(header[4:9] + (unknown if length is None else length).to_bytes(8, "little"))
    except lzma.LZMAError:
        raise damaged() from None
    return Pulled(stream, (lzma.LZMAError, EOFError, ValueError), tally)


def damaged() -> ZipFault:
    """Say that compressed data makes no sense."""
    return ZipFault("damaged_data", "its compressed data is damaged")
