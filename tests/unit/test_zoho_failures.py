"""The vendor's refusals, each with its consequences."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from backupd.core.errors import (
    AccessRefused,
    Refused,
    ScopeMissing,
    UnreadableAnswer,
    VendorThrottled,
    VendorUnavailable,
)
from backupd.core.exits import Exit
from backupd.zoho import wire
from backupd.zoho.failures import Answer, TokenRefused, accepted

NOW = datetime(2022, 6, 24, 12, 0, tzinfo=UTC)


def error(code, **details):
    return {"code": code, "message": "SECRET text", "status": "error", "details": details}


def answer(status, body=b"", **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {name.replace("_", "-"): text for name, text in headers.items()}, content)


def refused(call, status, body=b"", **headers):
    with pytest.raises(Exception, match=call.replace("{", r"\{")) as caught:
        accepted(call, answer(status, body, **headers), NOW)
    assert "SECRET" not in str(caught.value)
    return caught.value


FORMS = [
    lambda flat: flat,
    lambda flat: {"backup": flat},
    lambda flat: {"anything": flat},
    lambda flat: {"data": [flat]},
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("status", "code", "kind", "exit_status", "passing"),
    [
        (401, "INVALID_TOKEN", TokenRefused, Exit.REFUSED, False),
        (401, "INVALID_OAUTHTOKEN", TokenRefused, Exit.REFUSED, False),
        (401, "AUTHENTICATION_FAILURE", TokenRefused, Exit.REFUSED, False),
        (400, "INVALID_TOKEN", TokenRefused, Exit.REFUSED, False),
        (401, "OAUTH_SCOPE_MISMATCH", ScopeMissing, Exit.REFUSED, False),
        (403, "NO_PERMISSION", AccessRefused, Exit.REFUSED, False),
        (404, "INVALID_URL_PATTERN", Refused, Exit.UNAVAILABLE, False),
        (400, "INVALID_REQUEST_METHOD", Refused, Exit.UNAVAILABLE, False),
        (429, "TOO_MANY_REQUESTS", VendorThrottled, Exit.TRY_LATER, True),
        (500, "INTERNAL_ERROR", VendorUnavailable, Exit.UNAVAILABLE, True),
        (400, "BACKUP_ALREADY_SCHEDULED", Refused, Exit.UNAVAILABLE, False),
        (400, "LIMIT_EXCEEDED", Refused, Exit.UNAVAILABLE, False),
        (400, "LIMIT_REACHED", Refused, Exit.UNAVAILABLE, False),
        (400, "SOMETHING_NEW", Refused, Exit.UNAVAILABLE, False),
        (200, "SOMETHING_NEW", Refused, Exit.UNAVAILABLE, False),
    ],
)
def test_each_code_in_each_form_has_its_consequences(form, status, code, kind, exit_status, passing):
    failure = refused(wire.DETAILS, status, form(error(code)))
    assert type(failure) is kind
    assert (failure.exit_status, failure.passing) == (exit_status, passing)
    assert code in str(failure)
    assert str(status) in str(failure)


@pytest.mark.parametrize(
    ("call", "code", "advice"),
    [
        (wire.CREATE, "BACKUP_ALREADY_SCHEDULED", "Cancel the present schedule"),
        (wire.CREATE, "LIMIT_REACHED", "used up"),
        (wire.CANCEL, "ALREADY_CANCELLED", "cancelled already"),
        (wire.CANCEL, "RESOURCE_NOT_FOUND", "schedule show"),
        (wire.CANCEL, "INPROGRESS", "when it has finished"),
        (wire.DETAILS, "INVALID_URL_PATTERN", "api_version"),
    ],
)
def test_a_refusal_for_business_reasons_says_what_to_do(call, code, advice):
    failure = refused(call, 400, error(code))
    assert failure.code == code
    assert advice in failure.advice


def test_a_missing_scope_is_named():
    assert "ZohoCRM.bulk.backup.READ" in str(refused(wire.LINKS, 401, error("OAUTH_SCOPE_MISMATCH")))
    assert "ZohoCRM.bulk.backup.CREATE" in str(refused(wire.CREATE, 401, error("OAUTH_SCOPE_MISMATCH")))
    assert "ZohoCRM.bulk.backup.UPDATE" in str(refused(wire.CANCEL, 401, error("OAUTH_SCOPE_MISMATCH")))


def test_a_missing_role_advises_about_the_role():
    assert "Administrator" in refused(wire.DETAILS, 403, error("NO_PERMISSION")).advice


@pytest.mark.parametrize(
    ("headers", "details", "wait"),
    [
        ({"retry_after": "30"}, {}, timedelta(seconds=30)),
        ({"retry_after": "30"}, {"retry_after": 99}, timedelta(seconds=30)),
        ({"retry_after": "Fri, 24 Jun 2022 12:01:00 GMT"}, {}, timedelta(minutes=1)),
        ({}, {"retry_after": 45}, timedelta(seconds=45)),
        ({}, {"retry_after": "45"}, timedelta(seconds=45)),
        ({"retry_after": "soon"}, {"retry_after": 45}, timedelta(seconds=45)),
        ({"retry_after": "soon"}, {"retry_after": [1]}, None),
        ({"retry_after": "Fri, 31 Dec 9999 23:59:59 -0500"}, {}, None),
        ({"retry_after": "Jan +9999999999 23:59:59"}, {}, None),
        ({"retry_after": "0"}, {"retry_after": 45}, timedelta(seconds=45)),
        ({}, {"retry_after": -5}, None),
        ({}, {"retry_after": True}, None),
        ({}, {}, None),
    ],
)
def test_the_wait_comes_from_the_header_else_from_the_details(headers, details, wait):
    assert refused(wire.DETAILS, 429, error("TOO_MANY_REQUESTS", **details), **headers).retry_after == wait


def test_an_error_page_is_told_by_its_size_only():
    failure = refused(wire.DETAILS, 418, b"<html>SECRET</html>")
    assert isinstance(failure, UnreadableAnswer)
    assert str(failure) == "GET /backup: the vendor answered 418, and not in a form we know (19 bytes)"
    assert isinstance(refused(wire.DETAILS, 502, b"<html>SECRET</html>"), VendorUnavailable)
    assert isinstance(refused(wire.DETAILS, 401, b"<html>SECRET</html>"), TokenRefused)


@pytest.mark.parametrize("code", ["SECRET: a sentence with \n things", "a0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5", "x" * 61])
def test_a_code_that_is_no_word_is_not_shown(code):
    failure = refused(wire.DETAILS, 400, error(code))
    assert "an unknown code" in str(failure)
    assert code not in str(failure)


def test_a_redirect_is_not_followed_and_said_to_be_one():
    assert "redirect" in str(refused(wire.DETAILS, 307, location="https://evil.example/SECRET"))


@pytest.mark.parametrize(
    ("status", "body", "read"),
    [
        (204, b"", None),
        (204, b"ignored", None),
        (200, b"", None),
        (200, {"backup": {"id": "1"}}, {"backup": {"id": "1"}}),
        (
            200,
            {"backup": {"code": "SUCCESS", "status": "success"}},
            {"backup": {"code": "SUCCESS", "status": "success"}},
        ),
    ],
)
def test_a_yes_gives_the_document(status, body, read):
    assert accepted(wire.DETAILS, answer(status, body), NOW) == read


def test_no_repr_of_an_answer_shows_its_body():
    assert "SECRET" not in repr(answer(200, b"SECRET", set_cookie="SECRET"))
