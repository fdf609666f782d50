"""Zips that cannot be read, or cost too much to."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace

from backupd.verify.limits import ZipLimits
from tests.fakes.corpus.case import LEADS, PHOTO, USUAL, Case
from tests.fakes.zips import (
    BZIP2,
    DEFLATED,
    LZMA,
    LZMA_END_MARK,
    MAX16,
    Member,
    build,
    central_header,
    local_header,
    pack,
)


def unreadable() -> Iterator[Case]:
    yield Case("encrypted", build([replace(LEADS, flags=1), PHOTO]), "encrypted")
    yield Case("encrypted, the local header says", build([replace(LEADS, local={"flags": 1})]), "encrypted")
    yield Case("encrypted, the directory says", build([replace(LEADS, central={"flags": 1})]), "directory")
    for flag, what in ((0x20, "patch data"), (0x40, "strong encryption"), (0x2000, "hidden values")):
        yield Case(f"{what}, the directory says", build([replace(LEADS, central={"flags": flag})]), "directory")
    yield Case("encrypted by AES", build([replace(LEADS, method=99, flags=1)]), "encrypted")
    yield Case("encrypted by AES, without the flag", build([replace(LEADS, method=99)]), "encrypted")
    yield Case("encrypted strongly", build([replace(LEADS, flags=0x41)]), "encrypted")
    yield Case("encrypted directory", build([replace(LEADS, flags=0x2041)]), "encrypted")
    yield Case("patch data", build([replace(LEADS, flags=0x20)]), "unsupported_method")
    for method, name in ((1, "shrunk"), (6, "imploded"), (9, "deflate64"), (93, "zstandard"), (95, "xz"), (98, "ppmd")):
        yield Case(name, build([LEADS, replace(PHOTO, method=method)]), "unsupported_method")
    packed = pack(PHOTO.content, LZMA)
    vast = packed[:5] + b"\xff\xff\xff\xff" + packed[9:]
    yield Case("lzma wants 4 GB", build([replace(PHOTO, method=LZMA, packed_bytes=vast)]), "unsupported_method")
    for window, reason in ((64 * 1024**2, None), (64 * 1024**2 + 1, "unsupported_method")):
        asking = packed[:5] + struct.pack("<I", window) + packed[9:]
        member = replace(PHOTO, method=LZMA, flags=LZMA_END_MARK, packed_bytes=asking)
        yield Case(f"lzma wants {window} bytes", build([member]), reason)
    odd = packed[:4] + b"\xff" + packed[5:]
    yield Case("lzma properties out of range", build([replace(PHOTO, method=LZMA, packed_bytes=odd)]), "damaged_data")
    long = packed[:2] + b"\x06\x00" + packed[4:]
    yield Case(
        "lzma properties too long", build([replace(PHOTO, method=LZMA, packed_bytes=long)]), "unsupported_method"
    )


def bombs() -> Iterator[Case]:
    zeros = bytes(4_000_000)
    yield Case("bzip2 bomb", build([Member(name=b"z", method=BZIP2, content=zeros)]), "ratio")
    yield Case("lzma bomb", build([Member(name=b"z", method=LZMA, content=zeros, flags=LZMA_END_MARK)]), "ratio")
    flat = Member(name=b"z", method=DEFLATED, content=zeros)
    yield Case("deflate bomb, ratio limited", build([flat]), "ratio", limits=ZipLimits(max_ratio=100))
    yield Case("total limited", build([flat, flat]), "total_size", limits=ZipLimits(max_total=7_999_999))
    yield Case("total just within", build([flat, flat]), members=2, limits=ZipLimits(max_total=8_000_000))
    described = replace(flat, descriptor="signed")
    yield Case("total limited, descriptor", build([described] * 2), "total_size", limits=ZipLimits(max_total=7_999_999))
    yield Case("members limited", build(USUAL), "too_many_members", limits=ZipLimits(max_members=3))
    yield Case("members just within", build(USUAL), members=4, limits=ZipLimits(max_members=4))
    yield Case("overlapping bomb", _overlapping(), "directory", on_disk="overlap")


def _overlapping() -> bytes:
    """Make a bomb whose members share one kernel of zeros: each quotes the next one's header and data."""
    content = bytes(1_000_000)
    data = pack(content, DEFLATED)
    tail, quoted = b"", b""
    listed: list[tuple[int, dict[str, int | bytes]]] = []
    for number in range(20):
        if number:
            data = b"\x00" + struct.pack("<HH", len(quoted), len(quoted) ^ MAX16) + tail
            content = quoted + content
        fields: dict[str, int | bytes] = {"name": b"%02d" % number, "flags": 0, "method": DEFLATED, "extra": b""}
        fields |= {"crc": zlib.crc32(content), "packed": len(data), "unpacked": len(content)}
        quoted = local_header(fields)
        tail = quoted + data
        listed.append((len(tail), fields))
    directory = b"".join(
        central_header(fields | {"comment": b"", "offset": len(tail) - length}) for length, fields in reversed(listed)
    )
    end = struct.pack("<HHHHIIH", 0, 0, len(listed), len(listed), len(directory), len(tail), 0)
    return tail + directory + b"PK\x05\x06" + end
