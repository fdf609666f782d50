"""Do the catalog and a manifest agree about a job? What differs is said; what cannot be read decides little."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import PurePosixPath

import pytest

from backupd.core.agreement import disagreement, standing_disagreement
from backupd.core.errors import RecordDamaged
from backupd.core.model import JobId
from backupd.core.records import ArchivedJob, FoundSnapshot
from backupd.core.retention import Standing
from backupd.core.times import to_fixed_text
from tests.fakes.values import JOB, ZGID, data, manifest

PATH = PurePosixPath("main/2022/2022-06-23_4876876000001594004")
OTHER = JobId(ZGID, "5")
MADE = manifest()
FOUND = FoundSnapshot(PATH, MADE, "ab")
DAMAGED = FoundSnapshot(PATH, RecordDamaged("no JSON"), "cd")
KNOWN = ArchivedJob(PATH, 1, "ab", frozenset({data("Data_000.zip")}))
UNREAD = ArchivedJob(PATH, 0, "", frozenset())
STANDING = Standing(
    to_fixed_text(MADE.taken.at),
    to_fixed_text(MADE.archived_at),
    str(PATH),
    ZGID,
    JOB.job,
    verified=True,
    partial=False,
    size=MADE.size,
)


@pytest.mark.parametrize(
    ("known", "found", "told"),
    [
        (None, None, None),
        (None, DAMAGED, None),
        (None, FOUND, "does not know of"),
        (None, replace(FOUND, record=manifest(OTHER)), None),
        (UNREAD, None, None),
        (UNREAD, DAMAGED, None),
        (KNOWN, None, "more of .* than can be read there"),
        (KNOWN, DAMAGED, "more of .* than can be read there"),
        (KNOWN, FOUND, None),
        (KNOWN, replace(FOUND, record=manifest(OTHER)), "snapshot of another job"),
        (replace(KNOWN, revision=2), FOUND, "does not know .* as it is"),
        (replace(KNOWN, files=frozenset()), FOUND, "does not know .* as it is"),
    ],
)
def test_what_differs_about_a_job_is_said(known, found, told):
    _expect(disagreement(JOB, known, found), told)


@pytest.mark.parametrize(
    ("standing", "found", "told"),
    [
        (STANDING, FOUND, None),
        (STANDING._replace(verified=False), FOUND, None),
        (STANDING._replace(verified=False), DAMAGED, None),
        (STANDING, DAMAGED, "takes .* for whole"),
        (STANDING._replace(verified=None), DAMAGED, "takes .* for whole"),
        (STANDING._replace(job_id="5"), FOUND, "does not know .* as it is"),
        (STANDING._replace(taken_text=to_fixed_text(MADE.taken.at + timedelta(1))), FOUND, "does not know .* as it is"),
        (
            STANDING._replace(archived_text=to_fixed_text(MADE.archived_at + timedelta(1))),
            FOUND,
            "does not know .* as it is",
        ),
        (STANDING._replace(size=MADE.size + 1), FOUND, "does not know .* as it is"),
    ],
)
def test_what_differs_about_what_retention_judges_by_is_said(standing, found, told):
    _expect(standing_disagreement(standing, found), told)


def _expect(answer: str | None, told: str | None) -> None:
    if told is None:
        assert answer is None
    else:
        assert answer is not None
        assert str(PATH) in answer
        assert re.search(told, answer)
