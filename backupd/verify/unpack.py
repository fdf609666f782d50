"""Unpacking a member's data to nothing but its length and CRC, in constant memory, by method.

isal does it two to three times faster than zlib; where it has no wheel, zlib serves.
"""

from typing import Any, Protocol

from backupd.core.zipformat import BZIP2, DEFLATED, LZMA, LZMA_END_MARK, STORED, Entry, ZipFault
from backupd.verify.inlet import Sink


def _engine() -> Any:
    try:
        from isal import isal_zlib
    except ImportError:
        import zlib

        return zlib
    return isal_zlib


engine = _engine()
_OUT = 262144  # bytes unpacked in one go
_FREE = 1024**2  # bytes of a member that the ratio does not count
_WIDEST_LZMA_WINDOW = 64 * 1024**2  # bytes; a header may ask for 4 GB of memory


class Tally:
    """Length and CRC of what was unpacked of one member; stops what grows beyond its bounds."""

    __slots__ = ("_max_ratio", "_most", "_too_much", "crc", "packed", "unpacked")

    def __init__(self, *, max_ratio: float, most: int, too_much: ZipFault) -> None:
        self.packed = 0  # bytes fed so far
        self.unpacked = 0
        self.crc = 0
        self._max_ratio = max_ratio
        self._most = most
        self._too_much = too_much

    def add(self, unpacked: bytes | memoryview) -> None:
        """Count what came out. Raises ZipFault beyond a bound."""
        self.unpacked += len(unpacked)
        if self.unpacked > self._most:
            raise self._too_much
        if self.unpacked > _FREE + self._max_ratio * self.packed:
            raise ZipFault("ratio", f"it unpacks to more than {self._max_ratio:g} times its size")
        self.crc = engine.crc32(unpacked, self.crc)


class Unpacker(Sink, Protocol):
    """A member's data going through."""

    @property
    def complete(self) -> bool:
        """Whether nothing is missing, now that all packed bytes are in."""


def unpacker(entry: Entry, tally: Tally) -> Unpacker:
    """Return the unpacker for a member's method. Raises ZipFault if there is none."""
    try:
        if entry.method == STORED:
            return _Stored(tally)
        if entry.method == DEFLATED:
            return _Inflate(tally)
        if entry.method == BZIP2:
            return _bunzip2(tally)
        if entry.method == LZMA:
            return _Unlzma(tally, marked=bool(entry.flags & LZMA_END_MARK))
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
    """Data that is pulled out of a decompressor of the standard library; `marked` if it says itself where it ends."""

    __slots__ = ("_errors", "_marked", "_stream", "_tally", "ended")

    def __init__(
        self, stream: _Decompressor, errors: tuple[type[Exception], ...], tally: Tally, *, marked: bool
    ) -> None:
        self._stream = stream
        self._errors = errors
        self._tally = tally
        self._marked = marked
        self.ended = False

    @property
    def complete(self) -> bool:
        return self.ended or not self._marked

    def feed(self, piece: memoryview) -> int:
        self._tally.packed += len(piece)
        rest: memoryview | bytes = piece
        while True:
            try:
                unpacked = self._stream.decompress(rest, _OUT)
            except self._errors:
                raise _damaged() from None
            self._tally.add(unpacked)
            if self._stream.eof:
                self.ended = True
                spare = len(self._stream.unused_data)
                self._tally.packed -= spare
                return len(piece) - spare
            if self._stream.needs_input and len(unpacked) < _OUT:
                return len(piece)
            rest = b""


def _bunzip2(tally: Tally) -> Unpacker:
    import bz2

    return _Pulled(bz2.BZ2Decompressor(), (OSError, EOFError, ValueError), tally, marked=True)


class _Unlzma:
    """LZMA data behind its header of nine bytes: version, length of the properties, properties."""

    __slots__ = ("_header", "_inner", "_marked", "_tally")
    _HEADER = 9

    def __init__(self, tally: Tally, *, marked: bool) -> None:
        import lzma  # noqa: F401 — here, so that a Python without it refuses the method before the first byte

        self._tally = tally
        self._marked = marked
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
        self._inner = _open_lzma(self._header, self._tally, marked=self._marked)
        return missing + self._inner.feed(piece[missing:])


def _open_lzma(header: bytes, tally: Tally, *, marked: bool) -> _Pulled:
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
    return _Pulled(stream, (lzma.LZMAError, EOFError, ValueError), tally, marked=marked)


def _damaged() -> ZipFault:
    return ZipFault("damaged_data", "its compressed data is damaged")
