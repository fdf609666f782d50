"""The zip format as values: records parsed out of bytes that are already there (APPNOTE 6.3.10).

A header that cannot be raises ZipFault, which knows neither the file nor the member: `verify`
adds both. Leaves out: where the bytes come from, what the data unpacks to, and names as text (they stay bytes).
"""

import struct
from typing import NamedTuple

LOCAL = b"PK\x03\x04"
CENTRAL = b"PK\x01\x02"
END = b"PK\x05\x06"
END64 = b"PK\x06\x06"
LOCATOR64 = b"PK\x06\x07"
DESCRIPTOR = b"PK\x07\x08"
DIRECTORY_STARTS = (CENTRAL, END, END64)  # what may follow the last member
RECORDS = (LOCAL, *DIRECTORY_STARTS)  # what may follow a member, and what a zip may begin with

STORED, DEFLATED, BZIP2, LZMA = 0, 8, 12, 14
_AES = 99  # WinZip's marker for an encrypted member, in place of the method

ENCRYPTED = 0x0001
LZMA_END_MARK = 0x0002  # for LZMA only: the data says itself where it ends
DESCRIBED = 0x0008  # CRC and sizes follow the data, in a descriptor
_PATCH = 0x0020
_STRONG = 0x0040
_UTF8 = 0x0800
_MASKED = 0x2000  # the local header's values are hidden: the central directory is encrypted
_UNREADABLE = ENCRYPTED | _PATCH | _STRONG | _MASKED

_NEWEST = 63  # tenths

MAX16, MAX32 = 0xFFFF, 0xFFFFFFFF
LONGEST_END = 22 + MAX16  # the end record with the longest comment
_MOST_END64 = 44 + MAX16  # its size field; 44 without extensible data

_LOCAL = struct.Struct("<HHHIIIIHH")
_CENTRAL = struct.Struct("<HHHHIIIIHHHHHII")
_END = struct.Struct("<HHHHIIH")
_END64 = struct.Struct("<QHHIIQQQQ")
_LOCATOR64 = struct.Struct("<IQI")
_EXTRA = struct.Struct("<HH")
_KEY = struct.Struct("<QQQIHH")

LOCAL_SIZE = _LOCAL.size  # each without its signature
CENTRAL_SIZE = _CENTRAL.size
END_SIZE = _END.size
END64_SIZE = _END64.size
LOCATOR64_SIZE = _LOCATOR64.size


class ZipFault(Exception):
    """The bytes are not a whole zip; `reason` is a stable word, the text says what does not fit and holds no name."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class Entry(NamedTuple):
    """One member as a header states it, or as it was found. A tuple, since there may be a million of them."""

    name: bytes
    flags: int
    method: int
    crc: int
    packed: int  # bytes in the file
    unpacked: int
    offset: int  # of its local header

    def key(self) -> bytes:
        """Return what both headers must agree on, as bytes: equal keys, equal members."""
        ascii_name = self.name.isascii()
        flags = self.flags & (_UNREADABLE | (0 if ascii_name else _UTF8))
        return _KEY.pack(self.offset, self.packed, self.unpacked, self.crc, self.method, flags) + self.name


class End(NamedTuple):
    """What an end record (or both, merged) says of the central directory."""

    disk: int
    directory_disk: int
    entries_here: int
    entries: int
    size: int
    offset: int


def lengths_after_local(fixed: bytes) -> tuple[int, int]:
    """Return the lengths of name and extra field that follow a local header's fixed part."""
    return int.from_bytes(fixed[22:24], "little"), int.from_bytes(fixed[24:26], "little")


def lengths_after_central(fixed: bytes) -> tuple[int, int, int]:
    """Return the lengths of name, extra field and comment that follow a central header's fixed part."""
    low, middle, high = struct.unpack_from("<HHH", fixed, 24)
    return low, middle, high


def parse_local(fixed: bytes, name: bytes, extra: bytes, offset: int) -> Entry:
    """Read a local header. Where DESCRIBED is set, CRC and sizes may be 0 for not known yet."""
    version, flags, method, _, crc, packed, unpacked, _, _ = _LOCAL.unpack(fixed)
    _refuse_version(version)
    wide = _wide_values(extra)
    if unpacked == MAX32:
        unpacked, wide = _widen(wide)
    if packed == MAX32:
        packed, wide = _widen(wide)
    return Entry(name, flags, method, crc, packed, unpacked, offset)


def parse_central(fixed: bytes, name: bytes, extra: bytes) -> Entry:
    """Read a header of the central directory."""
    values = _CENTRAL.unpack(fixed)
    _, version, flags, method, _, crc, packed, unpacked, _, _, _, disk, _, _, offset = values
    _refuse_version(version)
    wide = _wide_values(extra)
    if unpacked == MAX32:
        unpacked, wide = _widen(wide)
    if packed == MAX32:
        packed, wide = _widen(wide)
    if offset == MAX32:
        offset, wide = _widen(wide)
    if disk == MAX16 and wide is not None and len(wide) >= 4:  # noqa: PLR2004 — a disk number takes four bytes here
        disk = int.from_bytes(wide[:4], "little")
    if disk != 0:
        raise ZipFault("multi_disk", f"it lies on disk {disk} of a split zip")
    return Entry(name, flags, method, crc, packed, unpacked, offset)


