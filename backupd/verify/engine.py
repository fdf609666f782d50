"""The code that inflates and computes CRCs: isal, two to three times faster, or zlib where isal has no wheel."""

import zlib
from collections.abc import Callable
from typing import NamedTuple, Protocol, cast

_ALL_THAT_IS_UNPACKED_AT_ONCE = 24 * 1024**2  # bytes, and more; of 32 MB and above glibc learns nothing


class Decompressor(Protocol):
    """How the decompressors of bz2 and lzma look: what input they cannot use yet, they keep."""

    @property
    def eof(self) -> bool:
        """Whether the data has said that it is complete."""

    @property
    def needs_input(self) -> bool:
        """Whether there is no input left."""

    @property
    def unused_data(self) -> bytes:
        """What of the input follows the data's end."""

    def decompress(self, data: bytes | memoryview, max_length: int, /) -> bytes:
        """Unpack at most so many bytes; `data` is empty as long as no input is needed."""


class Engine(NamedTuple):
    """One library's way; both give the same answers."""

    crc32: Callable[[bytes | memoryview, int], int]
    inflate: Callable[[], Decompressor]  # of deflated data without any header
    error: type[Exception]  # what inflating raises


class _Inflate:
    """zlib's decompressor, which leaves keeping its input to others."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=-zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        return not self._stream.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes | memoryview, max_length: int, /) -> bytes:
        return self._stream.decompress(self._stream.unconsumed_tail or data, max_length)


STANDARD = Engine(zlib.crc32, _Inflate, zlib.error)


def _best() -> Engine:
    try:
        from isal import igzip_lib, isal_zlib
    except ImportError:
        return STANDARD

    def inflate() -> Decompressor:  # not isal_zlib's: its leftovers of any size tear holes into the heap, which grows
        stream: Decompressor = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)
        return stream

    error = cast("type[Exception]", igzip_lib.IsalError)  # its stubs say that it is one
    return Engine(isal_zlib.crc32, inflate, error)


engine = _best()
bytes(_ALL_THAT_IS_UNPACKED_AT_ONCE)
"""Never touched, and gone at once: but glibc now keeps blocks of such sizes instead of giving each back to the system,
which costs a third of the time of inflating."""
