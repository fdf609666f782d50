"""What may become a path, and what folders are called."""

import os
from datetime import UTC, datetime
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.core.model import FileId, Kind
from backupd.core.names import (
    CATALOG,
    CHECKSUMS,
    JOURNAL,
    MANIFEST,
    ORG_NAME,
    STAGING,
    STATE,
    TRASH,
    file_name_problem,
    is_id,
    path_in_snapshot,
    snapshot_path,
    staging_path,
    trash_name,
    trashed_at,
)
from tests.fakes.values import JOB, TAKEN_AT


@pytest.mark.parametrize(
    "name", ["Data_001.zip", "Attachments_001.zip", "Données_1.zip", "数据_001.zip", "a b.zip", "x"]
)
def test_usual_names_are_let_in(name):
    assert file_name_problem(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        ".hidden",
        "../x",
        "a/b",
        "a\\b",
        "C:x",
        "a\nb",
        "a\0b",
        "a\x7fb",
        "a\u202eb",
        "a\ud800b",
        'a"b',
        "a*b",
        "é" * 91,
    ],
)
def test_names_that_could_do_harm_are_not(name):
    assert file_name_problem(name) is not None


@given(st.text())
def test_a_name_that_is_let_in_stays_in_its_folder_and_fits_with_our_suffixes(name):
    if file_name_problem(name) is None:
        path = path_in_snapshot(FileId(Kind.DATA, name))
        assert path.parts == ("data", name)
        assert os.path.normpath(path) == str(path)
        assert len(os.fsencode(f"{name}.resume.new")) <= 255


@given(st.text())
def test_an_id_that_is_let_in_is_one_step_of_a_path(text):
    if is_id(text):
        assert PurePosixPath(text).parts == (text,)
        assert text not in {".", ".."}


@pytest.mark.parametrize("text", ["", "..", "a/b", "1 2", "1\n", "\u0661", "x" * 65])
def test_odd_ids_are_not_let_in(text):
    assert not is_id(text)


@pytest.mark.parametrize("org", ["", "Main", "a-b", "a.b", "../x", ".staging", "a\n"])
def test_an_org_name_keeps_to_small_letters_digits_and_underscores(org):
    assert ORG_NAME.fullmatch(org) is None


def test_a_snapshots_folder_is_called_by_date_and_job():
    assert str(snapshot_path("main", TAKEN_AT, JOB)) == "main/2022/2022-06-23_4876876000001594004"


def test_folders_sort_by_date():
    days = [datetime(2022, month, day, tzinfo=UTC) for month in (2, 11) for day in (3, 21)]

    paths = [str(snapshot_path("main", day, JOB)) for day in days]

    assert paths == sorted(paths)


def test_a_job_grows_where_no_org_can_be_called():
    assert staging_path("main", JOB).parts == (".staging", "main", JOB.job)
    assert ORG_NAME.fullmatch(".staging") is None


def test_kinds_have_folders_of_their_own():
    same = {path_in_snapshot(FileId(kind, "Export_001.zip")) for kind in Kind}

    assert len(same) == 2


def test_what_lies_in_an_archive_keeps_its_name_for_good():
    assert (MANIFEST, CHECKSUMS, JOURNAL, CATALOG) == ("manifest.json", "SHA256SUMS", "journal.jsonl", "catalog.sqlite")
    assert (STAGING, TRASH, STATE) == (".staging", ".trash", ".state")


def test_what_is_thrown_away_says_when_from_where_and_what():
    snapshot = snapshot_path("main", TAKEN_AT, JOB)
    whole, part = trash_name(TAKEN_AT, snapshot), trash_name(TAKEN_AT, snapshot, "Data_001.zip.damaged")

    assert whole == "20220623T120103Z_main_2022-06-23_4876876000001594004"
    assert part == f"{whole}_Data_001.zip.damaged"
    assert trashed_at(whole, "main") == trashed_at(part, "main") == TAKEN_AT
    assert trashed_at(whole, "mai") is None


@pytest.mark.parametrize("name", ["notes", "20220623T120103Z_main_notes", "yesterday_main_2022-06-23_4004"])
def test_what_others_put_into_the_trash_was_not_thrown_away_by_us(name):
    assert trashed_at(name, "main") is None