def _refuse_version(needed: int) -> None:
    """Refuse what other programs refuse too. The upper byte is left alone: some writers put their system there."""
    if needed & 0xFF > _NEWEST:
        raise ZipFault("unsupported_version", f"it needs zip version {needed & 0xFF}, the newest is {_NEWEST}")


def _wide_values(extra: bytes) -> bytes | None:
    """Return the zip64 extra field's values, or None if there is none. Up to three bytes of padding may follow."""
    at = 0
    found = None
    while len(extra) - at >= _EXTRA.size:
        tag, size = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size
        if size > len(extra) - at:
            raise ZipFault("header", f"an extra field of {size} bytes does not fit into its header")
        if tag == 1:
            if found is not None:
                raise ZipFault("zip64", "it has two zip64 extra fields")
            found = extra[at : at + size]
        at += size
    return found


def _widen(wide: bytes | None) -> tuple[int, bytes]:
    if wide is None or len(wide) < 8:  # noqa: PLR2004 — each value takes eight bytes
        raise ZipFault("zip64", "a value that should be in the zip64 extra field is missing")
    return int.from_bytes(wide[:8], "little"), wide[8:]


def refuse_unreadable(entry: Entry) -> None:
    """Raise ZipFault if the member's data cannot be read by anyone without a key, or not by us."""
    if entry.flags & (ENCRYPTED | _STRONG | _MASKED) or entry.method == _AES:
        raise ZipFault("encrypted", "it is encrypted, so its content cannot be checked")
    if entry.flags & _PATCH:
        raise ZipFault("unsupported_method", "it holds patch data, which cannot be checked")
    if entry.method not in (STORED, DEFLATED, BZIP2, LZMA):
        raise ZipFault("unsupported_method", f"its compression method {entry.method} is not known here")


def descriptor_forms(crc: int, packed: int, unpacked: int) -> tuple[tuple[int, ...], ...]:
    """Return each form, in 32-bit words, that such a member's descriptor can have: signature or not, 32 or 64 bit."""
    forms: list[tuple[int, ...]] = [(crc, packed & MAX32, packed >> 32, unpacked & MAX32, unpacked >> 32)]
    if packed <= MAX32 and unpacked <= MAX32:
        forms.append((crc, packed, unpacked))
    signature = int.from_bytes(DESCRIPTOR, "little")
    return tuple((signature, *form) for form in forms) + tuple(forms)


def parse_end(fixed: bytes) -> tuple[End, int]:
    """Read the end record; returns it with the length of the comment that follows."""
    *values, comment = _END.unpack(fixed)
    return End(*values), comment


def parse_end64(fixed: bytes) -> tuple[End, int]:
    """Read the zip64 end record; returns it with the length of the extensible data that follows."""
    size, _, _, disk, directory_disk, here, entries, length, offset = _END64.unpack(fixed)
    if not END64_SIZE - 8 <= size <= _MOST_END64:
        raise ZipFault("zip64", f"the zip64 end record states a size of {size} bytes for itself")
    return End(disk, directory_disk, here, entries, length, offset), size - (END64_SIZE - 8)


def parse_locator64(fixed: bytes) -> int:
    """Read the locator of the zip64 end record; returns that record's offset."""
    disk, offset, disks = _LOCATOR64.unpack(fixed)
    if disk != 0 or disks > 1:
        raise ZipFault("multi_disk", "it is a part of a split zip")
    return int(offset)


def judge_end(end: End, end64: End | None, found: End) -> None:
    """Compare what the end records say with the directory that was `found`. Raises ZipFault."""
    for stated, wide in ((end, False), (end64, True)):
        if stated is not None:
            _judge_one(stated, found, wide=wide, wide_follows=end64 is not None)


def _judge_one(stated: End, found: End, *, wide: bool, wide_follows: bool) -> None:
    record = "zip64 end record" if wide else "end record"
    refer = wide_follows and not wide  # a field at its maximum refers to the zip64 record
    for disk in (stated.disk, stated.directory_disk):
        if disk != 0 and not (refer and disk == MAX16):
            raise ZipFault("multi_disk", "it is a part of a split zip")
    for what, value, actual, most in (
        ("members", stated.entries_here, found.entries, MAX16),
        ("members", stated.entries, found.entries, MAX16),
        ("bytes of central directory", stated.size, found.size, MAX32),
        ("as the central directory's offset", stated.offset, found.offset, MAX32),
    ):
        if value == actual or (refer and value == most):
            continue
        if most == MAX16 and not wide_follows and value == actual & MAX16:
            continue  # old writers count modulo 65536 for want of zip64
        raise ZipFault("end_record", f"the {record} states {value} {what}, found {actual}")
