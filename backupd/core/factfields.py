"""The facts of the journal as JSON fields, and back. A fact that is added to `core.facts` gets its two sides here."""

from collections.abc import Callable, Mapping
from dataclasses import fields as dataclass_fields
from datetime import datetime
from typing import Any, assert_never

from backupd.core.facts import (
    AlarmAcknowledged,
    AlarmCleared,
    AlarmRaised,
    AlarmTold,
    Began,
    DeadlineTold,
    Dropped,
    Fact,
    Healed,
    HistoryRead,
    HistorySeen,
    HoldLifted,
    HoldSet,
    LinksSeen,
    Missed,
    OrgPinned,
    Published,
    Revised,
    Scrubbed,
)
from backupd.core.model import FileId, HistoryEntry, JobId, Kind, Link
from backupd.core.times import from_text, to_text

Fields = Mapping[str, Any]


def fields_of(fact: Fact) -> dict[str, Any]:
    """Return a fact's fields as JSON values, in the order in which the journal shows them."""
    match fact:
        case OrgPinned():
            return {"zgid": fact.zgid}
        case LinksSeen():
            links = [{**_file_fields(link.file), "url": link.url} for link in fact.links]
            return {**_job_fields(fact.job), "expiry_date": to_text(fact.expires_at), "links": links}
        case Published() | Revised() | Healed() | Dropped():
            return _revision_fields(fact)
        case Missed():
            return {
                **_job_fields(fact.job),
                "expired_at": to_text(fact.expired_at),
                "files": fact.files,
                "saved": fact.saved,
            }
        case HistorySeen():
            return entry_fields(fact.entry)
        case Scrubbed():
            return _scrubbed_fields(fact)
        case HoldSet() | HoldLifted() | DeadlineTold():
            return _job_and_fields(fact)
        case Began() | HistoryRead() | AlarmRaised() | AlarmTold() | AlarmAcknowledged() | AlarmCleared():
            return {field.name: getattr(fact, field.name) for field in dataclass_fields(fact)}
        case _:
            message = f"{type(fact).__name__} has no fields for the journal"
            raise TypeError(message)


def fact_from_fields(kind: str, fields: Fields) -> Fact | None:
    """Read a fact, or return None for an unknown kind. Raises KeyError, TypeError or ValueError on a wrong field."""
    read = _READERS.get(kind)
    return read(fields) if read else None


def entry_fields(entry: HistoryEntry) -> dict[str, Any]:
    """Return an entry of the vendor's history as JSON values."""
    return {
        "id": entry.id,
        "log_time": None if entry.at is None else to_text(entry.at),
        "state": entry.state,
        "action": entry.action,
        "repeat_type": entry.repeat_type,
        "file_name": entry.file_name,
        "count": entry.count,
    }


def entry_from_fields(fields: Fields) -> HistoryEntry:
    """Read an entry of the vendor's history. Raises as `fact_from_fields`."""
    return HistoryEntry(
        id=text_of(fields, "id"),
        at=None if fields["log_time"] is None else _instant(fields, "log_time"),
        state=_optional_text(fields, "state"),
        action=_optional_text(fields, "action"),
        repeat_type=_optional_text(fields, "repeat_type"),
        file_name=_optional_text(fields, "file_name"),
        count=None if fields.get("count") is None else _number(fields, "count"),
    )


def text_of(fields: Fields, key: str) -> str:
    """Return a field that must be text. Raises KeyError or TypeError, with the field's name."""
    value = fields[key]
    if not isinstance(value, str):
        raise TypeError(key)
    return value


def _pinned(fields: Fields) -> OrgPinned:
    return OrgPinned(text_of(fields, "zgid"))


def _links_seen(fields: Fields) -> LinksSeen:
    job = _job(fields)
    links = tuple(Link(job, _file(entry), text_of(entry, "url")) for entry in _list(fields, "links"))
    return LinksSeen(job, _instant(fields, "expiry_date"), links)


def _published(fields: Fields) -> Published:
    return Published(
        _job(fields), text_of(fields, "path"), _number(fields, "revision"), text_of(fields, "manifest_sha256")
    )


def _revised(fields: Fields) -> Revised:
    return Revised(
        _job(fields), text_of(fields, "path"), _number(fields, "revision"), text_of(fields, "manifest_sha256")
    )


def _healed(fields: Fields) -> Healed:
    files = tuple(_file(entry) for entry in _list(fields, "files"))
    return Healed(
        _job(fields), text_of(fields, "path"), _number(fields, "revision"), text_of(fields, "manifest_sha256"), files
    )


def _dropped(fields: Fields) -> Dropped:
    rules = tuple(_texts(fields, "rules"))
    return Dropped(
        _job(fields), text_of(fields, "path"), _number(fields, "revision"), text_of(fields, "manifest_sha256"), rules
    )


def _missed(fields: Fields) -> Missed:
    return Missed(_job(fields), _instant(fields, "expired_at"), _number(fields, "files"), _number(fields, "saved"))


