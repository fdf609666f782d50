"""Keeps on disk how far the vendor's clock was from ours: `prune` at the command line asks no vendor, and must know."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from backupd.core import events
from backupd.core.clock import Clock
from backupd.core.errors import ArchiveGone
from backupd.core.times import from_text, to_text

_RECENT = timedelta(days=7)  # what was seen before says nothing about the clock of today


@dataclass(slots=True)
class Skews:
    """A listener to events; writes in a thread, and a disk that fails disturbs nothing: its cycles tell of it."""

    folder: Path
    clock: Clock
    _sources: dict[str, Callable[[], timedelta | None]] = field(default_factory=dict)
    _written: dict[str, timedelta] = field(default_factory=dict)

    def watch(self, org: str, source: Callable[[], timedelta | None]) -> None:
        """Keep what this says of the vendor's clock after each cycle of the org."""
        self._sources[org] = source

    def __call__(self, event: events.Event) -> None:
        """Take note of what a cycle saw."""
        if not isinstance(event, events.CycleFinished | events.CycleFailed) or event.org not in self._sources:
            return
        seen = self._sources[event.org]()
        is_there = not (isinstance(event, events.CycleFailed) and event.kind == ArchiveGone.kind)
        if seen is not None and seen != self._written.get(event.org) and is_there:
            self._written[event.org] = seen
            document = {"ahead": seen.total_seconds(), "at": to_text(self.clock.now())}
            asyncio.get_running_loop().run_in_executor(None, _write, _path(self.folder, event.org), document)

    def of(self, org: str) -> timedelta | None:
        """Return how far the vendor's clock was ahead of ours, if that was seen within a week; here or earlier."""
        seen = self._sources[org]() if org in self._sources else None
        return seen if seen is not None else self._read(org)

    def _read(self, org: str) -> timedelta | None:
        try:
            found = json.loads(_path(self.folder, org).read_text(encoding="utf-8"))
            ahead, at = timedelta(seconds=float(found["ahead"])), from_text(found["at"])
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            return None
        return ahead if abs(self.clock.now() - at) <= _RECENT else None


def _path(folder: Path, org: str) -> Path:
    return folder / f"{org}.clock.json"


def _write(path: Path, document: dict[str, object]) -> None:
    scratch = path.with_name(f"{path.name}.new")
    with suppress(OSError):
        scratch.touch(0o600)
        scratch.write_text(json.dumps(document) + "\n", encoding="utf-8")
        scratch.replace(path)
