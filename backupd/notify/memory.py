"""What people were told, and what waits to be told: kept in a small file, so that the end of the program ends neither.

Without it each run from cron would tell everything anew, and a kill would take along what was not delivered yet. What
is in the file went through the redactor. A file that cannot be read is as none. Two programs that write at the same
moment can lose each other's news of it: then something is told twice.
"""

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from backupd.core.times import from_text, to_text
from backupd.notify.flood import Told
from backupd.notify.statefile import runs, started
from backupd.notify.wording import Message, Tone

_STALE = timedelta(days=1)  # alarms are told again by then
_MOST_WAITING = 200
_TONES: Mapping[str, Tone] = {"problem": "problem", "warning": "warning", "good": "good"}

_Told = dict[tuple[str, ...], Told]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that no place has got yet, and whose it is to deliver."""

    message: Message
    at: datetime
    pid: int
    since: int | None  # when that process began


@dataclass(slots=True)
class Memory:
    """What was told, over the end of the program. Blocking; a disk that fails disturbs nothing."""

    path: Path
    there: bool = True  # False: what lies in the archive's place is not the archive
    _mine: dict[tuple[str, ...], Waiting] = field(default_factory=dict)

    def recall(self, now: datetime) -> tuple[_Told, tuple[Message, ...]]:
        """Return what was told, and what is left to deliver by those who did not live to do so."""
        told, waiting = self._read()
        left = [each for each in waiting if not _is_anothers(each) and each.at <= now < each.at + _STALE]
        self._mine = {each.message.key: _mine(each.message, each.at) for each in left}
        return told, tuple(each.message for each in left)

    def admitted(self, message: Message, told: Iterable[tuple[tuple[str, ...], Told]], now: datetime) -> None:
        """Keep a message until it is delivered."""
        self._mine.pop(message.key, None)
        self._mine[message.key] = _mine(message, now)
        while len(self._mine) > _MOST_WAITING:
            del self._mine[next(iter(self._mine))]
        self._write(told)

    def delivered(self, messages: Iterable[Message], told: Iterable[tuple[tuple[str, ...], Told]]) -> None:
        """Keep these no longer, unless there is news of them."""
        keys = [one.key for one in messages if one.key in self._mine and self._mine[one.key].message == one]
        for key in keys:
            del self._mine[key]
        if keys:
            self._write(told)

    def _read(self) -> tuple[_Told, tuple[Waiting, ...]]:
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
            told = {tuple(map(str, each["key"])): Told(str(each["state"]), _time(each)) for each in document["told"]}
            return told, tuple(map(_from_json, document["waiting"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}, ()

    def _write(self, mine: Iterable[tuple[tuple[str, ...], Told]]) -> None:
        if not self.there:
            return
        told, waiting = self._read()
        for key, what in mine:
            told[key] = max(what, told.get(key, what), key=lambda each: each.at)
        others = [each for each in waiting if _is_anothers(each)]
        document = {
            "told": [{"key": key, "state": what.state, "at": to_text(what.at)} for key, what in _newest(told)],
            "waiting": [_to_json(each) for each in (*others, *self._mine.values())],
        }
        scratch = self.path.with_name(f"{self.path.name}.new")
        with suppress(OSError):
            scratch.touch(0o600)
            scratch.write_text(json.dumps(document) + "\n", encoding="utf-8")
            scratch.replace(self.path)


def _newest(told: _Told) -> Iterable[tuple[tuple[str, ...], Told]]:
    """Leave out what is no longer held back anyway."""
    latest = max((what.at for what in told.values()), default=None)
    return [(key, what) for key, what in told.items() if latest is not None and what.at + _STALE > latest]


def _mine(message: Message, at: datetime) -> Waiting:
    return Waiting(message, at, os.getpid(), started(os.getpid()))


def _is_anothers(waiting: Waiting) -> bool:
    """Tell whether another process that still runs delivers it."""
    return waiting.pid != os.getpid() and runs(waiting.pid, waiting.since)


def _to_json(waiting: Waiting) -> Mapping[str, object]:
    one = waiting.message
    return {
        "key": one.key,
        "title": one.title,
        "text": one.text,
        "tone": one.tone,
        "again": one.again,
        "subject": one.subject,
        "state": one.state,
        "at": to_text(waiting.at),
        "pid": waiting.pid,
        "started": waiting.since,
    }


def _from_json(document: Mapping[str, object]) -> Waiting:
    message = Message(
        _words(document["key"]),
        str(document["title"]),
        str(document["text"]),
        _TONES[str(document["tone"])],
        bool(document["again"]),
        _words(document["subject"]),
        str(document["state"]),
    )
    since = document["started"]
    return Waiting(message, _time(document), int(str(document["pid"])), since if isinstance(since, int) else None)


def _words(found: object) -> tuple[str, ...]:
    if not isinstance(found, list):
        raise TypeError(found)
    return tuple(map(str, found))


def _time(document: Mapping[str, object]) -> datetime:
    return from_text(str(document["at"]))
