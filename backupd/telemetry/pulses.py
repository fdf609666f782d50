"""Keeps each org's pulse on disk: a restart, `status` and the next run from cron know when a poll last succeeded."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from backupd.core import events
from backupd.core.clock import Clock
from backupd.core.errors import ArchiveGone
from backupd.core.pulse import Pulse, beat
from backupd.core.times import from_text, to_text


@dataclass(slots=True)
class Pulses:
    """A listener to events; writes in a thread, and a disk that fails disturbs nothing: its cycles tell of it."""

    folder: Path
    clock: Clock
    _known: dict[str, Pulse] = field(default_factory=dict)

    def __call__(self, event: events.Event) -> None:
        """Take note of how a cycle ended."""
        if isinstance(event, events.CycleFinished | events.CycleFailed):
            before = self.of(event.org)
            after = self._known[event.org] = beat(before, event, self.clock.now())
            is_there = not (isinstance(event, events.CycleFailed) and event.kind == ArchiveGone.kind)
            if after != before and is_there:
                asyncio.get_running_loop().run_in_executor(None, _write, _path(self.folder, event.org), after)

    def of(self, org: str) -> Pulse:
        """Return what is known of an org's polls, here or from earlier runs."""
        if org not in self._known:
            return read_pulse(self.folder, org)
        return self._known[org]


def read_pulse(folder: Path, org: str) -> Pulse:
    """Return what is known of an org's polls; nothing, where this user may not look."""
    try:
        found = json.loads(_path(folder, org).read_text(encoding="utf-8"))
        since = {name: from_text(found[name]) if found[name] else None for name in ("last_success_at", "failing_since")}
        return Pulse(**since, last_result=str(found["last_result"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Pulse()


def _path(folder: Path, org: str) -> Path:
    return folder / f"{org}.polls.json"


def _write(path: Path, pulse: Pulse) -> None:
    document = {
        "last_success_at": to_text(pulse.last_success_at) if pulse.last_success_at else None,
        "failing_since": to_text(pulse.failing_since) if pulse.failing_since else None,
        "last_result": pulse.last_result,
    }
    scratch = path.with_name(f"{path.name}.new")
    with suppress(OSError):
        scratch.touch(0o600)
        scratch.write_text(json.dumps(document) + "\n", encoding="utf-8")
        scratch.replace(path)
