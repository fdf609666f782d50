"""The simulator's zips are what the vendor's are like: sound, as large as asked for, and the same every time."""

import csv
import hashlib
import io
import shutil
import subprocess
import tracemalloc
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.simulator.zips import anatomy, zip_stream
from backupd.simulator.zips.stream import ZipStream, combine, deflate

ALL = [
    ("data", 1, "mixed"),
    ("data", 300_000, "mixed"),
    ("data", 300_000, "stored"),
    ("attachments", 1, "mixed"),
    ("attachments", 300_000, "mixed"),
    ("attachments", 300_000, "stored"),
    ("attachments", 300_000, "deflated"),
]


def made(kind="data", size=100_000, seed="s", compression="mixed", **rest):
    """Give the bytes of a zip."""
    return b"".join(zip_stream(kind, size, seed, compression=compression, **rest))


def opened(data):
    return zipfile.ZipFile(io.BytesIO(data))


@pytest.mark.parametrize("zip64", [False, True])
@pytest.mark.parametrize(("kind", "size", "compression"), ALL)
def test_zips_are_sound_and_about_as_large_as_asked_for(kind, size, compression, zip64, tmp_path):
    data = made(kind, size, compression=compression, zip64=zip64)

    with opened(data) as archive:
        assert archive.testzip() is None
        assert len(set(archive.namelist())) == len(archive.namelist())
    assert size <= len(data) < size * 1.1 + 10_000
    assert (b"PK\x06\x07" in data[-100:]) is zip64
    if unzip := shutil.which("unzip"):
        (tmp_path / "made.zip").write_bytes(data)
        tested = subprocess.run([unzip, "-tqq", tmp_path / "made.zip"], capture_output=True, check=False)  # noqa: S603
        assert (tested.returncode, tested.stderr) == (0, b"")


def test_the_same_description_gives_the_same_bytes_and_another_seed_others():
    assert made() == made()
    assert made() != made(seed="t")


def test_memory_does_not_grow_with_the_size():
    def peak(size):
        tracemalloc.start()
        digest = hashlib.sha256()
        for piece in zip_stream("attachments", size, "s", compression="stored"):
            digest.update(piece)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(80_000_000) < peak(40_000_000) * 1.1 < 20_000_000


def test_csv_is_about_six_times_as_large_as_its_deflated_form():
    with opened(made(size=300_000)) as archive:
        members = archive.infolist()

    assert 5 < sum(m.file_size for m in members) / sum(m.compress_size for m in members) < 7


def test_a_data_zip_has_the_vendors_members():
    with opened(made()) as archive:
        names = archive.namelist()
        fields = archive.read("Metadata/Fields_001.csv").decode("utf-8-sig")
        picture = archive.read(next(name for name in names if name.startswith("RecordImages/")))

    wanted = {
        "Metadata/Modules_001.csv",
        "Metadata/Fields_001.csv",
        "Metadata/PickListFieldProperties_001.csv",
        "Data/Leads_001.csv",
        "Data/Contacts_001.csv",
        "Data/Sales Orders_001.csv",
        "Data/Projects_C_001.csv",
        "Data/Attachments_001.csv",
    }
    assert wanted <= set(names)
    assert fields.splitlines()[:2] == ["Field Label,API Name,Module", "Record Id,Record_Id,Leads"]
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")


def test_rows_have_record_ids_and_awkward_values():
    with opened(made()) as archive:
        rows = list(csv.reader(io.StringIO(archive.read("Data/Leads_001.csv").decode(), newline="")))

    ids = [row[0] for row in rows[1:]]
    text = " ".join(value for row in rows[1:] for value in row)
    assert rows[0][0] == "Record Id"
    assert all(one.startswith("zcrm_") and one.removeprefix("zcrm_").isdecimal() for one in ids)
    assert len(set(ids)) == len(ids)
    assert {len(row) for row in rows} == {len(rows[0])}
    assert all(awkward in text for awkward in ("\n", '"', ",", "Å"))


def test_a_module_is_split_at_a_hundred_thousand_rows(monkeypatch):
    monkeypatch.setattr(anatomy, "ROWS_PER_PART", 2_000)  # a real part takes seconds
    with opened(made(size=400_000)) as archive:
        parts = [name for name in archive.namelist() if name.startswith("Data/Leads")]
        first = list(csv.reader(io.StringIO(archive.read(parts[0]).decode(), newline="")))

    assert parts[:2] == ["Data/Leads_001.csv", "Data/Leads_002.csv"]
    assert len(first) == 1 + 2_000


def test_attachments_have_names_beyond_ascii_without_saying_so():
    with opened(made("attachments")) as archive:
        members = archive.infolist()

    raw = [member.orig_filename.encode("cp437") for member in members]
    assert all(not member.flag_bits & 0x800 for member in members)
    assert any("見積書.pdf".encode() in name for name in raw)
    assert {member.compress_type for member in members} == {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def test_one_name_is_in_every_attachments_zip():
    with opened(made("attachments", seed="a")) as first, opened(made("attachments", seed="b")) as second:
        assert "Attachments/487687600000099_terms.txt" in {*first.namelist()} & {*second.namelist()}


def test_large_zips_repeat_their_pages(monkeypatch):
    monkeypatch.setattr(anatomy, "_FRESH_PAGES", 2)
    with opened(made(size=200_000)) as archive:
        assert archive.testzip() is None


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_checksums_are_put_together_as_if_read_in_one(first, second):
    assert combine(zlib.crc32(first), zlib.crc32(second), len(second)) == zlib.crc32(first + second)


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_a_member_out_of_blocks_is_their_sum(pieces):
    stream = ZipStream()
    data = b"".join([*stream.deflated(b"m", map(deflate, pieces)), *stream.stored(b"s", b"x"), *stream.end()])

    with opened(data) as archive:
        assert archive.read("m") == b"".join(pieces)
        assert archive.testzip() is None
