"""Unpacking a member's data to nothing but its length and CRC, in constant memory, by method.

isal does it two to three times faster than zlib; where it has no wheel, zlib serves.
"""

from typing import Protocol

from backupd.core.zipformat import BZIP2, DEFLATED, LZMA, LZMA_END_MARK, STORED, Entry, ZipFault
from backupd.verify.engine import engine
from backupd.verify.inlet import Sink
from backupd.verify.tally import Tally

_OUT = 262144  # bytes unpacked in one go
_WIDEST_LZMA_WINDOW = 64 * 1024**2  # bytes; a header may ask for 4 GB of memory


class Unpacker(Sink, Protocol):
    """A member's data going through."""

    @property
    def complete(self) -> bool:
        """Whether nothing is missing, now that all packed bytes are in."""


def unpacker(entry: Entry, tally: Tally, stated: int | None) -> Unpacker:
    """Return the unpacker for a member's method. Raises ZipFault if there is none.

    `stated` is the length it should unpack to, if that is known; only LZMA without an end mark needs it.
    """
    try:
        if entry.method == STORED:
            return _Stored(tally)
        if entry.method == DEFLATED:
            return _Inflate(tally)
        if entry.method == BZIP2:
            return _bunzip2(tally)
        if entry.method == LZMA:
            return _Unlzma(tally, None if entry.flags & LZMA_END_MARK else stated)
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
                unpacked = self._stream.decompress(rest, _OUT)
            except engine.error:
                raise _damaged() from None
            self._tally.add(unpacked)
            if self._stream.eof:
                self.ended = True
                spare = len(self._stream.unused_data)
                self._tally.packed -= spare
                return len(piece) - spare
            rest = self._stream.unconsumed_tail
            if not rest and len(unpacked) < _OUT:  # behind a full output there may be more, with no input left
                return len(piece)


class _Decompressor(Protocol):
    """How bz2 and lzma of the standard library look."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: memoryview | bytes, max_length: int = ..., /) -> bytes: ...


class _Pulled:
    """Data that is pulled out of a decompressor of the standard library.

    `length` is None where the data says itself where it ends. Otherwise what would be made of the last few
    bytes means nothing, and it is stopped at that length.
    """

    __slots__ = ("_errors", "_length", "_stream", "_tally", "ended")

    def __init__(
        self, stream: _Decompressor, errors: tuple[type[Exception], ...], tally: Tally, length: int | None = None
    ) -> None:
        self._stream = stream
        self._errors = errors
        self._tally = tally
        self._length = length
        self.ended = False

    @property
    def complete(self) -> bool:
        return self.ended or self._tally.unpacked == self._length

    def feed(self, piece: memoryview) -> int:
        self._tally.packed += len(piece)
        rest: memoryview | bytes = piece
        while True:
            most = _OUT if self._length is None else min(_OUT, self._length - self._tally.unpacked)
            if not most:
                return len(piece)
            try:
                unpacked = self._stream.decompress(rest, most)
            except self._errors:
                raise _damaged() from None
            self._tally.add(unpacked)
            if self._stream.eof:
                self.ended = True
                spare = len(self._stream.unused_data)
                self._tally.packed -= spare
                return len(piece) - spare
            if self._stream.needs_input and len(unpacked) < most:
                return len(piece)
            rest = b""


def _bunzip2(tally: Tally) -> Unpacker:
    import bz2

    return _Pulled(bz2.BZ2Decompressor(), (OSError, EOFError, ValueError), tally)


class _Unlzma:
    """LZMA data behind its header of nine bytes: version, length of the properties, properties."""

    __slots__ = ("_header", "_inner", "_length", "_tally")
    _HEADER = 9

    def __init__(self, tally: Tally, length: int | None) -> None:
        import lzma  # noqa: F401 — here, so that a Python without it refuses the method before the first byte

        self._tally = tally
        self._length = length
        self._header = b""
        self._inner: _Pulled | None = None

    @property
    def ended(self) -> bool:
        return self._inner is not None and self._inner.ended

    @property
    def complete(self) -> bool:
        return self._inner is not None and self._inner.complete

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


def _open_lzma(header: bytes, tally: Tally, length: int | None) -> _Pulled:
    import lzma

    window = int.from_bytes(header[5:9], "little")
    if header[2:4] != b"\x05\x00" or window > _WIDEST_LZMA_WINDOW:
        raise ZipFault("unsupported_method", "its LZMA properties are not usual, or ask for too much memory")
    position, context = divmod(header[4], 9)
    bits = {"pb": position // 5, "lp": position % 5, "lc": context}
    try:
        stream = lzma.LZMADecompressor(
            lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, "dict_size": max(window, 4096), **bits}]
        )
    except (lzma.LZMAError, ValueError):
        raise _damaged() from None
    return _Pulled(stream, (lzma.LZMAError, EOFError, ValueError), tally, length)


def _damaged() -> ZipFault:
    return ZipFault("damaged_data", "its compressed data is damaged")
