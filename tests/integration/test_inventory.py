"""What taking stock of a folder finds, on a real disk."""

from hashlib import sha256
from pathlib import PurePosixPath

import pytest

from backupd.archive.inventory import take_inventory
from backupd.core.audit import FoundFile
from backupd.core.errors import ArchiveError, RecordDamaged

SNAPSHOT = PurePosixPath("main/2022/2022-06-23_4004")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / SNAPSHOT
    (folder / "data").mkdir(parents=True)
    return folder


def test_every_file_is_found_with_size_mode_and_kind(tmp_path, folder):
    (folder / "data" / "Data_001.zip").write_bytes(b"12345")
    (folder / "data" / "Data_001.zip").chmod(0o440)
    (folder / "data" / "link").symlink_to("Data_001.zip")

    files = take_inventory(tmp_path, SNAPSHOT).files

    assert files["data/Data_001.zip"] == FoundFile(5, 0o440, regular=True)
    assert not files["data/link"].regular


def test_every_folder_is_found_with_its_mode_even_if_it_is_empty(tmp_path, folder):
    (folder / "data" / "old").mkdir()
    (folder / "data" / "old").chmod(0o700)
    (folder / "data").chmod(0o750)
    folder.chmod(0o770)

    assert take_inventory(tmp_path, SNAPSHOT).folders == {".": 0o770, "data": 0o750, "data/old": 0o700}


def test_checksums_are_read_in_both_forms(tmp_path, folder):
    (folder / "SHA256SUMS").write_text(f"{'a' * 64}  data/a b.zip\n{'b' * 64} *manifest.json\n")

    assert take_inventory(tmp_path, SNAPSHOT).sums == {"data/a b.zip": "a" * 64, "manifest.json": "b" * 64}


@pytest.mark.parametrize("content", [b"no checksum\n", b"\xff\xfe\n", b"abc  data/a\n"])
def test_what_is_no_list_of_checksums_is_none(tmp_path, folder, content):
    (folder / "SHA256SUMS").write_bytes(content)

    assert take_inventory(tmp_path, SNAPSHOT).sums is None


def test_a_damaged_manifest_is_told_with_the_digest_of_what_is_there(tmp_path, folder):
    (folder / "manifest.json").write_bytes(b"{}")

    inventory = take_inventory(tmp_path, SNAPSHOT)

    assert isinstance(inventory.record, RecordDamaged)
    assert inventory.manifest_sha256 == sha256(b"{}").hexdigest()


def test_a_missing_manifest_is_damage_and_a_missing_folder_an_error(tmp_path, folder):
    assert isinstance(take_inventory(tmp_path, SNAPSHOT).record, RecordDamaged)

    with pytest.raises(ArchiveError, match="2022-06-24"):
        take_inventory(tmp_path, PurePosixPath("main/2022/2022-06-24_4005"))


def test_a_link_to_a_folder_is_a_link_and_nothing_behind_it_is_looked_at(tmp_path, folder):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret").write_bytes(b"1")
    (folder / "attachments").symlink_to(tmp_path / "elsewhere")

    found = take_inventory(tmp_path, SNAPSHOT)

    assert not found.files["attachments"].regular
    assert {*found.files, *found.folders} == {"attachments", ".", "data"}
