"""The records in staging are read by another version than the one that wrote them: their fields stay as they are."""

import json
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pytest

from backupd.archive.growth import (
    Growth,
    Intention,
    Rejected,
    growth_from_json,
    growth_to_json,
    intention_from_json,
    intention_to_json,
    rejected_from_json,
    rejected_to_json,
    slot_in,
)
from backupd.core.manifest import to_json
from tests.fakes.values import EXPIRES_AT, JOB, SEEN_AT, attachments, data, manifest

INTO = PurePosixPath("main/2022/2022-06-23_4876876000001594004")
GROWTH_FIELDS = {
    "org": "main",
    "zgid": "757345985",
    "job_id": "4876876000001594004",
    "expiry_date": "2022-06-30T12:01:03Z",
    "first_seen_at": "2022-06-23T12:15:00Z",
}
REJECTED_FIELDS = {"count": 2, "last_at": "2022-06-24T12:00:00Z", "reason": "crc", "moving": True}
REJECTED = Rejected(2, datetime(2022, 6, 24, 12, tzinfo=UTC), "crc", moving=True)


@pytest.mark.parametrize(("into", "written"), [(None, None), (INTO, str(INTO))])
def test_what_grows_is_kept_field_by_field(into, written):
    growth, fields = Growth("main", JOB, EXPIRES_AT, SEEN_AT, into), {**GROWTH_FIELDS, "into": written}

    assert json.loads(growth_to_json(growth)) == fields
    assert growth_from_json(json.dumps(fields).encode()) == growth


def test_what_is_about_to_exist_is_kept_field_by_field():
    intention = Intention(INTO, manifest(), (data("Data_001.zip"), attachments("A.zip")), (attachments("A.zip"),))
    fields = {
        "path": str(INTO),
        "added": [{"kind": "data", "name": "Data_001.zip"}, {"kind": "attachments", "name": "A.zip"}],
        "healed": [{"kind": "attachments", "name": "A.zip"}],
        "manifest": to_json(intention.manifest),
    }

    assert json.loads(intention_to_json(intention)) == fields
    assert intention_from_json(json.dumps(fields).encode()) == intention


def test_what_was_about_to_exist_before_files_could_be_healed_is_understood():
    fields = {"path": str(INTO), "added": [{"kind": "data", "name": "D.zip"}], "manifest": to_json(manifest())}

    read = intention_from_json(json.dumps(fields).encode())

    assert (read.added, read.healed) == ((data("D.zip"),), ())


@pytest.mark.parametrize("moving", [True, False])
def test_a_rejection_is_kept_field_by_field(moving):
    rejected = Rejected(REJECTED.count, REJECTED.last_at, REJECTED.reason, moving=moving)
    fields = {**REJECTED_FIELDS, "moving": moving}

    assert json.loads(rejected_to_json(rejected)) == fields
    assert rejected_from_json(json.dumps(fields).encode()) == rejected


def test_records_are_lines_of_plain_ascii_that_a_person_can_read():
    for text in (growth_to_json(Growth("main", JOB, EXPIRES_AT, SEEN_AT, None)), rejected_to_json(REJECTED)):
        assert text.isascii()
        assert text.startswith(b'{\n  "')
        assert text.endswith(b"\n}\n")


def test_a_file_grows_apart_from_its_namesake_of_the_other_kind():
    one, other = slot_in(Path("/s"), data("A.zip")), slot_in(Path("/s"), attachments("A.zip"))

    assert (one.part, one.resume) == (Path("/s/parts/data/A.zip.part"), Path("/s/parts/data/A.zip.resume"))
    assert other.part == Path("/s/parts/attachments/A.zip.part")
