"""The corpus: whole and hostile zips, each with the one answer that is expected of it."""

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from backupd.verify.limits import ZipLimits
from tests.fakes.zips import (
    BZIP2,
    DEFLATED,
    EMPTY,
    LZMA,
    LZMA_END_MARK,
    MAX16,
    MAX32,
    Descriptor,
    Member,
    build,
    central_header,
    extra_field,
    local_header,
    pack,
)

LEADS = Member(content=b"Record Id,Last Name\n" + b"zcrm_4876876000001594004,\xc3\x84rger\n" * 40)
DEALS = Member(name=b"Data/Deals_001.csv", method=DEFLATED, content=b"Record Id,Amount\n" + b"zcrm_1,100.00\n" * 300)
PHOTO = Member(name=b"RecordImages/0badc0de.png", content=bytes(range(256)) * 8)
NOTE = Member(name=b"Attachments/4876876_Ren\xe9 M\xfcller.pdf", method=DEFLATED, content=b"%PDF-1.4 secret " * 90)
_LEADS_WITHOUT_END_MARK = bytes.fromhex(  # made by 7-Zip, -m0=LZMA:eos=off
    "1a0205005d00100000002919486722ba49682899004344352bb466876d0227158c08bd4728963ac8d63f0fcae90773bd0feb0dade7e720c6"
    "697014ac86be0764e97aed56d22fea00"
)
USUAL = (LEADS, DEALS, PHOTO, NOTE)
_USUAL_LIMITS = ZipLimits()
_FORMS: tuple[Descriptor, ...] = ("signed", "bare", "signed64", "bare64")


@dataclass(frozen=True)
class Case:
    """One zip and its answer: `reason` None means whole.

    `on_disk` is the reason where the check that starts from the end of the file sees another fault first.
    """

    name: str
    data: bytes
    reason: str | None = None
    on_disk: str | None = None
    members: int | None = None
    limits: ZipLimits = _USUAL_LIMITS

    @property
    def reason_on_disk(self) -> str | None:
        """The reason expected of the check that starts from the central directory."""
        return self.on_disk or self.reason


def cases() -> tuple[Case, ...]:
    """Return the whole corpus, in a stable order."""
    found = (
        *_whole(),
        *_odd_but_whole(),
        *_whole_zip64(),
        *_not_zips(),
        *_bytes_too_few_or_many(),
        *_damaged_data(),
        *_lying_headers(),
        *_lying_directories(),
        *_lying_ends(),
        *_broken_zip64(),
        *_unreadable(),
        *_bombs(),
    )
    assert len({case.name for case in found}) == len(found)
    return found


def _whole() -> Iterator[Case]:
    yield Case("empty", EMPTY, members=0)
    yield Case("usual", build(USUAL), members=4)
    yield Case("empty members", build([replace(LEADS, content=b""), Member(name=b"Data/", content=b"")]), members=2)
    for method, name in ((DEFLATED, "deflated"), (BZIP2, "bzip2"), (LZMA, "lzma")):
        flags = LZMA_END_MARK if method == LZMA else 0
        members = [replace(LEADS, method=method, flags=flags), replace(PHOTO, method=method, flags=flags)]
        yield Case(name, build(members), members=2)
        for form in _FORMS:
            described = [replace(member, descriptor=form) for member in members]
            yield Case(f"{name}, descriptor {form}", build(described), members=2)
    unmarked = replace(LEADS, method=LZMA, packed_bytes=_LEADS_WITHOUT_END_MARK)
    yield Case("lzma without end mark", build([unmarked, PHOTO]), members=2)
    yield Case("lzma without end mark, descriptor", build([replace(unmarked, descriptor="signed"), PHOTO]), members=2)
    for form in _FORMS:
        stored = [replace(member, descriptor=form) for member in (LEADS, PHOTO)]
        yield Case(f"stored, descriptor {form}", build(stored), members=2)
        yield Case(f"stored, descriptor {form}, listed backwards", build(stored, listing=[1, 0]), members=2)
        nothing = [replace(LEADS, content=b"", descriptor=form), replace(DEALS, content=b"", descriptor=form), PHOTO]
        yield Case(f"nothing, descriptor {form}", build(nothing), members=3)
    known = replace(LEADS, descriptor="signed", local={"packed": len(LEADS.content), "unpacked": len(LEADS.content)})
    yield Case("descriptor, sizes known before", build([known, PHOTO]), members=2)


