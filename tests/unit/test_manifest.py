"""The manifest: the same value gives the same text, the text gives the value back, and a wrong field is named."""

import json
from dataclasses import replace

import pytest
from hypothesis import given

from backupd.core.manifest import FORMAT, from_json, in_order, to_json
from tests.fakes import values
from tests.fakes.values import attachments, data, manifest


@given(values.manifests)
def test_a_manifest_is_read_as_it_was_written(made):
    assert from_json(to_json(made).encode(errors="backslashreplace")) == made


@given(values.manifests)
def test_the_same_manifest_gives_the_same_text(made):
    assert to_json(from_json(to_json(made))) == to_json(made)


def test_the_text_is_for_people_too():
    text = to_json(manifest(files=2))

    assert text.startswith(f'{{\n  "format": "{FORMAT}",\n  "org": "main",\n')
    assert text.endswith("}\n")


def test_a_partial_snapshot_says_so_and_what_is_missing():
    text = to_json(replace(manifest(), missing=(data("Data_009.zip"),)))

    document = json.loads(text)
    assert document["partial"] is True
    assert document["missing"] == [{"kind": "data", "name": "Data_009.zip", "path": "data/Data_009.zip"}]
    assert "partial" not in json.loads(to_json(manifest()))


def test_files_are_listed_data_first_and_by_name():
    one = manifest().files[0]
    names = [attachments("Data_001.zip"), data("Data_002.zip"), data("Data_001.zip")]
    mixed = tuple(replace(one, received=replace(one.received, file=file)) for file in names)

    listed = [str(entry.file) for entry in in_order(mixed)]

    assert listed == ["data/Data_001.zip", "data/Data_002.zip", "attachments/Data_001.zip"]


def test_the_size_is_that_of_all_files():
    assert manifest(files=3).size == sum(entry.received.size for entry in manifest(files=3).files)


def test_it_says_what_wrote_it_and_in_which_format():
    document = json.loads(to_json(manifest()))

    assert document["tool"] == {"name": "backupd", "version": "1.0"}
    assert document["format"] == "backupd.manifest/1"


def test_unknown_fields_are_ignored():
    document = json.loads(to_json(manifest()))
    document["mood"] = "good"
    document["files"][0]["colour"] = "green"

    assert from_json(json.dumps(document)) == manifest()


def _without(*path):
    def change(document):
        place = document
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return change


def _with(value, *path):
    def change(document):
        place = document
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_with("backupd.manifest/2", "format"), "format"),
        (_without("org"), "org"),
        (_without("zgid"), "zgid"),
        (_with(4, "job_id"), "job_id"),
        (_with("../etc", "job_id"), "job_id"),
        (_with("yesterday", "taken_at"), "yesterday"),
        (_with("2022-06-23T12:01:03", "taken_at"), "offset"),
        (_with("0001-01-01T00:00:00+23:00", "taken_at"), "0001-01-01"),
        (_with("guess", "taken_at_basis"), "guess"),
        (_with("1", "revision"), "revision"),
        (_with(True, "revision"), "revision"),
        (_with([], "schedule"), "schedule"),
        (_with({"id": "1", "status": 2}, "schedule"), "status"),
        (_without("tool"), "tool"),
        (_with("backupd", "tool"), "tool"),
        (_with({}, "files"), "files"),
        (_with(["a.zip"], "files"), "files"),
        (_without("files", 0, "size"), "size"),
        (_with(-1, "files", 0, "size"), "size"),
        (_with("00", "files", 0, "sha256"), "sha256"),
        (_with("../../x", "files", 0, "name"), "name"),
        (_with("data/other.zip", "files", 0, "path"), "path"),
        (_with(3, "files", 0, "etag"), "etag"),
        (_with("soon", "files", 0, "seconds"), "seconds"),
        (_with(float("nan"), "files", 0, "seconds"), "seconds"),
    ],
)
def test_a_wrong_field_is_named(change, named):
    document = json.loads(to_json(manifest()))
    change(document)

    with pytest.raises(ValueError, match=named):
        from_json(json.dumps(document))


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"format": 1}', "[" * 100_000, b"\xff\xfe\x00"])
def test_what_is_no_manifest_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011  the words are the parser's
        from_json(text)


def test_a_file_that_is_listed_twice_is_refused():
    document = json.loads(to_json(manifest()))
    document["files"] *= 2

    with pytest.raises(ValueError, match="twice"):
        from_json(json.dumps(document))
