"""Zips that are whole, in every form that writers give them, and with every oddity that endangers nobody."""

import struct
from collections.abc import Iterator
from dataclasses import replace

from tests.fakes.corpus.case import DEALS, FORMS, LEADS, PHOTO, USUAL, Case
from tests.fakes.zips import BZIP2, DEFLATED, EMPTY, LZMA, LZMA_END_MARK, MAX16, MAX32, Member, build, extra_field

LEADS_WITHOUT_END_MARK = bytes.fromhex(  # made by 7-Zip, -m0=LZMA:eos=off
    "1a0205005d00100000002919486722ba49682899004344352bb466876d0227158c08bd4728963ac8d63f0fcae90773bd0feb0dade7e720c6"
    "697014ac86be0764e97aed56d22fea00"
)
LARGE = b"".join(b"zcrm_%d,Boyle,%d\n" % (number, number**2) for number in range(55_000))  # more than a megabyte


def usual() -> Iterator[Case]:
    yield Case("empty", EMPTY, members=0)
    yield Case("usual", build(USUAL), members=4)
    yield Case("empty members", build([replace(LEADS, content=b""), Member(name=b"Data/", content=b"")]), members=2)
    for method, name in ((DEFLATED, "deflated"), (BZIP2, "bzip2"), (LZMA, "lzma")):
        flags = LZMA_END_MARK if method == LZMA else 0
        members = [replace(LEADS, method=method, flags=flags), replace(PHOTO, method=method, flags=flags)]
        yield Case(name, build(members), members=2)
        for form in FORMS:
            described = [replace(member, descriptor=form) for member in members]
            yield Case(f"{name}, descriptor {form}", build(described), members=2)
    for method, name in ((DEFLATED, "deflated"), (BZIP2, "bzip2"), (LZMA, "lzma")):
        large = replace(LEADS, method=method, flags=LZMA_END_MARK if method == LZMA else 0, content=LARGE)
        yield Case(f"{name}, megabytes", build([large]), members=1)
    unmarked = replace(LEADS, method=LZMA, packed_bytes=LEADS_WITHOUT_END_MARK)
    yield Case("lzma without end mark", build([unmarked, PHOTO]), members=2)
    yield Case("lzma without end mark, descriptor", build([replace(unmarked, descriptor="signed"), PHOTO]), members=2)
    sizes: dict[str, int | bytes] = {"packed": len(LEADS_WITHOUT_END_MARK), "unpacked": len(LEADS.content)}
    known = replace(unmarked, descriptor="signed", local=sizes)
    yield Case("lzma without end mark, descriptor, sizes known before", build([known, PHOTO]), members=2)
    for form in FORMS:
        stored = [replace(member, descriptor=form) for member in (LEADS, PHOTO)]
        yield Case(f"stored, descriptor {form}", build(stored), members=2)
        yield Case(f"stored, descriptor {form}, listed backwards", build(stored, listing=[1, 0]), members=2)
        nothing = [replace(LEADS, content=b"", descriptor=form), replace(DEALS, content=b"", descriptor=form), PHOTO]
        yield Case(f"nothing, descriptor {form}", build(nothing), members=3)
    known = replace(LEADS, descriptor="signed", local={"packed": len(LEADS.content), "unpacked": len(LEADS.content)})
    yield Case("descriptor, sizes known before", build([known, PHOTO]), members=2)


def odd() -> Iterator[Case]:
    """Oddities that endanger nobody who does not extract, kept as the vendor made them."""
    yield Case("listed backwards", build(USUAL, listing=[3, 2, 1, 0]), members=4)
    yield Case("listed shuffled", build(USUAL, listing=[2, 0, 3, 1]), members=4)
    yield Case("first two listed the other way round", build(USUAL, listing=[1, 0, 2, 3]), members=4)
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


def wide() -> Iterator[Case]:
    wide = [replace(member, zip64=True) for member in USUAL]
    yield Case("zip64 members", build(wide), members=4)
    yield Case("zip64 end", build(USUAL, zip64_end=True), members=4)
    referring = {"here": MAX16, "entries": MAX16, "size": MAX32, "offset": MAX32}
    yield Case("zip64 everything", build(wide, zip64_end=True, end=referring), members=4)
    yield Case("zip64 end, disks refer too", build(USUAL, zip64_end=True, end=referring | {"disk": MAX16}), members=4)
    yield Case("zip64 empty", build(zip64_end=True, end=referring), members=0)
    yield Case("zip64 end with data", build(USUAL, zip64_end=True, end64={"data": b"extensible"}), members=4)
    yield Case("zip64 locator counts no disk", build(USUAL, zip64_end=True, locator={"disks": 0}), members=4)
    for form in FORMS:
        described = [replace(member, zip64=True, descriptor=form) for member in USUAL]
        yield Case(f"zip64 descriptor {form}", build(described), members=4)
    offset = extra_field(1, struct.pack("<Q", 0))
    yield Case("zip64 offset", build([replace(LEADS, central={"offset": MAX32, "extra": offset})]), members=1)
    disk = extra_field(1, struct.pack("<QI", 0, 0))
    at_max: dict[str, int | bytes] = {"offset": MAX32, "extra": disk, "disk": MAX16}
    yield Case("zip64 offset and disk", build([replace(LEADS, central=at_max)]), members=1)
