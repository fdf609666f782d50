"""What the token endpoint says, as values and errors: it reports errors as HTTP 200, and its throttle as 200 or 400.

Pure. Shows nothing of an answer but the vendor's error word.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus

from backupd.core.errors import AccessRefused, TokenThrottled, UnreadableAnswer, VendorError, VendorUnavailable
from backupd.zoho.failures import HOW_TO_FIND_IT, Answer
from backupd.zoho.token_cache import is_token
from backupd.zoho.wire import Document, document

CALL = "POST /oauth/v2/token"

_THROTTLE = timedelta(minutes=10)  # asking again earlier prolongs it
_DEFAULT_LIFE = 3600  # seconds
_LONGEST_LIFE = 24 * 3600  # seconds; a larger expires_in is the old form, in milliseconds
_WORD = re.compile(r"[A-Za-z][A-Za-z_ ]{1,59}")  # no digits: what we sent might come back in its place
_SCOPES = re.compile(r"[A-Za-z0-9_., ]{1,2000}")
_PASSING = {"general_error", "server_error", "temporarily_unavailable", "internal_error"}

_ADVICE = {
    "invalid_client": (
        "Check `client_id` and `data_center`: a client that was registered in another data centre is refused like "
        f"this. {HOW_TO_FIND_IT}"
    ),
    "invalid_client_secret": "Check `client_secret` of the org.",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """What the endpoint gave: an access token with its life in seconds, and a refresh token if a code was exchanged."""

    access_token: str = field(repr=False)
    life: float
    api_domain: str | None
    scope: str | None
    refresh_token: str | None = field(repr=False)


def grant(answer: Answer, now: datetime) -> Grant:
    """Read the endpoint's answer. Raises AccessRefused, TokenThrottled, VendorUnavailable or UnreadableAnswer."""
    read = _document(answer)
    if "error" in read:
        raise _refusal(read, now)
    if answer.status != HTTPStatus.OK:
        raise _unreadable_status(answer)
    token = read.get("access_token")
    if not isinstance(token, str) or not is_token(token):
        raise UnreadableAnswer(f"{CALL}: the field access_token is missing or is not a token")
    domain, scope, refresh = read.get("api_domain"), read.get("scope"), read.get("refresh_token")
    return Grant(
        token,
        _life(read),
        domain if isinstance(domain, str) and domain else None,
        scope if isinstance(scope, str) and _SCOPES.fullmatch(scope) else None,
        refresh if isinstance(refresh, str) and is_token(refresh) else None,
    )


def throttled(now: datetime) -> TokenThrottled:
    """Make the error of a throttle that was met now."""
    return still_throttled(now + _THROTTLE)


def still_throttled(until: datetime) -> TokenThrottled:
    """Make the error of a throttle that ends at `until`."""
    return TokenThrottled(
        f"{CALL}: too many access tokens were asked for; not before {until:%H:%M:%S} UTC", until=until
    )


def throttle_holds(until: datetime | None, now: datetime) -> bool:
    """Tell whether the endpoint must not be asked yet. An end too far away is a wrong clock's, and does not count."""
    return until is not None and now < until <= now + _THROTTLE


def _document(answer: Answer) -> Document:
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return {"error": "Access Denied"}
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise VendorUnavailable(f"{CALL}: the vendor answered {answer.status}")
    try:
        read = document(CALL, answer.body)
    except UnreadableAnswer:
        if answer.status == HTTPStatus.OK:
            raise
        read = None
    if read is None:
        raise _unreadable_status(answer)
    return read


def _unreadable_status(answer: Answer) -> UnreadableAnswer:
    redirect = HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST
    what = "a redirect, which is not followed" if redirect else "without a word we know"
    return UnreadableAnswer(f"{CALL}: the vendor answered {answer.status}, {what}")


def _refusal(read: Document, now: datetime) -> VendorError:
    word, description = read.get("error"), read.get("error_description")
    if not isinstance(word, str) or not _WORD.fullmatch(word):
        word = "an unknown word"
    told = description.lower() if isinstance(description, str) else ""
    if "too many requests" in told or (word.lower() == "access denied" and not told):
        return throttled(now)
    said = f"{CALL}: the vendor refused a new access token: {word}"
    if word in _PASSING:
        return VendorUnavailable(said)
    return AccessRefused(said, code=word, advice=_ADVICE.get(word))


def _life(read: Document) -> float:
    """Read how long the token lives, in seconds: `expires_in_sec` if there is one, else `expires_in`."""
    for name in ("expires_in_sec", "expires_in"):
        value = read.get(name)
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}", value):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            seconds = value // 1000 if value > _LONGEST_LIFE else value
            return float(min(seconds, _LONGEST_LIFE))
    return _DEFAULT_LIFE
