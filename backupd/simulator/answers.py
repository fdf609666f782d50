"""The vendor's JSON, word for word: answers and both forms of errors."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from backupd.simulator.effects import Lists, Refuse
from backupd.simulator.organisation import Event, Offer, Organisation, Schedule
from backupd.simulator.scenario import FileSpec
from backupd.simulator.tokens import Grant, Refusal

_ZONE = timezone(timedelta(hours=5, minutes=30))  # of the user, as in the documentation's samples
_PERSON = {"id": "4876876000000327001", "name": "Patricia Boyle", "zuid": "7534658674"}
_HTML = "<!DOCTYPE html><html><head><title>Zoho</title></head><body><h1>Something went wrong</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; a body of None is none at all, a text is HTML, all else is JSON."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    reason: str | None = None


def error(status: int, code: str, message: str, *, wrapped: bool = False, details: Any = None) -> Answer:
    """Give an error of the API: flat, or (of schedule and cancel) wrapped in "backup"."""
    body = {"code": code, "message": message, "status": "error", "details": details or {}}
    return Answer(status, {"backup": body} if wrapped else body)


def refusal(effect: Refuse) -> Answer:
    """Give the error that a fault asks for."""
    headers = {"WWW-Authenticate": effect.www_authenticate} if effect.www_authenticate else {}
    details: dict[str, Any] = {}
    if effect.retry_after is not None:
        seconds = int(effect.retry_after.total_seconds())
        if effect.retry_after_in == "header":
            headers["Retry-After"] = str(seconds)
        elif effect.retry_after_in == "details":
            details["retry_after"] = seconds
    match effect.form:
        case "html":
            return Answer(effect.status, _HTML, headers, effect.reason)
        case "empty":
            return Answer(effect.status, None, headers, effect.reason)
        case "oauth":
            return Answer(effect.status, {"error": effect.code}, headers, effect.reason)
        case "flat" | "wrapped":
            wrapped = effect.form == "wrapped"
            plain = error(effect.status, effect.code, effect.message, wrapped=wrapped, details=details)
            return Answer(plain.status, plain.body, headers, effect.reason)


def success(message: str, backup_id: str) -> Answer:
    """Give the answer to an order that was carried out."""
    body = {"status": "success", "code": "SUCCESS", "message": message, "details": {"id": backup_id}}
    return Answer(200, {"backup": body})


def details(org: Organisation, schedule: Schedule, now: datetime) -> Answer:
    """Give the standing order."""
    body = {
        "id": org.backup_id(now),
        "scheduled_date": written(schedule.next),
        "start_date": written(schedule.start),
        "rrule": schedule.rrule,
        "requester": {**_PERSON, "name": schedule.requester},
        "status": org.status(now),
    }
    return Answer(200, {"backup": body})


def links(org: Organisation, offers: list[Offer], base: str, forced: Lists | None = None) -> Answer:
    """Give the links; `forced` writes both lists in that form, whatever they hold. The expiry is the first run's."""
    pairs = [(offer, file) for offer in offers for file in offer.files] if not forced else []
    body: dict[str, Any] = {}
    for key, kind in (("data_links", "data"), ("attachment_links", "attachments")):
        urls = [base + link_path(org, offer, file) for offer, file in pairs if file.kind == kind]
        form = forced.form if forced else org.switches.empty_list
        if urls or form != "missing":
            body[key] = None if not urls and form == "null" else urls
    return Answer(200, {"urls": {**body, "expiry_date": written(offers[0].run.expires)}})


def link_path(org: Organisation, offer: Offer, file: FileSpec) -> str:
    """Give the path to a zip. Where both kinds have a file of that name, a query tells them apart."""
    if org.switches.link_path == "opaque":
        return f"/download/{opaque(org.spec.zgid, offer.run.spec.job_id, file)}/{quote(file.name)}"
    query = f"?type={file.kind}" if offer.has_namesakes(file) else ""
    return f"/v2/crm/{org.spec.zgid}/backup/{offer.run.spec.job_id}/{quote(file.name)}{query}"


def opaque(zgid: str, job_id: str, file: FileSpec) -> str:
    """Give a word for a file that tells nothing about it."""
    return hashlib.sha256(f"{zgid}/{job_id}/{file.kind}/{file.name}".encode()).hexdigest()[:24]


def history(events: list[Event], *, page: int, per_page: int) -> Answer:
    """Give one page of the history; 204 where there is nothing on it."""
    start = (page - 1) * per_page
    shown = events[start : start + per_page]
    if not shown:
        return Answer(204)
    info = {"page": page, "per_page": per_page, "count": len(shown), "more_records": len(events) > start + per_page}
    return Answer(200, {"history": [_entry(event) for event in shown], "info": info})


def _entry(event: Event) -> dict[str, Any]:
    spec = event.spec
    return {
        "id": event.id,
        "done_by": _PERSON,
        "log_time": written(event.log_time),
        "state": spec.state,
        "action": spec.action,
        "repeat_type": spec.repeat_type,
        "file_name": spec.file_name,
        "count": spec.count,
    }


def token(grant: Grant, api_domain: str) -> Answer:
    """Give an access token."""
    switches, seconds = grant.token.org.switches, int(grant.lifetime.total_seconds())
    lifetimes = {"expires_in": seconds}
    if switches.legacy_expires_in:
        lifetimes = {"expires_in": seconds * 1000, "expires_in_sec": seconds}
    body: dict[str, Any] = {
        "access_token": grant.token.value,
        "scope": " ".join(grant.token.scopes),
        "api_domain": api_domain,
        "token_type": "Bearer",
        **lifetimes,
    }
    if grant.refresh_token:
        body["refresh_token"] = grant.refresh_token
    return Answer(200, body)


def token_refusal(reason: Refusal, *, throttle_status: int) -> Answer:
    """Give an error of the accounts server: status 200, but perhaps for the throttle."""
    if reason != "throttled":
        return Answer(200, {"error": reason})
    text = "You have made too many requests continuously. Please try again after some time."
    return Answer(throttle_status, {"error_description": text, "error": "Access Denied", "status": "failure"})


def written(instant: datetime | None) -> str | None:
    """Write a time as the vendor does: in the user's zone, to the second."""
    return instant.astimezone(_ZONE).isoformat(timespec="seconds") if instant else None


def http_date(instant: datetime) -> str:
    """Write a time as HTTP headers do."""
    return format_datetime(instant, usegmt=True)
