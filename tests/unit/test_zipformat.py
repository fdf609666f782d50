"""The zip format's records, parsed out of bytes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.core.zipformat import (
    CENTRAL_SIZE,
    DESCRIBED,
    LOCAL_SIZE,
    End,
    Entry,
    ZipFault,
    descriptor_forms,
    judge_end,
    lengths_after_central,
    lengths_after_local,
    parse_central,
    parse_end,
    parse_end64,
    parse_local,
    parse_locator64,
    refuse_unreadable,
)
from tests.fakes.zips import DEFLATED, central_header, extra_field, local_header

ENTRY = Entry(b"Data/Leads_001.csv", DESCRIBED, DEFLATED, 0xCAFE, 300, 4000, 77)
FIELDS: dict[str, int | bytes] = {
    "name": ENTRY.name,
    "flags": DESCRIBED,
    "method": DEFLATED,
    "crc": 0xCAFE,
    "packed": 300,
    "unpacked": 4000,
}
FOUND = End(0, 0, 4, 4, 200, 5000)


def test_a_local_header_is_read():
    header = local_header(FIELDS | {"extra": b""})
    fixed, rest = header[4 : 4 + LOCAL_SIZE], header[4 + LOCAL_SIZE :]

    assert lengths_after_local(fixed) == (len(ENTRY.name), 0)
    assert parse_local(fixed, rest, b"", 77) == ENTRY


def test_a_central_header_is_read():
    header = central_header(FIELDS | {"extra": b"", "comment": b"hello", "offset": 77})
    fixed, rest = header[4 : 4 + CENTRAL_SIZE], header[4 + CENTRAL_SIZE :]

    assert lengths_after_central(fixed) == (len(ENTRY.name), 0, 5)
    assert parse_central(fixed, rest[:-5], b"") == ENTRY


def test_zip64_values_are_taken_only_for_the_fields_that_refer_to_them():
    extra = extra_field(0x5455, b"t") + extra_field(1, struct.pack("<Q", 1 << 40))
    fields = FIELDS | {"extra": extra, "comment": b"", "offset": 0xFFFFFFFF}
    fixed = central_header(fields)[4 : 4 + CENTRAL_SIZE]

    assert parse_central(fixed, ENTRY.name, extra) == ENTRY._replace(offset=1 << 40)


@pytest.mark.parametrize("flag", [0x0001, 0x0041, 0x2001, 0x2000])
def test_an_encrypted_member_is_refused(flag):
    with pytest.raises(ZipFault) as caught:
        refuse_unreadable(ENTRY._replace(flags=flag))

    assert caught.value.reason == "encrypted"


def test_equal_members_have_equal_keys_whatever_flags_do_not_matter():
    assert ENTRY.key() == ENTRY._replace(flags=0x0806).key()
    accented = ENTRY._replace(name=b"\xc3\xa4")
    assert accented.key() != accented._replace(flags=0x0800).key()
    for change in (
        {"crc": 1},
        {"packed": 1},
        {"unpacked": 1},
        {"offset": 1},
        {"method": 0},
        {"name": b"x"},
        {"flags": 1},
    ):
        assert ENTRY.key() != ENTRY._replace(**change).key()


def test_a_descriptor_has_four_forms_and_two_beyond_4_gib():
    assert len(descriptor_forms(1, 2, 3)) == 4
    assert descriptor_forms(1, 1 << 32, 3) == ((0x08074B50, 1, 0, 1, 3, 0), (1, 0, 1, 3, 0))


@pytest.mark.parametrize(
    ("end", "end64"),
    [
        (FOUND, None),
        (FOUND, FOUND),
        (FOUND._replace(entries=0xFFFF, entries_here=0xFFFF, size=0xFFFFFFFF, offset=0xFFFFFFFF), FOUND),
        (FOUND._replace(disk=0xFFFF), FOUND),
    ],
)
def test_end_records_that_fit_are_accepted(end, end64):
    judge_end(end, end64, FOUND)


@pytest.mark.parametrize(
    ("end", "end64", "reason"),
    [
        (FOUND._replace(entries=5), None, "end_record"),
        (FOUND._replace(entries_here=5), None, "end_record"),
        (FOUND._replace(size=201), None, "end_record"),
        (FOUND._replace(offset=5001), None, "end_record"),
        (FOUND._replace(offset=0xFFFFFFFF), None, "end_record"),
        (FOUND._replace(disk=1), None, "multi_disk"),
        (FOUND._replace(directory_disk=1), None, "multi_disk"),
        (FOUND._replace(disk=0xFFFF), None, "multi_disk"),
        (FOUND, FOUND._replace(entries=5), "end_record"),
        (FOUND, FOUND._replace(entries_here=5), "end_record"),
        (FOUND, FOUND._replace(size=0), "end_record"),
        (FOUND, FOUND._replace(offset=0), "end_record"),
        (FOUND, FOUND._replace(disk=1), "multi_disk"),
        (FOUND._replace(entries=5), FOUND, "end_record"),
    ],
)
def test_end_records_that_do_not_fit_are_refused(end, end64, reason):
    with pytest.raises(ZipFault) as caught:
        judge_end(end, end64, FOUND)

    assert caught.value.reason == reason


def test_a_disk_in_the_zip64_field_takes_four_bytes_and_what_follows_them_is_none():
    extra = extra_field(1, struct.pack("<QI", 77, 0) + b"pad")
    fields = FIELDS | {"extra": extra, "comment": b"", "offset": 0xFFFFFFFF, "disk": 0xFFFF}
    fixed = central_header(fields)[4 : 4 + CENTRAL_SIZE]

    assert parse_central(fixed, ENTRY.name, extra) == ENTRY


def test_old_writers_count_modulo_65536_but_not_beside_a_zip64_record():
    many = FOUND._replace(entries=70_000, entries_here=70_000)
    old = FOUND._replace(entries=70_000 - 65_536, entries_here=70_000 - 65_536)
    judge_end(old, None, many)

    with pytest.raises(ZipFault):
        judge_end(old, many, many)


@given(st.binary(min_size=26, max_size=26), st.binary(max_size=40), st.binary(max_size=40))
def test_any_bytes_for_a_local_header_give_an_entry_or_a_fault(fixed, name, extra):
    try:
        entry = parse_local(fixed, name, extra, 0)
        refuse_unreadable(entry)
    except ZipFault:
        return
    assert entry.packed >= 0


@given(st.binary(min_size=42, max_size=42), st.binary(max_size=40), st.binary(max_size=40))
def test_any_bytes_for_a_central_header_give_an_entry_or_a_fault(fixed, name, extra):
    try:
        entry = parse_central(fixed, name, extra)
    except ZipFault:
        return
    assert entry.name == name


@given(st.binary(min_size=52, max_size=52))
def test_any_bytes_for_the_end_records_give_values_or_a_fault(data):
    parse_end(data[:18])
    for parse, length in ((parse_end64, 52), (parse_locator64, 16)):
        try:
            parse(data[:length])
        except ZipFault as fault:
            assert fault.reason in {"zip64", "multi_disk"}  # noqa: PT017 — most of the bytes raise, some do not
