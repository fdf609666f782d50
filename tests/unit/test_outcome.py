"""The one word for a cycle."""

from pathlib import PurePosixPath

import pytest

from backupd.core.errors import ArchiveFull, JobIncomplete, LinkDead
from backupd.core.exits import Exit
from backupd.core.outcome import Outcome
from backupd.core.records import PublishedSnapshot
from tests.fakes.values import manifest

SNAPSHOT = PublishedSnapshot(PurePosixPath("main/2022/x"), manifest(), "ab" * 32, (), ())


@pytest.mark.parametrize(
    ("published", "problems", "word", "status"),
    [
        ((), (), "nothing_new", Exit.OK),
        ((SNAPSHOT,), (), "archived", Exit.OK),
        ((SNAPSHOT,), (JobIncomplete("x"),), "job_incomplete", Exit.INCOMPLETE),
        ((), (LinkDead("x"), ArchiveFull("y"), JobIncomplete("z")), "archive_full", Exit.ARCHIVE),
    ],
)
def test_the_failure_that_counts_most_gives_the_word(published, problems, word, status):
    outcome = Outcome(published, problems)

    assert (outcome.result, outcome.exit_status) == (word, status)
