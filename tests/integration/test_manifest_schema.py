"""The published JSON Schema is true: of what the archive really writes, and of every manifest there can be."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator, ValidationError  # type: ignore[import-untyped]  # ships no types

from backupd.core.manifest import to_json
from tests.fakes import values
from tests.fakes.shelf import Shelf
from tests.fakes.values import attachments, data

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "manifest.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


async def test_what_is_published_and_revised_fits_the_schema(tmp_path):
    shelf = Shelf(tmp_path)
    first = await shelf.archive_job(data("Data_001.zip"))
    second = await shelf.archive_job(attachments("Data_001.zip"), into=first.path)

    written = json.loads((tmp_path / second.path / "manifest.json").read_bytes())

    VALIDATOR.validate(written)
    assert written["revision"] == 2


@given(values.manifests.filter(lambda manifest: manifest.files))
def test_every_manifest_fits_the_schema(manifest):
    VALIDATOR.validate(json.loads(to_json(manifest)))


@given(values.manifests.filter(lambda manifest: manifest.files))
def test_the_schema_names_every_field(manifest):
    document = json.loads(to_json(manifest))

    only_if_partial = ["partial", "missing"] if manifest.partial else []
    assert list(document) == SCHEMA["required"] + only_if_partial
    assert list(SCHEMA["properties"]) == [*SCHEMA["required"], "partial", "missing"]
    of_a_file = SCHEMA["$defs"]["file"]
    assert list(of_a_file["properties"]) == list(document["files"][0]) == of_a_file["required"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("revision", 0), ("taken_at", "2022-06-23T12:01:03+05:30"), ("taken_at_basis", "guess"), ("files", [])],
)
def test_the_schema_can_say_no(field, value):
    document = {**json.loads(to_json(values.manifest())), field: value}

    with pytest.raises(ValidationError):
        VALIDATOR.validate(document)
