"""Zips made by hand, byte by byte, so that each of their fields can lie. Shares no code with what checks them."""

import bz2
import lzma
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

STORED, DEFLATED, BZIP2, LZMA = 0, 8, 12, 14
DESCRIBED = 8
LZMA_END_MARK = 2
MAX16, MAX32 = 0xFFFF, 0xFFFFFFFF
EMPTY = b"PK\x05\x06" + bytes(18)
_LZMA = [{"id": lzma.FILTER_LZMA1, "preset": 0}]  # a small dictionary: the default one is longer to get than to fill

Descriptor = Literal["signed", "bare", "signed64", "bare64"]
Fields = Mapping[str, int | bytes]


@dataclass(frozen=True)
class Member:
    """One member; `local` and `central` replace fields of its two headers, `packed_bytes` its data."""

    name: bytes = b"Data/Leads_001.csv"
    content: bytes = b"Record Id,Last Name\nzcrm_1,A\n"
    method: int = STORED
    flags: int = 0
    descriptor: Descriptor | None = None
    descriptor_says: Fields = field(default_factory=dict)  # crc, packed, unpacked
    zip64: bool = False
    extra: bytes = b""
    local: Fields = field(default_factory=dict)
    central: Fields = field(default_factory=dict)
    packed_bytes: bytes | None = None
    before: bytes = b""  # bytes in front of its local header
    after: bytes = b""  # bytes behind its data and descriptor
    comment: bytes = b""


def pack(content: bytes, method: int) -> bytes:
    """Compress as a member of this method is."""
    if method == DEFLATED:
        stream = zlib.compressobj(9, zlib.DEFLATED, -15)
        return stream.compress(content) + stream.flush()
    if method == BZIP2:
        return bz2.compress(content)
    if method == LZMA:
        return pack_lzma(content)
    return content


def pack_lzma(content: bytes) -> bytes:
    """Compress as LZMA in a zip: version, length of the properties, properties, then a stream with an end mark."""
    alone = lzma.compress(content, lzma.FORMAT_ALONE, filters=_LZMA)  # 5 bytes of properties, 8 of length, the stream
    return b"\x09\x14\x05\x00" + alone[:5] + alone[13:]


def extra_field(tag: int, data: bytes) -> bytes:
    """Make one extra field."""
    return struct.pack("<HH", tag, len(data)) + data


def local_header(fields: Fields) -> bytes:
    """Make a local header."""
    name, extra = fields["name"], fields["extra"]
    assert isinstance(name, bytes)
    assert isinstance(extra, bytes)
    fixed = struct.pack(
        "<4sHHHIIIIHH",
        fields.get("signature", b"PK\x03\x04"),
        fields.get("version", 20),
        fields["flags"],
        fields["method"],
        fields.get("time", 0x54D65A00),
        fields["crc"],
        fields["packed"],
        fields["unpacked"],
        fields.get("name_length", len(name)),
        fields.get("extra_length", len(extra)),
    )
    return fixed + name + extra


def central_header(fields: Fields) -> bytes:
    """Make a header of the central directory."""
    name, extra, comment = fields["name"], fields["extra"], fields["comment"]
    assert isinstance(name, bytes)
    assert isinstance(extra, bytes)
    assert isinstance(comment, bytes)
    fixed = struct.pack(
        "<4sHHHHIIIIHHHHHII",
        fields.get("signature", b"PK\x01\x02"),
        fields.get("made_by", 0x0314),
        fields.get("version", 20),
        fields["flags"],
        fields["method"],
        fields.get("time", 0x54D65A00),
        fields["crc"],
        fields["packed"],
        fields["unpacked"],
        fields.get("name_length", len(name)),
        fields.get("extra_length", len(extra)),
        fields.get("comment_length", len(comment)),
        fields.get("disk", 0),
        fields.get("internal", 0),
        fields.get("external", 0o100644 << 16),
        fields["offset"],
    )
    return fixed + name + extra + comment


