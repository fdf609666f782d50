"""Snapshots that go: the rename into the trash, the note of it until the journal knows, and emptying."""

import json
import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from backupd.core.records import Dropping
from tests.fakes.shelf import Shelf
from tests.fakes.values import JOB, data

STAMP = "20220101T000000Z"  # long before the clock of these tests


@pytest.fixture
async def shelf(tmp_path):
    root = tmp_path / "archive"
    root.mkdir()
    shelf = Shelf(root)
    await shelf.archive_job(data("Data_001.zip"))
    return shelf


def dropping_of(shelf: Shelf) -> Dropping:
    done = shelf.recorded[JOB]
    return Dropping(done.path, JOB, 1, done.manifest_sha256, ("keep_last", "keep_daily"), at=shelf.clock.now())


async def emptied(shelf: Shelf, *, later: timedelta = timedelta(days=1)) -> int:
    return await shelf.archive().empty_trash("main", before=shelf.clock.now() + later)


async def test_a_drop_is_known_until_it_is_forgotten(shelf):
    dropping = dropping_of(shelf)

    await shelf.archive().drop(dropping)

    assert not (shelf.root / dropping.path).exists()
    assert await shelf.archive().dropped("main") == (dropping,)
    assert await shelf.archive().dropped("mai") == ()
    (note,) = shelf.root.glob(".trash/notes/*")
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    await shelf.archive().forget(dropping)
    assert await shelf.archive().dropped("main") == ()


async def test_the_note_of_a_drop_says_what_another_version_looks_for(shelf):
    dropping = dropping_of(shelf)
    fields = {
        "path": str(dropping.path),
        "zgid": JOB.zgid,
        "job_id": JOB.job,
        "revision": 1,
        "manifest_sha256": dropping.manifest_sha256,
        "rules": ["keep_last", "keep_daily"],
        "at": "2022-06-24T12:00:00Z",
    }
    await shelf.archive().drop(dropping)
    (note,) = shelf.root.glob(".trash/notes/*")

    assert note.name == f"20220624T120000Z_main_{dropping.path.name}.json"
    assert json.loads(note.read_bytes()) == fields
    note.write_text(json.dumps(fields))
    assert await shelf.archive().dropped("main") == (dropping,)


async def test_a_trash_that_somebody_removed_is_made_again(shelf):
    (shelf.root / ".trash").rmdir()

    assert await emptied(shelf) == 0
    await shelf.archive().drop(dropping_of(shelf))

    assert len(list(shelf.root.glob(".trash/2*/manifest.json"))) == 1


async def test_a_drop_whose_rename_did_not_happen_is_as_if_never_begun(shelf):
    dropping = dropping_of(shelf)
    await shelf.archive().drop(dropping)
    (there,) = shelf.root.glob(".trash/2*")
    there.rename(shelf.root / dropping.path)

    assert await shelf.archive().dropped("main") == ()

    assert list(shelf.root.glob(".trash/notes/*")) == []


@pytest.mark.parametrize("text", ["", "{}", "[]", "revision"])
async def test_a_damaged_note_hides_no_other(shelf, text):
    dropping = dropping_of(shelf)
    await shelf.archive().drop(dropping)
    (note,) = shelf.root.glob(".trash/notes/*")
    damaged = json.dumps({**json.loads(note.read_text()), "revision": "many"}) if text == "revision" else text
    (note.parent / "a.json").write_text(damaged)

    assert await shelf.archive().dropped("main") == (dropping,)


async def test_what_the_journal_does_not_tell_of_yet_is_not_emptied(shelf):
    dropping = dropping_of(shelf)
    await shelf.archive().drop(dropping)

    assert await emptied(shelf) == 0
    await shelf.archive().forget(dropping)
    assert await emptied(shelf, later=timedelta(0)) == 0  # not before then, but then
    assert await emptied(shelf) == 1
    assert list(shelf.root.glob(".trash/*/*")) == list(shelf.root.glob(".trash/2*")) == []


async def test_what_an_earlier_emptying_left_of_the_org_goes_and_no_more(shelf):
    going = shelf.root / ".trash" / "emptying"
    for name in (f"{STAMP}_main_2021-12-01_1", f"{STAMP}_other_2021-12-01_1", "notes of ours"):
        (going / name).mkdir(parents=True)

    assert await emptied(shelf) == 0

    assert sorted(path.name for path in going.iterdir()) == [f"{STAMP}_other_2021-12-01_1", "notes of ours"]


async def test_a_damaged_file_that_was_put_aside_goes_as_a_snapshot_does(shelf):
    aside = shelf.root / ".trash" / f"{STAMP}_main_2021-12-01_1_data_1_Data_001.zip.damaged"
    aside.write_bytes(b"rotten")

    assert await emptied(shelf) == 1
    assert not aside.exists()
    assert list(shelf.root.glob(".trash/emptying/*")) == []


async def test_a_folder_that_its_owner_may_not_write_to_goes_too(shelf, monkeypatch):
    folder = shelf.root / ".trash" / f"{STAMP}_main_2021-12-01_1"
    folder.mkdir()
    (folder / "manifest.json").touch()
    folder.chmod(0o550)
    real = os.unlink

    def as_its_owner(path, **options) -> None:
        if not Path(path).parent.stat().st_mode & stat.S_IWUSR:
            raise PermissionError(13, os.strerror(13), str(path))
        real(path, **options)

    monkeypatch.setattr(os, "unlink", as_its_owner)

    assert await emptied(shelf) == 1
    assert list(shelf.root.glob(".trash/emptying/*")) == []


async def test_of_a_link_in_the_trash_only_the_link_goes(shelf):
    (shelf.root / "kept").mkdir()
    (shelf.root / "kept" / "Data_001.zip").write_bytes(b"theirs")
    (shelf.root / ".trash" / f"{STAMP}_main_2021-12-01_1").symlink_to(shelf.root / "kept")

    assert await emptied(shelf) == 1

    assert (shelf.root / "kept" / "Data_001.zip").read_bytes() == b"theirs"
    assert list(shelf.root.glob(".trash/emptying/*")) == []
