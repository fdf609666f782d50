"""Zips whose headers, directories and end records say what is not so."""

import struct
from collections.abc import Iterator
from dataclasses import replace

from tests.fakes.corpus.case import DEALS, LEADS, NOTE, PHOTO, USUAL, Case
from tests.fakes.zips import EMPTY, MAX16, MAX32, build, extra_field


def lying_headers() -> Iterator[Case]:
    size = len(PHOTO.content)
    yield Case("header lies about crc", build([replace(PHOTO, local={"crc": 1}), LEADS]), "crc")
    for key, reason in (("crc", "crc"), ("unpacked", "size")):
        lying = replace(DEALS, descriptor="signed", local={key: 5})
        yield Case(f"header lies about {key} before a descriptor", build([lying, LEADS]), reason)
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


def lying_directories() -> Iterator[Case]:
    for key, value in (("crc", 1), ("unpacked", 5), ("method", 0), ("flags", 0x0800), ("name", b"Attachments/other")):
        lying = replace(NOTE, central={key: value})
        yield Case(f"directory lies about {key}", build([lying, LEADS]), "directory")
    yield Case("directory lies about packed", build([replace(NOTE, central={"packed": 5}), LEADS]), "directory")
    yield Case(
        "directory says longer than there is room", build([replace(NOTE, central={"packed": 9999}), LEADS]), "overlap"
    )
    yield Case("listed at another's place", build([LEADS, replace(PHOTO, central={"offset": 0})]), "overlap")
    yield Case("listed inside another", build([replace(LEADS, central={"offset": 9}), PHOTO]), "gap")
    described = replace(DEALS, descriptor="signed")
    inside = build([described, PHOTO]).index(b"PK\x03\x04", 4) - 8
    lying = replace(PHOTO, central={"offset": inside})
    yield Case("listed inside a descriptor", build([described, lying]), "overlap")
    yield Case("listed beyond the members", build([LEADS, replace(PHOTO, central={"offset": 1 << 30})]), "directory")
    directory = build([LEADS, PHOTO]).index(b"PK\x01\x02")
    for before in (25, 1):
        lying = replace(PHOTO, central={"offset": directory - before})
        yield Case(f"listed {before} bytes before the directory", build([LEADS, lying]), "directory")
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


def lying_ends() -> Iterator[Case]:
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


def broken_zip64() -> Iterator[Case]:
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
    diskless: dict[str, int | bytes] = {"offset": MAX32, "disk": MAX16, "extra": extra_field(1, bytes(8))}
    yield Case("zip64 disk without its field", build([replace(LEADS, central=diskless)]), "multi_disk")
    twice = extra_field(1, bytes(16)) * 2
    yield Case("zip64 field twice", build([replace(LEADS, local={"extra": twice})]), "zip64")
    huge = extra_field(1, struct.pack("<QQ", 1 << 63, 1 << 63))
    vast = replace(LEADS, local=no_extra | {"extra": huge}, central=no_extra | {"extra": huge})
    yield Case("zip64 sizes of 8 EiB", build([vast]), "total_size")