def build(
    members: Sequence[Member] = (),
    *,
    listing: Sequence[int] | None = None,
    comment: bytes = b"",
    zip64_end: bool = False,
    before_directory: bytes = b"",
    after_directory: bytes = b"",
    end: Fields | None = None,
    end64: Fields | None = None,
    locator: Fields | None = None,
) -> bytes:
    """Make a zip. `listing` is the order (and choice) of members in the central directory; the rest replaces fields."""
    body = b""
    entries = []
    for member in members:
        body += member.before
        local, central, data = _member(member, len(body))
        entries.append(central_header(central | dict(member.central)))
        body += local_header(local | dict(member.local)) + data + member.after
    body += before_directory
    chosen = [entries[index] for index in (range(len(entries)) if listing is None else listing)]
    directory = b"".join(chosen)
    tail = _end(len(chosen), len(directory), len(body), comment, end or {})
    if zip64_end:
        tail = _end64(len(chosen), len(directory), len(body), len(after_directory), end64 or {}, locator or {}) + tail
    return body + directory + after_directory + tail


def _member(member: Member, offset: int) -> tuple[dict[str, int | bytes], dict[str, int | bytes], bytes]:
    """Return the true fields of both headers, and the data with its descriptor."""
    data = member.packed_bytes
    if data is None:
        data = pack(member.content, member.method)
    crc, packed, unpacked = zlib.crc32(member.content), len(data), len(member.content)
    flags = member.flags | (DESCRIBED if member.descriptor else 0)
    shared: dict[str, int | bytes] = {"name": member.name, "flags": flags, "method": member.method}
    wide = extra_field(1, struct.pack("<QQ", unpacked, packed)) if member.zip64 else b""
    sizes = {"crc": crc, "packed": MAX32 if wide else packed, "unpacked": MAX32 if wide else unpacked}
    central = shared | sizes | {"extra": wide + member.extra, "comment": member.comment, "offset": offset}
    if member.descriptor:
        says: dict[str, int | bytes] = {"crc": crc, "packed": packed, "unpacked": unpacked}
        data += descriptor(member.descriptor, says | dict(member.descriptor_says))
        sizes = {"crc": 0, "packed": MAX32 if wide else 0, "unpacked": MAX32 if wide else 0}
        wide = extra_field(1, bytes(16)) if wide else b""
    return shared | sizes | {"extra": wide + member.extra}, central, data


def descriptor(form: Descriptor, says: Fields) -> bytes:
    """Make a data descriptor in one of its four forms."""
    signature = b"PK\x07\x08" if form.startswith("signed") else b""
    sizes = "<IQQ" if form.endswith("64") else "<III"
    return signature + struct.pack(sizes, says["crc"], says["packed"], says["unpacked"])


def _end(entries: int, size: int, offset: int, comment: bytes, replace: Fields) -> bytes:
    fields: dict[str, int | bytes] = {"disk": 0, "directory_disk": 0, "here": min(entries, MAX16)}
    fields |= {"entries": min(entries, MAX16), "size": size, "offset": offset, "comment_length": len(comment)}
    return struct.pack("<4sHHHHIIH", b"PK\x05\x06", *(fields | dict(replace)).values()) + comment


def _end64(entries: int, size: int, offset: int, gap: int, replace: Fields, locator: Fields) -> bytes:
    fields: dict[str, int | bytes] = {"length": 44, "made_by": 45, "version": 45, "disk": 0, "directory_disk": 0}
    fields |= {"here": entries, "entries": entries, "size": size, "offset": offset}
    data = replace.get("data", b"")
    assert isinstance(data, bytes)
    fields["length"] = 44 + len(data)
    fields |= {key: value for key, value in replace.items() if key != "data"}
    where: dict[str, int | bytes] = {"signature": b"PK\x06\x07", "disk": 0, "at": offset + size + gap, "disks": 1}
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", *fields.values()) + data
    return record + struct.pack("<4sIQI", *(where | dict(locator)).values())
