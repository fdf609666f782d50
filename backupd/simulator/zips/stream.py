"""The zip format as a stream: members one after the other, nothing is ever gone back to.

Deflated members have a data descriptor after them and stored ones their sizes before them, as Java's ZipOutputStream
writes them. Names are bytes and never get the UTF-8 flag. A deflated member is put together from blocks, each
compressed by itself and usable again, so that gigabytes cost little more than copying.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

_STORED, _DEFLATED = 0, 8
_DESCRIPTOR = 0x0008  # general purpose flag: sizes and CRC follow the data
_VERSION, _VERSION_64 = 20, 45
_DATE_TIME = (42 << 9 | 6 << 5 | 23) << 16 | 12 << 11  # 2022-06-23 12:00:00
_FINAL_BLOCK = b"\x03\x00"  # an empty block of fixed codes, marked as the last one
_MAX_32, _MAX_16 = 0xFFFFFFFF, 0xFFFF
_POLYNOMIAL = 0xEDB88320


@dataclass(frozen=True, slots=True)
class Block:
    """Deflated data that ends on a byte and can stand next to any other block."""

    raw_size: int
    crc: int
    deflated: bytes


def deflate(raw: bytes) -> Block:
    """Compress `raw` into a block."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
    return Block(len(raw), zlib.crc32(raw), compressor.compress(raw) + compressor.flush(zlib.Z_FULL_FLUSH))


class ZipStream:
    """The bytes of one zip in their order; what is still to come is unknown to what was given out."""

    def __init__(self, *, zip64: bool = False) -> None:
        """Begin an empty zip; `zip64` asks for zip64 end records even where none are needed."""
        self.written = 0
        self._central = bytearray()
        self._members = 0
        self._zip64 = zip64

    def stored(self, name: bytes, content: bytes) -> Iterator[bytes]:
        """Add a member as it is."""
        start, crc, size = self.written, zlib.crc32(content), len(content)
        yield self._count(_local(name, flags=0, method=_STORED, crc=crc, size=size, raw_size=size))
        yield self._count(content)
        self._enter(name, flags=0, method=_STORED, crc=crc, size=size, raw_size=size, start=start)

    def deflated(self, name: bytes, blocks: Iterable[Block]) -> Iterator[bytes]:
        """Add a member out of blocks, which are taken one at a time."""
        start, crc, raw_size = self.written, 0, 0
        yield self._count(_local(name, flags=_DESCRIPTOR, method=_DEFLATED, crc=0, size=0, raw_size=0))
        data_start = self.written
        for block in blocks:
            yield self._count(block.deflated)
            crc, raw_size = combine(crc, block.crc, block.raw_size), raw_size + block.raw_size
        yield self._count(_FINAL_BLOCK)
        size = self.written - data_start
        yield self._count(b"PK\x07\x08" + struct.pack("<3L", crc, size, raw_size))
        self._enter(name, flags=_DESCRIPTOR, method=_DEFLATED, crc=crc, size=size, raw_size=raw_size, start=start)

    def end(self) -> Iterator[bytes]:
        """Close the zip: the central directory and the end records."""
        start, size, members = self.written, len(self._central), self._members
        yield self._count(bytes(self._central))
        if self._zip64 or start > _MAX_32 or members > _MAX_16:
            end_64 = self.written
            versions = (_VERSION_64, _VERSION_64)
            yield self._count(
                b"PK\x06\x06" + struct.pack("<Q2H2L4Q", 44, *versions, 0, 0, members, members, size, start)
            )
            yield self._count(b"PK\x06\x07" + struct.pack("<LQL", 0, end_64, 1))
            members, start = _MAX_16, _MAX_32
        yield self._count(b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, members, members, size, start, 0))

    def _count(self, piece: bytes) -> bytes:
        self.written += len(piece)
        return piece

    def _enter(  # the fields of a central directory entry
        self, name: bytes, *, flags: int, method: int, crc: int, size: int, raw_size: int, start: int
    ) -> None:
        extra, version = b"", _VERSION
        if start > _MAX_32:
            extra, version, start = struct.pack("<2HQ", 1, 8, start), _VERSION_64, _MAX_32
        head = struct.pack("<6H", version, version, flags, method, _DATE_TIME & _MAX_16, _DATE_TIME >> 16)
        sizes = struct.pack("<3L", crc, size, raw_size)
        tail = struct.pack("<5H2L", len(name), len(extra), 0, 0, 0, 0, start)
        self._central += b"PK\x01\x02" + head + sizes + tail + name + extra
        self._members += 1


def _local(name: bytes, *, flags: int, method: int, crc: int, size: int, raw_size: int) -> bytes:
    head = struct.pack("<5H", _VERSION, flags, method, _DATE_TIME & _MAX_16, _DATE_TIME >> 16)
    return b"PK\x03\x04" + head + struct.pack("<3L2H", crc, size, raw_size, len(name), 0) + name


def combine(first: int, second: int, second_size: int) -> int:
    """Give the CRC-32 of two pieces in a row out of theirs, as zlib's crc32_combine does."""
    for bit, column in enumerate(_zeros(second_size)):
        if first >> bit & 1:
            second ^= column
    return second


@lru_cache(maxsize=1024)
def _zeros(size: int) -> tuple[int, ...]:
    """Give the 32 columns of the matrix that moves a CRC over `size` bytes of zero."""
    result = tuple(1 << bit for bit in range(32))
    step: tuple[int, ...] = (_POLYNOMIAL, *(1 << bit for bit in range(31)))  # over one bit
    for _ in range(3):
        step = tuple(_times(step, column) for column in step)  # over one byte
    while size:
        if size & 1:
            result = tuple(_times(step, column) for column in result)
        step, size = tuple(_times(step, column) for column in step), size >> 1
    return result


def _times(matrix: tuple[int, ...], vector: int) -> int:
    total, bit = 0, 0
    while vector:
        if vector & 1:
            total ^= matrix[bit]
        vector, bit = vector >> 1, bit + 1
    return total
