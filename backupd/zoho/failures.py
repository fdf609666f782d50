"""The vendor's refusals as our errors: status, both error forms and the codes, each with what to do about it.

Only the vendor's code goes into a text, never its message, which may be a page or quote what was sent. Pure.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from backupd.core.errors import (
    AccessRefused,
    Refused,
    ScopeMissing,
    UnreadableAnswer,
    VendorError,
    VendorThrottled,
    VendorUnavailable,
)
from backupd.core.http import retry_after
from backupd.zoho.wire import CANCEL, CREATE, Document, document

_CODE = re.compile(r"(?=.{2,60}\Z)[A-Za-z][A-Za-z_]*(?:[0-9]{1,3}[A-Za-z_]*)?")  # a token has more digits
_STALE = {"INVALID_TOKEN", "INVALID_OAUTHTOKEN", "AUTHENTICATION_FAILURE"}
_NO_SCOPE = {"OAUTH_SCOPE_MISMATCH", "INVALID_OAUTHSCOPE"}
_NO_ROLE = {"NO_PERMISSION", "FORBIDDEN"}
_SCOPES = {CREATE: "ZohoCRM.bulk.backup.CREATE", CANCEL: "ZohoCRM.bulk.backup.UPDATE"}
_READ_SCOPE = "ZohoCRM.bulk.backup.READ"
_ROLE_ADVICE = (
    "Make the refresh token as a user with the Administrator profile, and check that the edition includes backups."
)
HOW_TO_FIND_IT = "The end of the CRM's address in a browser tells the data centre: with crm.zoho.eu it is eu."
_STALE_ADVICE = (
    f"Check `data_center` (another one answers like this). {HOW_TO_FIND_IT} "
    "If it is right, create a new refresh token with `backupd authorize`; "
    "scopes: ZohoCRM.bulk.backup.READ,ZohoFiles.files.ALL."
)
_BUSINESS_ADVICE = {
    "BACKUP_ALREADY_SCHEDULED": "Cancel the present schedule first, or leave it as it is.",
    "LIMIT_EXCEEDED": "The month's backups are used up: wait for the next month, or buy more from the vendor.",
    "LIMIT_REACHED": "The month's backups are used up: wait for the next month, or buy more from the vendor.",
    "ALREADY_CANCELLED": "Nothing to do: the schedule is cancelled already.",
    "RESOURCE_NOT_FOUND": "Look for the schedule's id with `backupd schedule show`.",
    "INPROGRESS": "A backup is being made; cancel when it has finished.",
    "INVALID_DATA": "Check the rule: FREQ WEEKLY or MONTHLY, INTERVAL 1 to 52, BYDAY or BYMONTHDAY.",
    "INVALID_URL_PATTERN": "Check `api_domain` and `api_version` of the org.",
    "INVALID_REQUEST_METHOD": "Check `api_domain` and `api_version` of the org.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, read in full. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)  # may hold a token


class TokenRefused(AccessRefused):
    """The access token was refused; a new one may be accepted."""

    advice = _STALE_ADVICE


def accepted(call: str, answer: Answer, now: datetime) -> Document | None:
    """Return the document of an answer that says yes, or raise what it says instead.

    Raises TokenRefused, AccessRefused, ScopeMissing, VendorThrottled, VendorUnavailable, Refused or UnreadableAnswer.
    """
    if answer.status == HTTPStatus.NO_CONTENT:
        return None
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise _failure(call, answer, now)
    read = document(call, answer.body)
    if read is not None and _is_error(read):
        raise _failure(call, answer, now)
    return read


def _is_error(read: Document) -> bool:
    """Tell whether an answer that came with a good status is an error all the same."""
    said = next(_with_code(read), {})
    return bool(said) and said["code"] != "SUCCESS" and said.get("status", "error") == "error"


def _with_code(read: Document) -> Iterator[Document]:
    """Find what bears a code: the answer itself (the flat form), or an object in it (wrapped, in whatever key)."""
    for value in (read, *read.values()):
        inner = value[0] if isinstance(value, list) and value else value
        if isinstance(inner, dict) and isinstance(inner.get("code"), str):
            yield inner


def _failure(call: str, answer: Answer, now: datetime) -> VendorError:
    code, details = _code_and_details(call, answer)
    status = answer.status
    said = f"{call}: the vendor answered {status}" + (f" {code}" if code else "")
    if status == HTTPStatus.TOO_MANY_REQUESTS or code == "TOO_MANY_REQUESTS":
        wait = retry_after(answer.headers.get("retry-after"), now) or _seconds(details.get("retry_after"))
        return VendorThrottled(said, retry_after=timedelta(seconds=wait) if wait else None)
    if code in _NO_SCOPE:
        scope = _SCOPES.get(call, _READ_SCOPE)
        return ScopeMissing(f"{said}: the refresh token lacks the scope {scope}")
    if status == HTTPStatus.UNAUTHORIZED or code in _STALE:
        return TokenRefused(said)
    if status == HTTPStatus.FORBIDDEN or code in _NO_ROLE:
        return AccessRefused(said, advice=_ROLE_ADVICE)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return VendorUnavailable(said)
    if code:
        return Refused(said, code=code, advice=_BUSINESS_ADVICE.get(code))
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return UnreadableAnswer(f"{said}, a redirect, which is not followed")
    return UnreadableAnswer(f"{said}, and not in a form we know ({len(answer.body)} bytes)")


def _code_and_details(call: str, answer: Answer) -> tuple[str, Mapping[str, Any]]:
    try:
        read = document(call, answer.body) or {}
    except UnreadableAnswer:
        return "", {}
    error = next(_with_code(read), None)
    if error is None:
        return "", {}
    code, details = error["code"], error.get("details")
    return (code if _CODE.fullmatch(code) else "an unknown code"), details if isinstance(details, dict) else {}


def _seconds(value: object) -> float | None:
    """Read the seconds to wait out of an error's details, where they come as a number or as text."""
    if isinstance(value, str):
        value = int(value) if re.fullmatch(r"\s*[0-9]{1,9}\s*", value) else None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**9:
        return None
    return float(value)
