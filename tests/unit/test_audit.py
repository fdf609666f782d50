"""What an audit says of a snapshot in each state it can be in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

import pytest

from backupd.core.audit import (
    Finding,
    FoundFile,
    Inventory,
    Outcome,
    Reading,
    judge_file,
    judge_folder,
    judge_record,
    outcome_of,
)
from backupd.core.errors import RecordDamaged
from backupd.core.manifest import Manifest, ManifestFile
from backupd.core.model import Checked, FileId, JobId, Kind, Received, Taken, TakenBasis
from backupd.core.records import ArchivedJob

NOW = datetime(2022, 6, 23, 12, 1, tzinfo=UTC)
DATA, DIGEST, MANIFEST_DIGEST = "data/Data_001.zip", "a" * 64, "b" * 64

SUMS = {DATA: DIGEST, "manifest.json": MANIFEST_DIGEST}
FILES = {
    DATA: FoundFile(100, 0o440, regular=True),
    "manifest.json": FoundFile(7, 0o440, regular=True),
    "SHA256SUMS": FoundFile(7, 0o440, regular=True),
}
FOLDERS = {".": 0o750, "data": 0o2750}


def _entry(name: str = "Data_001.zip") -> ManifestFile:
    received = Received(FileId(Kind.DATA, name), 100, DIGEST, Checked(3, 500), None, None, 1, 0, 0.1)
    return ManifestFile(received, NOW)


def _whole() -> Inventory:
    manifest = Manifest(
        "main", JobId("757", "4004"), Taken(NOW, TakenBasis.EXPIRY), NOW, NOW, NOW, 1, None, "0.1.0", (_entry(),)
    )
    return Inventory(
        path=PurePosixPath("main/2022/2022-06-23_4004"),
        record=manifest,
        manifest_sha256=MANIFEST_DIGEST,
        sums=SUMS,
        files=FILES,
        folders=FOLDERS,
    )


def _without(name: str) -> dict[str, FoundFile]:
    return {key: found for key, found in FILES.items() if key != name}


def test_a_whole_snapshot_has_no_findings():
    assert tuple(judge_folder(_whole())) == ()
    assert outcome_of(()) is Outcome.OK


@pytest.mark.parametrize(
    ("change", "name", "problem"),
    [
        ({"files": _without(DATA)}, DATA, "is missing"),
        ({"files": _without("SHA256SUMS"), "sums": None}, "SHA256SUMS", "is missing"),
        ({"sums": None}, "SHA256SUMS", "cannot be read as checksums"),
        ({"files": FILES | {"data/x": FoundFile(1, 0o440, regular=True)}}, "data/x", "does not belong"),
        ({"files": FILES | {DATA: FoundFile(100, 0o777, regular=False)}}, DATA, "is not a plain file"),
        ({"files": FILES | {DATA: FoundFile(99, 0o440, regular=True)}}, DATA, "has 99 bytes, not the 100"),
        ({"files": FILES | {DATA: FoundFile(100, 0o640, regular=True)}}, DATA, "its mode is 0640, not 0440"),
        ({"folders": FOLDERS | {"data/old": 0o750}}, "data/old", "does not belong"),
        ({"folders": FOLDERS | {"attachments": 0o750}}, "attachments", "does not belong"),
        ({"folders": FOLDERS | {".": 0o770}}, ".", "its mode is 0770, not 0750"),
        ({"folders": FOLDERS | {"data": 0o751}}, "data", "its mode is 0751, not 0750"),
        ({"sums": SUMS | {DATA: "c" * 64}}, "SHA256SUMS", f"does not agree with manifest.json about {DATA}"),
        ({"manifest_sha256": "c" * 64}, "SHA256SUMS", "does not agree with manifest.json about manifest.json"),
        ({"sums": {"manifest.json": MANIFEST_DIGEST}}, "SHA256SUMS", f"has no line for {DATA}"),
        ({"sums": SUMS | {"data/x": DIGEST}}, "SHA256SUMS", "has a line for data/x"),
        ({"record": RecordDamaged("the format is wrong")}, "manifest.json", "the format is wrong"),
    ],
)
def test_what_is_not_as_archived_is_named(change, name, problem):
    findings = tuple(judge_folder(replace(_whole(), **change)))

    assert any(finding.name == name and finding.problem.startswith(problem) for finding in findings), findings
    assert outcome_of(findings) is Outcome.FAILED


def test_a_revision_that_was_cut_short_is_no_damage():
    findings = tuple(judge_folder(replace(_whole(), sums={DATA: DIGEST})))

    assert outcome_of(findings) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("reading", "outcome", "problem"),
    [
        (Reading(missing=True), Outcome.FAILED, "is missing"),
        (Reading(problem="Input/output error"), Outcome.INCONCLUSIVE, "could not be read: Input/output error"),
        (Reading(100, "c" * 64, Checked(3, 500)), Outcome.FAILED, "its bytes are not the ones that were archived"),
        (Reading(100, "c" * 64, None, "CRC"), Outcome.FAILED, "its bytes are not the ones that were archived ("),
        (Reading(100, DIGEST, None, "CRC of a.csv"), Outcome.FAILED, "its bytes are as archived, but its zip is"),
        (Reading(100, DIGEST, Checked(4, 500)), Outcome.FAILED, "its zip holds other members"),
    ],
)  # fmt: skip
def test_a_file_that_reads_differently_is_told(reading, outcome, problem):
    finding = judge_file(_entry(), reading)

    assert finding is not None
    assert (finding.outcome, finding.name) == (outcome, DATA)
    assert finding.problem.startswith(problem)


def test_a_file_that_reads_as_archived_is_fine():
    assert judge_file(_entry(), Reading(100, DIGEST, Checked(3, 500))) is None


def test_the_outcomes_are_the_words_that_programs_go_by():
    assert set(Outcome) == {"ok", "failed", "inconclusive"}


def test_damage_outranks_doubt():
    doubt, damage = Finding(Outcome.INCONCLUSIVE, "a", ""), Finding(Outcome.FAILED, "b", "")

    assert outcome_of((doubt, damage)) is Outcome.FAILED
    assert outcome_of((doubt,)) is Outcome.INCONCLUSIVE


SINCE = NOW + timedelta(seconds=1)  # the records were opened after all that the manifest tells of


def _recorded(revision: int = 1, digest: str = MANIFEST_DIGEST) -> ArchivedJob:
    return ArchivedJob(_whole().path, revision, digest, frozenset(), frozenset(), recorded_revision=revision)


def _revised(revision: int) -> Inventory:
    whole = _whole()
    assert isinstance(whole.record, Manifest)
    return replace(whole, record=replace(whole.record, revision=revision))


@pytest.mark.parametrize(
    ("revision", "recorded", "outcome", "problem"),
    [
        (1, _recorded(digest="c" * 64), Outcome.FAILED, "is not the one that the journal tells of"),
        (1, _recorded(2), Outcome.FAILED, "is revision 1, and the journal tells of 2"),
        (2, _recorded(1), Outcome.INCONCLUSIVE, "is revision 2, the journal tells of 1; the next cycle"),
        (1, None, Outcome.INCONCLUSIVE, "is revision 1, the journal tells of none; the next cycle"),
    ],
)
def test_a_manifest_that_the_journal_does_not_tell_of_is_named(revision, recorded, outcome, problem):
    finding = judge_record(_revised(revision), recorded, since=SINCE)

    assert finding is not None
    assert (finding.outcome, finding.name) == (outcome, "manifest.json")
    assert finding.problem.startswith(problem)


@pytest.mark.parametrize(
    ("inventory", "recorded", "since"),
    [
        (_whole(), _recorded(), SINCE),
        (_revised(2), _recorded(), NOW),  # it changed meanwhile
        (_whole(), None, NOW),
        (replace(_whole(), record=RecordDamaged("it is missing")), _recorded(7), SINCE),  # told by its folder
    ],
)
def test_a_manifest_that_the_journal_tells_of_or_cannot_know_yet_is_fine(inventory, recorded, since):
    assert judge_record(inventory, recorded, since=since) is None