def _scrubbed(fields: Fields) -> Scrubbed:
    damaged = tuple(_file(entry) for entry in _list(fields, "damaged"))
    read = None if fields.get("read") is None else tuple(_file(entry) for entry in _list(fields, "read"))
    other = None if fields.get("other") is None else tuple(_texts(fields, "other"))
    unread = tuple(_file(entry) for entry in _list(fields, "unread")) if "unread" in fields else ()
    return Scrubbed(_job(fields), _number(fields, "files"), damaged, read, other, unread)


def _hold_set(fields: Fields) -> HoldSet:
    return HoldSet(_job(fields), text_of(fields, "reason"))


def _deadline_told(fields: Fields) -> DeadlineTold:
    return DeadlineTold(_job(fields), _instant(fields, "expiry_date"), _number(fields, "step"))


def _alarm_raised(fields: Fields) -> AlarmRaised:
    return AlarmRaised(
        text_of(fields, "key"),
        text_of(fields, "condition"),
        text_of(fields, "text"),
        _number(fields, "extent"),
        _truth(fields, "stays"),
    )


def _alarm_told(fields: Fields) -> AlarmTold:
    return AlarmTold(
        text_of(fields, "key"), text_of(fields, "text"), _number(fields, "extent"), _truth(fields, "stays")
    )


_READERS: Mapping[str, Callable[[Fields], Fact]] = {
    Began.kind: lambda _: Began(),
    OrgPinned.kind: _pinned,
    LinksSeen.kind: _links_seen,
    Published.kind: _published,
    Revised.kind: _revised,
    Missed.kind: _missed,
    HistorySeen.kind: lambda fields: HistorySeen(entry_from_fields(fields)),
    HistoryRead.kind: lambda fields: HistoryRead(_number(fields, "entries")),
    DeadlineTold.kind: _deadline_told,
    Scrubbed.kind: _scrubbed,
    Healed.kind: _healed,
    Dropped.kind: _dropped,
    HoldSet.kind: _hold_set,
    HoldLifted.kind: lambda fields: HoldLifted(_job(fields)),
    AlarmRaised.kind: _alarm_raised,
    AlarmTold.kind: _alarm_told,
    AlarmAcknowledged.kind: lambda fields: AlarmAcknowledged(text_of(fields, "key")),
    AlarmCleared.kind: lambda fields: AlarmCleared(text_of(fields, "key")),
}


def _revision_fields(fact: Published | Revised | Healed | Dropped) -> dict[str, Any]:
    revision = {
        **_job_fields(fact.job),
        "path": fact.path,
        "revision": fact.revision,
        "manifest_sha256": fact.manifest_sha256,
    }
    match fact:
        case Healed():
            return {**revision, "files": [_file_fields(file) for file in fact.files]}
        case Dropped():
            return {**revision, "rules": list(fact.rules)}
        case _:
            return revision


def _scrubbed_fields(fact: Scrubbed) -> dict[str, Any]:
    fields = {
        **_job_fields(fact.job),
        "files": fact.files,
        "damaged": [_file_fields(file) for file in fact.damaged],
    }
    if fact.read is not None:
        fields["read"] = [_file_fields(file) for file in fact.read]
    if fact.other is not None:
        fields["other"] = list(fact.other)
    if fact.unread:
        fields["unread"] = [_file_fields(file) for file in fact.unread]
    return fields


def _job_and_fields(fact: HoldSet | HoldLifted | DeadlineTold) -> dict[str, Any]:
    match fact:
        case HoldSet():
            return {**_job_fields(fact.job), "reason": fact.reason}
        case HoldLifted():
            return _job_fields(fact.job)
        case DeadlineTold():
            return {**_job_fields(fact.job), "expiry_date": to_text(fact.expires_at), "step": fact.step}
        case _:
            assert_never(fact)


def _job_fields(job: JobId) -> dict[str, Any]:
    return {"zgid": job.zgid, "job_id": job.job}


def _file_fields(file: FileId) -> dict[str, Any]:
    return {"kind": str(file.kind), "name": file.name}


def _job(fields: Fields) -> JobId:
    return JobId(text_of(fields, "zgid"), text_of(fields, "job_id"))


def _file(fields: Fields) -> FileId:
    return FileId(Kind(text_of(fields, "kind")), text_of(fields, "name"))


def _instant(fields: Fields, key: str) -> datetime:
    return from_text(text_of(fields, key))


def _optional_text(fields: Fields, key: str) -> str | None:
    return None if fields.get(key) is None else text_of(fields, key)


def _number(fields: Fields, key: str) -> int:
    value = fields[key]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(key)
    return value


def _truth(fields: Fields, key: str) -> bool:
    value = fields[key]
    if not isinstance(value, bool):
        raise TypeError(key)
    return value


def _texts(fields: Fields, key: str) -> list[str]:
    value = fields[key]
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise TypeError(key)
    return value


def _list(fields: Fields, key: str) -> list[Fields]:
    value = fields[key]
    if not isinstance(value, list):
        raise TypeError(key)
    return value