def _odd_but_whole() -> Iterator[Case]:
    """Oddities that endanger nobody who does not extract, kept as the vendor made them."""
    yield Case("listed backwards", build(USUAL, listing=[3, 2, 1, 0]), members=4)
    yield Case("listed shuffled", build(USUAL, listing=[2, 0, 3, 1]), members=4)
    yield Case("name twice", build([LEADS, replace(PHOTO, name=LEADS.name)]), members=2)
    for name in (
        b"../../etc/passwd",
        b"/etc/passwd",
        b"C:\\windows\\x.dll",
        b"a\\..\\b",
        b"Data/\x00.csv",
        b"",
        b"\xff\xfe",
    ):
        yield Case(f"name {name!r}", build([replace(LEADS, name=name), PHOTO]), members=2)
    yield Case("name of 65535 bytes", build([replace(LEADS, name=b"n" * MAX16)]), members=1)
    link = replace(LEADS, name=b"link", content=b"/etc/passwd", central={"external": 0o120777 << 16})
    yield Case("symbolic link", build([link, replace(PHOTO, name=b"link/x")]), members=2)
    yield Case("utf-8 flag in one header, name ascii", build([replace(LEADS, central={"flags": 0x0800})]), members=1)
    yield Case("descriptor flag in one header", build([replace(DEALS, descriptor="signed", central={"flags": 0})]))
    yield Case("times differ", build([replace(LEADS, local={"time": 0})]), members=1)
    yield Case("padded extra field", build([replace(LEADS, local={"extra": bytes(3)}), PHOTO]), members=2)
    yield Case("extra field of zeros", build([replace(LEADS, local={"extra": bytes(4095)}), PHOTO]), members=2)
    yield Case("comment", build(USUAL, comment=b"made by hand"), members=4)
    yield Case("longest comment", build(USUAL, comment=b"x" * MAX16), members=4)
    yield Case("member's comment looks like an end record", build([replace(LEADS, comment=EMPTY), PHOTO]), members=2)
    yield Case("member holds end records", build([replace(LEADS, content=EMPTY * 9), PHOTO]), members=2)
    inner = build(USUAL)
    yield Case("nested, stored", build([replace(LEADS, content=inner), PHOTO]), members=2)
    nested = replace(LEADS, content=inner, descriptor="signed")
    yield Case("nested, stored, descriptor", build([nested, PHOTO]), members=2)
    fits = inner[:-2] + struct.pack("<H", 46 + len(PHOTO.name) + 22)
    yield Case("nested, its comment reaches the end", build([replace(PHOTO, content=fits)]), members=1)
    folder = replace(DEALS, name=b"Data/", content=b"", packed_bytes=b"")
    yield Case("folder deflated to no bytes", build([folder, LEADS]), members=2)
    doll = b"\0" * 1000000
    for _ in range(5):
        doll = build([Member(name=b"x.zip", method=DEFLATED, content=doll)] * 3)
    yield Case("nested bomb", doll, members=3)
    repeated = b"zcrm_1,yes,no,yes,no,yes,no,yes,no\n" * 200000
    yield Case("csv packed 500-fold", build([replace(DEALS, content=repeated)]), members=1)


