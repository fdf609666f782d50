"""The words and exit statuses of failures, which scripts, alert rules and metrics go by: they never change."""

import inspect

from backupd.core import errors
from backupd.core.errors import BackupdError, ConfigurationError, Refused

WORDS = {
    "access_refused": 77,
    "answer_lost": 69,
    "archive": 73,
    "archive_busy": 75,
    "archive_full": 73,
    "archive_gone": 73,
    "archive_unusable": 78,
    "configuration": 78,
    "download_failed": 69,
    "fault": 1,
    "file": 1,
    "job_incomplete": 1,
    "job_missed": 1,
    "link_dead": 1,
    "link_refused": 1,
    "record_damaged": 3,
    "refused": 69,
    "runs_missing": 3,
    "scope_missing": 77,
    "throttled": 75,
    "token_throttled": 75,
    "unreadable_answer": 69,
    "usage": 2,
    "vendor": 69,
    "vendor_unavailable": 69,
    "wrong_organisation": 78,
    "zip_rejected": 1,
}


def test_every_failure_has_its_word_and_its_exit_status():
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, BackupdError)]

    assert {kind.kind: int(kind.exit_status) for kind in kinds if kind is not BackupdError} == WORDS


def test_what_may_work_by_itself_when_it_is_tried_again_is_named():
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, BackupdError)]

    assert {kind.kind for kind in kinds if kind.passing} == {
        "vendor_unavailable",
        "throttled",
        "token_throttled",
        "download_failed",
        "archive_full",
        "archive_busy",
    }


def test_a_wrong_configuration_has_one_problem_or_several():
    assert ConfigurationError("no root").problems == ("no root",)
    assert ConfigurationError("two", problems=("no root", "no org")).problems == ("no root", "no org")


def test_what_the_vendor_refuses_says_what_to_do():
    refused = Refused("there is a schedule", code="X", advice="Cancel it.")

    assert (str(refused), refused.advice) == ("there is a schedule", "Cancel it.")
