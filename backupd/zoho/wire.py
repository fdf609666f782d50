"""The vendor's JSON in our words: every answer becomes a value of `core.model` here, or an error that names the field.

No error shows a value: it could be personal. Unknown fields are passed over, unknown values of open sets are kept.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backupd.core.errors import UnreadableAnswer
from backupd.core.model import HistoryEntry, Kind, Offers, Schedule
from backupd.core.names import is_id
from backupd.core.times import from_text
from backupd.zoho.links import Found, to_offers

DETAILS = "GET /backup"
LINKS = "GET /backup/urls"
HISTORY = "GET /backup/history"
CREATE = "POST /backup"
CANCEL = "PUT /backup/{id}/actions/cancel"

Document = Mapping[str, Any]

_LONGEST_TEXT = 500  # characters of a status, a rule or the like
_LONGEST_URL = 8192


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page of the history; `more` is what the vendor says about further pages, None if it says nothing."""

    entries: tuple[HistoryEntry, ...]
    more: bool | None


def document(call: str, body: bytes) -> Document | None:
    """Read an answer's body: a JSON object, or None when there is nothing in it. Raises UnreadableAnswer."""
    if not body.strip():
        return None
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        what = "a web page" if body.lstrip()[:1] == b"<" else "something that is not JSON"
        raise UnreadableAnswer(f"{call}: the answer is {what} ({len(body)} bytes)") from None
    if not isinstance(value, dict):
        raise UnreadableAnswer(f"{call}: the answer is not a JSON object")
    return value


def schedule(answer: Document | None) -> Schedule | None:
    """Read the details; None means that nothing was ever scheduled."""
    if answer is None:
        return None
    read = _Reader(DETAILS, answer).optional_child("backup", must_be_there=True)
    if read is None:
        return None
    return Schedule(
        id=read.path_id("id"),
        status=read.text("status"),
        rrule=read.optional_text("rrule"),
        next_at=read.optional_time("scheduled_date"),
        started_at=read.optional_time("start_date"),
    )


def offers(answer: Document | None, allowed: Sequence[str]) -> Offers:
    """Read the links: one offer a run, and what was refused. `allowed` are the download hosts."""
    if answer is None:
        return Offers()
    read = _Reader(LINKS, answer).optional_child("urls", must_be_there=True)
    if read is None:
        return Offers()
    links = [*read.links("data_links", Kind.DATA), *read.links("attachment_links", Kind.ATTACHMENTS)]
    if not links:
        return Offers()
    return to_offers(links, read.time("expiry_date"), allowed)


def history_page(answer: Document | None) -> HistoryPage:
    """Read one page of the history; whose names stand in it is left out."""
    if answer is None:
        return HistoryPage((), more=False)
    read = _Reader(HISTORY, answer)
    entries = tuple(_history_entry(entry) for entry in read.children("history"))
    info = read.optional_child("info")
    more = info.value("more_records") if info else None
    return HistoryPage(entries, more if isinstance(more, bool) else None)


def receipt(call: str, answer: Document | None) -> str:
    """Read the id out of the success that schedule and cancel answer with."""
    if answer is None:
        raise UnreadableAnswer(f"{call}: the answer is empty")
    outer = _Reader(call, answer)
    inner = outer.optional_child("backup") or outer
    return inner.child("details").path_id("id")


def _history_entry(read: "_Reader") -> HistoryEntry:
    return HistoryEntry(
        id=read.text("id"),
        at=read.optional_time("log_time"),
        state=read.optional_text("state"),
        action=read.optional_text("action"),
        repeat_type=read.optional_text("repeat_type"),
        file_name=read.optional_text("file_name"),
        count=read.optional_number("count"),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """One JSON object of an answer, read field by field; each wrong one raises UnreadableAnswer with its name."""

    call: str
    fields: Document
    where: str = ""  # the object's place in the answer: `backup.`

    def value(self, name: str) -> Any:
        return self.fields.get(name)

    def text(self, name: str) -> str:
        text = self.optional_text(name)
        if not text:
            raise self._wrong(name, "is missing or empty")
        return text

    def optional_text(self, name: str) -> str | None:
        value = self.value(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
            raise self._wrong(name, "is not a short text")
        text = " ".join(value.split())  # a rule may come with line breaks; nothing else that moves a cursor may
        if not text.isprintable():
            raise self._wrong(name, "holds characters that cannot be shown")
        return text

    def path_id(self, name: str) -> str:
        """Read an id that may become a part of a URL's path."""
        text = self.text(name)
        if not is_id(text):
            raise self._wrong(name, "is not an id")
        return text

    def optional_number(self, name: str) -> int | None:
        value = self.value(name)
        if value is None:
            return None
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < _LONGEST_TEXT:
            return int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(name, "is not a whole number")
        return value

    def time(self, name: str) -> datetime:
        value = self.optional_time(name)
        if value is None:
            raise self._wrong(name, "is missing")
        return value

    def optional_time(self, name: str) -> datetime | None:
        text = self.optional_text(name)
        if text is None:
            return None
        try:
            return from_text(text)
        except ValueError:
            raise self._wrong(name, "is not a time with an offset") from None

    def links(self, name: str, kind: Kind) -> Iterator[Found]:
        for position, value in enumerate(self._list(name), start=1):
            if not isinstance(value, str) or len(value) > _LONGEST_URL:
                raise self._wrong(f"{name}[{position - 1}]", "is not a link")
            yield Found(kind, position, value)

    def children(self, name: str) -> Iterator["_Reader"]:
        for index, value in enumerate(self._list(name)):
            if not isinstance(value, dict):
                raise self._wrong(f"{name}[{index}]", "is not an object")
            yield _Reader(self.call, value, f"{self.where}{name}[{index}].")

    def child(self, name: str) -> "_Reader":
        child = self.optional_child(name)
        if child is None:
            raise self._wrong(name, "is missing")
        return child

    def optional_child(self, name: str, *, must_be_there: bool = False) -> "_Reader | None":
        """Read an object in the object; null is None, and so is a missing one unless it must be there."""
        if must_be_there and name not in self.fields:
            raise self._wrong(name, "is missing")
        value = self.value(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self._wrong(name, "is not an object")
        return _Reader(self.call, value, f"{self.where}{name}.")

    def _list(self, name: str) -> list[Any]:
        value = self.value(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(name, "is not a list")
        return value

    def _wrong(self, name: str, problem: str) -> UnreadableAnswer:
        return UnreadableAnswer(f"{self.call}: the field {self.where}{name} {problem}")