def _whole_zip64() -> Iterator[Case]:
    wide = [replace(member, zip64=True) for member in USUAL]
    yield Case("zip64 members", build(wide), members=4)
    yield Case("zip64 end", build(USUAL, zip64_end=True), members=4)
    referring = {"here": MAX16, "entries": MAX16, "size": MAX32, "offset": MAX32}
    yield Case("zip64 everything", build(wide, zip64_end=True, end=referring), members=4)
    yield Case("zip64 end, disks refer too", build(USUAL, zip64_end=True, end=referring | {"disk": MAX16}), members=4)
    yield Case("zip64 empty", build(zip64_end=True, end=referring), members=0)
    yield Case("zip64 end with data", build(USUAL, zip64_end=True, end64={"data": b"extensible"}), members=4)
    yield Case("zip64 locator counts no disk", build(USUAL, zip64_end=True, locator={"disks": 0}), members=4)
    for form in _FORMS:
        described = [replace(member, zip64=True, descriptor=form) for member in USUAL]
        yield Case(f"zip64 descriptor {form}", build(described), members=4)
    offset = extra_field(1, struct.pack("<Q", 0))
    yield Case("zip64 offset", build([replace(LEADS, central={"offset": MAX32, "extra": offset})]), members=1)
    disk = extra_field(1, struct.pack("<QI", 0, 0))
    at_max: dict[str, int | bytes] = {"offset": MAX32, "extra": disk, "disk": MAX16}
    yield Case("zip64 offset and disk", build([replace(LEADS, central=at_max)]), members=1)


def _not_zips() -> Iterator[Case]:
    page = b"<!DOCTYPE html><html><title>Sign in</title></html>"
    yield Case("page", page, "not_a_zip")
    yield Case("json", json.dumps({"code": "INVALID_TOKEN", "status": "error"}).encode(), "not_a_zip")
    yield Case("zeros", bytes(4096), "not_a_zip")
    yield Case("gzip", b"\x1f\x8b\x08\x00" + bytes(60), "not_a_zip")
    yield Case("leading bytes", b"MZ" + build(USUAL), "not_a_zip")
    yield Case("leading bytes, offsets right", build([replace(LEADS, before=b"#!/bin/sh\n"), PHOTO]), "not_a_zip")
    yield Case("leading line break", b"\n" + build(USUAL), "not_a_zip")
    yield Case("split zip's mark", b"PK\x07\x08" + build(USUAL), "not_a_zip")
    yield Case("single part's mark", b"PK00" + build(USUAL), "not_a_zip")


def _bytes_too_few_or_many() -> Iterator[Case]:
    data = build(USUAL)
    directory = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x03\x04", 4)
    yield Case("no bytes", b"", "truncated")
    yield Case("three bytes", b"PK\x03", "truncated")
    for where, length in (
        ("signature", 4),
        ("first header", 20),
        ("first name", 34),
        ("first data", 100),
        ("between members", second),
        ("second header", second + 10),
        ("before the directory", directory),
        ("in the directory", directory + 30),
        ("before the end record", len(data) - 22),
        ("in the end record", len(data) - 10),
        ("before the last byte", len(data) - 1),
    ):
        yield Case(f"cut in {where}", data[:length], "truncated")
    yield Case("cut in the comment", build(USUAL, comment=b"comment")[:-1], "truncated")
    zip64 = build(USUAL, zip64_end=True)
    yield Case("cut in the zip64 end record", zip64[: -22 - 20 - 10], "truncated")
    yield Case("cut in the locator", zip64[: -22 - 10], "truncated")
    yield Case("trailing byte", data + b"\0", "trailing_bytes")
    yield Case("trailing line break", data + b"\r\n", "trailing_bytes")
    yield Case("trailing zeros to the next block", data + bytes(-len(data) % 4096), "trailing_bytes")
    yield Case("trailing 100 KB", data + bytes(100000), "trailing_bytes", on_disk="truncated")
    yield Case("trailing copy of itself", data + data, "trailing_bytes", on_disk="end_record")
    yield Case("trailing, after a comment", build(USUAL, comment=b"hello") + b"x", "trailing_bytes")
    yield Case("gap between members", build([LEADS, replace(PHOTO, before=bytes(7))]), "gap")
    yield Case("gap before the directory", build(USUAL, before_directory=bytes(512)), "gap")
    yield Case("gap behind a descriptor", build([replace(DEALS, descriptor="signed", after=b"gap!"), PHOTO]), "gap")
    yield Case("gap behind the directory", build(USUAL, after_directory=b"gap!"), "directory", on_disk="end_record")
    yield Case("member not listed", build(USUAL, listing=[0, 1, 3]), "gap")
    yield Case("first member not listed", build(USUAL, listing=[1, 2, 3]), "gap")
    yield Case("last member not listed", build(USUAL, listing=[0, 1, 2]), "gap")
    yield Case("no member listed", build(USUAL, listing=[]), "gap")
    byte_lost = data[:200] + data[201:]
    yield Case("byte lost in stored data", byte_lost, "crc", on_disk="end_record")


