"""The API's operations, each a function of the organisation, the request and the time.

Which access token a call needs is checked here too, in one place for the API and the file server.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from backupd.simulator import answers
from backupd.simulator.answers import Answer, error
from backupd.simulator.effects import Lists
from backupd.simulator.organisation import Organisation
from backupd.simulator.tokens import Token, TokenBook

_SCOPE = "ZohoCRM.bulk.backup."
_NEEDED = {"details": "READ", "urls": "READ", "history": "READ", "schedule": "CREATE", "cancel": "UPDATE"}
_FILES_SCOPE = "ZohoFiles.files.ALL"
_MOST_PER_PAGE = 200
_MOST_INTERVAL, _LAST_DAY = 52, 31


def authorize(book: TokenBook, header: str | None, operation: str, now: datetime) -> Token | Answer:
    """Find the token that a call bears and see whether it allows the operation."""
    if not header or not header.startswith("Zoho-oauthtoken "):
        return error(401, "AUTHENTICATION_FAILURE", "Authentication failed")
    token = book.find(header.removeprefix("Zoho-oauthtoken ").strip())
    if token is None:
        return _stale("invalid_token")
    if token.expires <= now:
        return _stale("expired_token")
    if operation == "download":
        allowed = _FILES_SCOPE in token.scopes
    else:
        allowed = bool({_SCOPE + "ALL", _SCOPE + _NEEDED[operation]} & set(token.scopes))
    if allowed:
        return token
    if token.org.switches.scope_error == "like-stale-token":
        return _stale("invalid_token")
    if operation == "download":
        return Answer(401, None, reason="INVALID_OAUTHSCOPE")
    return error(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL")


def _stale(word: str) -> Answer:
    body = error(401, "INVALID_TOKEN", "invalid oauth token").body
    return Answer(401, body, {"WWW-Authenticate": f'Zoho-oauthtoken error="{word}"'})


def get_details(org: Organisation, now: datetime) -> Answer:
    """GET /backup."""
    if org.schedule is None:
        return Answer(200, "") if org.switches.nothing_scheduled == "empty-200" else Answer(204)
    return answers.details(org, org.schedule, now)


def get_urls(org: Organisation, base: str, forced: Lists | None, now: datetime) -> Answer:
    """GET /backup/urls."""
    offers = org.offers(now)
    return answers.links(org, offers, org.switches.link_base or base, forced) if offers else Answer(204)


def get_history(org: Organisation, query: Mapping[str, str], now: datetime) -> Answer:
    """GET /backup/history."""
    try:
        page, per_page = int(query.get("page", "1")), int(query.get("per_page", "200"))
    except ValueError:
        page = per_page = 0
    if page < 1 or not 1 <= per_page <= _MOST_PER_PAGE:
        return error(400, "INVALID_DATA", "invalid data")
    return answers.history(org.events(now), page=page, per_page=per_page)


def schedule(org: Organisation, body: bytes, now: datetime) -> Answer:
    """POST /backup."""
    try:
        order = json.loads(body) if body.strip() else {}
    except ValueError:
        return error(400, "REQUEST_BODY_NOT_READABLE", "Unable to read the request body")
    wanted = order.get("backup", {}) if isinstance(order, dict) else None
    if not isinstance(wanted, dict):
        return error(400, "INVALID_DATA", "invalid data", wrapped=True)
    rrule = wanted.get("rrule")
    if rrule is not None and not is_rrule(rrule):
        return error(400, "INVALID_DATA", "invalid data", wrapped=True, details={"api_name": "rrule"})
    current = org.schedule
    if org.under_way(now) or (current and current.rrule and not current.cancelled):
        return error(400, "BACKUP_ALREADY_SCHEDULED", "Backup already scheduled.", wrapped=True)
    if org.quota < 1:
        return error(400, org.switches.limit_code, "Backup limit exceeded.", wrapped=True)
    return answers.success("Backup scheduled successfully.", org.begin(rrule, now))


def cancel(org: Organisation, backup_id: str, now: datetime) -> Answer:
    """PUT /backup/{id}/actions/cancel."""
    if org.schedule is None or backup_id != org.backup_id(now):
        return error(400, "RESOURCE_NOT_FOUND", "The requested resource does not exist.")
    if org.schedule.cancelled:
        return error(400, "ALREADY_CANCELLED", "Backup already stopped.", wrapped=True)
    if org.under_way(now):
        return error(400, "INPROGRESS", "Backup is in progress.", wrapped=True)
    org.cancel(now)
    return answers.success("Backup stopped successfully.", backup_id)


def is_rrule(text: Any) -> bool:
    """Say whether the vendor would take this rule."""
    if not isinstance(text, str) or not text.startswith("RRULE:"):
        return False
    parts = dict(part.partition("=")[::2] for part in text.removeprefix("RRULE:").split(";"))
    interval, day = parts.get("INTERVAL", "1"), parts.get("BYMONTHDAY", "1")
    return (
        parts.get("FREQ") in ("WEEKLY", "MONTHLY")
        and parts.keys() <= {"FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY"}
        and interval.isdecimal() and 1 <= int(interval) <= _MOST_INTERVAL
        and day.isdecimal() and 1 <= int(day) <= _LAST_DAY
        and re.fullmatch(r"[1-5]?(SU|MO|TU|WE|TH|FR|SA)", parts.get("BYDAY", "SU")) is not None
    )  # fmt: skip
