"""Files that are no zips, that lack bytes or have some too many, and members that are not what they were."""

import json
from collections.abc import Iterator
from dataclasses import replace

from tests.fakes.corpus.case import DEALS, FORMS, LEADS, PHOTO, USUAL, Case
from tests.fakes.zips import (
    BZIP2,
    DEFLATED,
    LZMA,
    LZMA_END_MARK,
    build,
    pack,
)


def not_zips() -> Iterator[Case]:
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


def bytes_too_few_or_many() -> Iterator[Case]:
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


def damaged_data() -> Iterator[Case]:
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
    folder = replace(DEALS, name=b"Data/", packed_bytes=pack(DEALS.content, DEFLATED)[:-9])
    yield Case("deflated data cut, of what is called a folder", build([folder]), "damaged_data")
    marked = replace(PHOTO, method=LZMA)
    yield Case("lzma with an end mark that is not announced", build([marked, LEADS]), "damaged_data")
    yield Case("deflated to no bytes", build([replace(DEALS, content=b"", packed_bytes=b"")]), "damaged_data")
    long = replace(DEALS, packed_bytes=pack(DEALS.content, DEFLATED) + b"more")
    yield Case("bytes behind deflated data", build([long, PHOTO]), "size")
    other = replace(DEALS, packed_bytes=pack(DEALS.content[:-1] + b"!", DEFLATED))
    yield Case("other content, well packed", build([other, PHOTO]), "crc")
    shorter = replace(DEALS, packed_bytes=pack(DEALS.content[:-1], DEFLATED))
    yield Case("shorter content, well packed", build([shorter, PHOTO]), "size")
    longer = replace(DEALS, packed_bytes=pack(DEALS.content + b"!", DEFLATED))
    yield Case("longer content, well packed", build([longer, PHOTO]), "size")
    for form in FORMS:
        member = replace(DEALS, descriptor=form)
        lies: tuple[tuple[str, str], ...] = (("crc", "crc"), ("packed", "size"), ("unpacked", "size"))
        for key, reason in lies:
            lying = replace(member, descriptor_says={key: 77})
            yield Case(f"descriptor {form} lies about {key}", build([lying, PHOTO]), reason)
    for key, reason in (("crc", "crc"), ("packed", "size"), ("unpacked", "size")):
        lying = replace(PHOTO, descriptor="signed", descriptor_says={key: 77})
        yield Case(f"stored, descriptor lies about {key}", build([lying, LEADS]), reason)