def _damaged_data() -> Iterator[Case]:
    flipped = bytearray(LEADS.content)
    flipped[99] ^= 1
    yield Case("bit flipped in stored data", build([replace(LEADS, packed_bytes=bytes(flipped))]), "crc")
    for method, name in ((DEFLATED, "deflated"), (BZIP2, "bzip2"), (LZMA, "lzma")):
        packed = pack(PHOTO.content, method)
        flags = LZMA_END_MARK if method == LZMA else 0
        at = 0 if method == DEFLATED else len(packed) // 2  # there, it would do as other literals
        broken = packed[:at] + b"\xff" * 8 + packed[at + 8 :]
        yield Case(
            f"{name} data overwritten",
            build([replace(PHOTO, method=method, flags=flags, packed_bytes=broken)]),
            "damaged_data",
        )
        short = replace(PHOTO, method=method, flags=flags, packed_bytes=packed[:-9])
        yield Case(f"{name} data cut", build([short]), "damaged_data")
    yield Case("deflated to no bytes", build([replace(DEALS, content=b"", packed_bytes=b"")]), "damaged_data")
    long = replace(DEALS, packed_bytes=pack(DEALS.content, DEFLATED) + b"more")
    yield Case("bytes behind deflated data", build([long, PHOTO]), "size")
    other = replace(DEALS, packed_bytes=pack(DEALS.content[:-1] + b"!", DEFLATED))
    yield Case("other content, well packed", build([other, PHOTO]), "crc")
    shorter = replace(DEALS, packed_bytes=pack(DEALS.content[:-1], DEFLATED))
    yield Case("shorter content, well packed", build([shorter, PHOTO]), "size")
    longer = replace(DEALS, packed_bytes=pack(DEALS.content + b"!", DEFLATED))
    yield Case("longer content, well packed", build([longer, PHOTO]), "size")
    for form in _FORMS:
        member = replace(DEALS, descriptor=form)
        lies: tuple[tuple[str, str], ...] = (("crc", "crc"), ("packed", "size"), ("unpacked", "size"))
        for key, reason in lies:
            lying = replace(member, descriptor_says={key: 77})
            yield Case(f"descriptor {form} lies about {key}", build([lying, PHOTO]), reason)
    for key, reason in (("crc", "crc"), ("packed", "size"), ("unpacked", "size")):
        lying = replace(PHOTO, descriptor="signed", descriptor_says={key: 77})
        yield Case(f"stored, descriptor lies about {key}", build([lying, LEADS]), reason)


def _lying_headers() -> Iterator[Case]:
    size = len(PHOTO.content)
    yield Case("header lies about crc", build([replace(PHOTO, local={"crc": 1}), LEADS]), "crc")
    yield Case("stored longer than it says", build([replace(PHOTO, local={"packed": size - 9}), LEADS]), "size")
    both_less: dict[str, int | bytes] = {"packed": size - 9, "unpacked": size - 9}
    yield Case("stored longer than it says twice", build([replace(PHOTO, local=both_less), LEADS]), "crc")
    yield Case("stored shorter than it says", build([replace(PHOTO, local={"packed": size + 9}), LEADS]), "size")
    beyond: dict[str, int | bytes] = {"packed": 1 << 31, "unpacked": 1 << 31}
    yield Case(
        "stored beyond the end of the file", build([replace(PHOTO, local=beyond), LEADS]), "truncated", on_disk="size"
    )
    yield Case("header lies about unpacked", build([replace(DEALS, local={"unpacked": 5}), LEADS]), "size")
    yield Case("deflated beyond its end", build([replace(DEALS, local={"packed": 9999}), LEADS]), "size")
    yield Case("deflated cut short by its header", build([replace(DEALS, local={"packed": 9}), LEADS]), "damaged_data")
    extra = extra_field(0x5455, b"time")[:-1]
    yield Case("extra field too long for its header", build([replace(LEADS, local={"extra": extra})]), "header")
    yield Case("listed extra field too long", build([replace(LEADS, central={"extra": extra})]), "header")
    yield Case("future version", build([replace(LEADS, local={"version": 84}), PHOTO]), "unsupported_version")
    yield Case("future version listed", build([replace(LEADS, central={"version": 84}), PHOTO]), "unsupported_version")
    yield Case(
        "header's signature damaged",
        build([LEADS, replace(PHOTO, local={"signature": b"PK\x03\x05"})]),
        "gap",
        on_disk="directory",
    )


