"""Zips like the vendor's, of any size, made fast: CSV deflated about 6:1, or stored attachments.

Members are compressed once and written many times under other names: reading them costs the same.
"""

import random
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_FAR = struct.Struct("<2HQ")  # the extra field of a member behind 4 GB
_LIMIT, _MANY = 0xFFFFFFFF, 0xFFFF
_DOS_TIME = (12 << 11, (2022 - 1980) << 9 | 6 << 5 | 23)
_WORDS = ("Patricia", "Boyle", "Lead", "Qualified", "2022-06-23", "open", "Chennai", "+91 44 6744 7070", "EUR", "true")


@dataclass(frozen=True, slots=True)
class Member:
    """One member's content, as it lies in the zip."""

    data: bytes
    size: int
    crc: int
    method: int


def csv_members(count: int, rows: int = 90_000) -> list[Member]:
    """Make tables of made-up people, deflated."""
    rng = random.Random(1)
    members = []
    for _ in range(count):
        text = "Record Id,First Name,Last Name,Status,Created,Stage,City,Phone,Currency,Active\n" + "".join(
            f"zcrm_{487687600000 + rng.randrange(10**7)},"
            + ",".join(rng.choices(_WORDS, k=9))
            + f",{rng.random():.3f}\n"
            for _ in range(rows)
        )
        raw = text.encode()
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        members.append(Member(packer.compress(raw) + packer.flush(), len(raw), zlib.crc32(raw), zlib.DEFLATED))
    return members


def stored_members(count: int, size: int = 3_000_000) -> list[Member]:
    """Make attachments that do not shrink."""
    rng = random.Random(2)
    return [Member(raw, size, zlib.crc32(raw), 0) for raw in (rng.randbytes(size) for _ in range(count))]


def write_zip(path: Path, members: list[Member], size: int) -> None:
    """Write a zip of about `size` bytes, with zip64 records if it needs them."""
    directory = []
    with path.open("wb") as file:
        for number, member in _until(members, size):
            name = f"Data/Leads_{number:03}.csv".encode()
            offset = file.tell()
            fields = (20, 0x800, member.method, *_DOS_TIME, member.crc, len(member.data), member.size, len(name))
            file.write(_LOCAL.pack(b"PK\x03\x04", *fields, 0) + name)
            file.write(member.data)
            extra = _FAR.pack(1, 8, offset) if offset >= _LIMIT else b""
            entry = (*fields, len(extra), 0, 0, 0, 0, min(offset, _LIMIT))
            directory.append(_CENTRAL.pack(b"PK\x01\x02", 45 if extra else 20, *entry) + name + extra)
        start = file.tell()
        file.write(b"".join(directory))
        _write_end(file, len(directory), start)


def _write_end(file: BinaryIO, count: int, start: int) -> None:
    end = file.tell()
    length = end - start
    if start >= _LIMIT or count >= _MANY:
        file.write(_END64.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, start))
        file.write(_LOCATOR.pack(b"PK\x06\x07", 0, end, 1))
    few = min(count, _MANY)
    file.write(_END.pack(b"PK\x05\x06", 0, 0, few, few, length, min(start, _LIMIT), 0))


def _until(members: list[Member], size: int) -> Iterator[tuple[int, Member]]:
    number = written = 0
    while written < size:
        member = members[number % len(members)]
        written += len(member.data)
        yield number, member
        number += 1


def make(folder: Path, *, total: int, files: int, distinct: int | None = None) -> list[Path]:
    """Make `files` zips of `total` bytes together, half of them CSV, half of them stored; keep what is there.

    Only the first `distinct` of them take room on the disk: the others are the same again, under other names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"Data_{number:03}.zip" for number in range(1, files + 1)]
    each = total // files
    if all(path.exists() and abs(path.stat().st_size - each) < each // 2 + 10_000_000 for path in paths):
        return paths
    rows = max(100, min(90_000, each // 12))
    kinds = (csv_members(4, rows), stored_members(4, max(10_000, min(3_000_000, each // 4))))
    for number, path in enumerate(paths):
        if distinct is not None and number >= distinct:
            path.unlink(missing_ok=True)
            path.hardlink_to(paths[number % distinct])
        else:
            write_zip(path, _mixed(kinds) if files == 1 else kinds[number % 2], each)
    return paths


def _mixed(kinds: Iterable[list[Member]]) -> list[Member]:
    return [member for members in kinds for member in members]