def _lying_directories() -> Iterator[Case]:
    for key, value in (("crc", 1), ("unpacked", 5), ("method", 0), ("flags", 0x0800), ("name", b"Attachments/other")):
        lying = replace(NOTE, central={key: value})
        yield Case(f"directory lies about {key}", build([lying, LEADS]), "directory")
    yield Case("directory lies about packed", build([replace(NOTE, central={"packed": 5}), LEADS]), "directory")
    yield Case(
        "directory says longer than there is room", build([replace(NOTE, central={"packed": 9999}), LEADS]), "overlap"
    )
    yield Case("listed at another's place", build([LEADS, replace(PHOTO, central={"offset": 0})]), "overlap")
    yield Case("listed inside another", build([replace(LEADS, central={"offset": 9}), PHOTO]), "gap")
    yield Case("listed beyond the members", build([LEADS, replace(PHOTO, central={"offset": 1 << 30})]), "directory")
    yield Case("listed twice", build(USUAL, listing=[0, 1, 2, 3, 3]), "directory", on_disk="overlap")
    yield Case("one listed twice, one not", build(USUAL, listing=[0, 1, 1, 3]), "overlap")
    yield Case(
        "directory without members", build([replace(m, local={"signature": b"nope"}) for m in USUAL]), "not_a_zip"
    )
    entry = build([LEADS, replace(PHOTO, central={"signature": b"PK\x01\x03"})])
    yield Case("entry's signature damaged", entry, "directory")
    yield Case(
        "digital signature", build(USUAL, after_directory=b"PK\x05\x05\x04\x00sign"), "directory", on_disk="end_record"
    )
    yield Case(
        "only a directory", build([LEADS])[build([LEADS]).index(b"PK\x01\x02") :], "directory", on_disk="end_record"
    )


def _lying_ends() -> Iterator[Case]:
    size = len(build(USUAL)) - 22
    for key, value in (("here", 3), ("entries", 5), ("size", 100), ("offset", 0), ("offset", size)):
        yield Case(f"end lies about {key} ({value})", build(USUAL, end={key: value}), "end_record")
    yield Case("end refers to a zip64 record that is not there", build(USUAL, end={"entries": MAX16}), "end_record")
    yield Case("second disk", build(USUAL, end={"disk": 1}), "multi_disk")
    yield Case("directory on another disk", build(USUAL, end={"directory_disk": 1}), "multi_disk")
    yield Case("member on another disk", build([LEADS, replace(PHOTO, central={"disk": 3})]), "multi_disk")
    yield Case("comment shorter than stated", build(USUAL, end={"comment_length": 9}), "truncated")
    yield Case(
        "comment longer than stated", build(USUAL, comment=b"hello", end={"comment_length": 4}), "trailing_bytes"
    )
    yield Case("comment holds an end record's signature", build(USUAL, comment=b"see PK\x05\x06"), "ambiguous_end")
    yield Case("comment holds an end record", build(USUAL, comment=EMPTY), "ambiguous_end")
    other = build([PHOTO])
    yield Case("comment holds another zip", build(USUAL, comment=other), "ambiguous_end")
    # The comment's zip states offsets in the outer file: two programs would list two different contents.
    moved = len(build(USUAL))
    start = moved + other.index(b"PK\x01\x02")
    inner = build([replace(PHOTO, central={"offset": moved})], end={"offset": start})
    yield Case("comment holds a zip that works", build(USUAL, comment=inner), "ambiguous_end", on_disk="gap")


def _broken_zip64() -> Iterator[Case]:
    yield Case(
        "zip64 locator elsewhere", build(USUAL, zip64_end=True, locator={"at": 3}), "zip64", on_disk="end_record"
    )
    unlocated = build(USUAL, zip64_end=True, locator={"signature": b"PK\x06\x09"})
    yield Case("zip64 without locator", unlocated, "zip64", on_disk="end_record")
    yield Case("zip64 end too short", build(USUAL, zip64_end=True, end64={"length": 40}), "zip64")
    yield Case("zip64 end too long", build(USUAL, zip64_end=True, end64={"length": 1 << 40}), "zip64")
    for key in ("here", "entries"):
        yield Case(f"zip64 end lies about {key}", build(USUAL, zip64_end=True, end64={key: 3}), "end_record")
    for key in ("size", "offset"):
        yield Case(f"zip64 end lies about {key}", build(USUAL, zip64_end=True, end64={key: 3}), "end_record")
    yield Case("zip64 second disk", build(USUAL, zip64_end=True, end64={"disk": 1}), "multi_disk")
    yield Case("zip64 two disks", build(USUAL, zip64_end=True, locator={"disks": 2}), "multi_disk")
    no_extra: dict[str, int | bytes] = {"packed": MAX32, "unpacked": MAX32}
    yield Case("zip64 value without its field", build([replace(LEADS, local=no_extra)]), "zip64")
    yield Case("zip64 value without its field, listed", build([replace(LEADS, central=no_extra)]), "zip64")
    half: dict[str, int | bytes] = no_extra | {"extra": extra_field(1, bytes(8))}
    yield Case("zip64 field too short", build([replace(LEADS, local=half)]), "zip64")
    twice = extra_field(1, bytes(16)) * 2
    yield Case("zip64 field twice", build([replace(LEADS, local={"extra": twice})]), "zip64")
    huge = extra_field(1, struct.pack("<QQ", 1 << 63, 1 << 63))
    vast = replace(LEADS, local=no_extra | {"extra": huge}, central=no_extra | {"extra": huge})
    yield Case("zip64 sizes of 8 EiB", build([vast]), "total_size")


def _unreadable() -> Iterator[Case]:
    yield Case("encrypted", build([replace(LEADS, flags=1), PHOTO]), "encrypted")
    yield Case("encrypted, the local header says", build([replace(LEADS, local={"flags": 1})]), "encrypted")
    yield Case("encrypted, the directory says", build([replace(LEADS, central={"flags": 1})]), "directory")
    yield Case("encrypted by AES", build([replace(LEADS, method=99, flags=1)]), "encrypted")
    yield Case("encrypted strongly", build([replace(LEADS, flags=0x41)]), "encrypted")
    yield Case("encrypted directory", build([replace(LEADS, flags=0x2041)]), "encrypted")
    yield Case("patch data", build([replace(LEADS, flags=0x20)]), "unsupported_method")
    for method, name in ((1, "shrunk"), (6, "imploded"), (9, "deflate64"), (93, "zstandard"), (95, "xz"), (98, "ppmd")):
        yield Case(name, build([LEADS, replace(PHOTO, method=method)]), "unsupported_method")
    packed = pack(PHOTO.content, LZMA)
    vast = packed[:5] + b"\xff\xff\xff\xff" + packed[9:]
    yield Case("lzma wants 4 GB", build([replace(PHOTO, method=LZMA, packed_bytes=vast)]), "unsupported_method")
    odd = packed[:4] + b"\xff" + packed[5:]
    yield Case("lzma properties out of range", build([replace(PHOTO, method=LZMA, packed_bytes=odd)]), "damaged_data")
    long = packed[:2] + b"\x06\x00" + packed[4:]
    yield Case(
        "lzma properties too long", build([replace(PHOTO, method=LZMA, packed_bytes=long)]), "unsupported_method"
    )


def _bombs() -> Iterator[Case]:
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
    """Make a bomb whose members share one kernel of zeros: each quotes the next one's header and goes on with its data."""
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
