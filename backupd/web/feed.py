"""What happens, passed on to open pages: a listener to events that never waits for a reader.

Each reader has a queue with an end; one that does not keep up is dropped, and its browser comes back by itself.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from backupd.core import events

_QUEUE = 256  # messages; a minute of four files
_READERS = 64  # at the same time
END = ""  # no message, but that none follows

_CHANGES = (
    *(events.CycleStarted, events.CycleFinished, events.CycleFailed, events.StepFailed),
    *(events.JobFound, events.LinksAppeared, events.ExpiryChanged, events.JobPublished, events.JobRevised),
    *(events.JobIncomplete, events.JobWasMissed, events.FileStarted, events.FileVerified, events.FileRejected),
    *(events.FileFailed, events.FileDamaged, events.SnapshotHealed, events.SnapshotDropped, events.ScrubFinished),
    *(events.AlarmWasRaised, events.AlarmWasRepeated, events.AlarmWasCleared, events.HistoryReconciled),
    *(events.SettingsReloaded, events.CatalogRebuilt),
)
"""After one of these, a page shows something else; between them only the bars move."""

FileKey = tuple[str, str, str]  # org, job id, file


@dataclass(frozen=True, slots=True)
class Transfer:
    """How far a file is that is being received."""

    received: int = 0
    total: int | None = None
    resumed: int = 0
    rate: float = 0.0  # bytes a second, lately


@dataclass(frozen=True, slots=True)
class Reader:
    """One open page. `drop` ends its connection at once."""

    messages: asyncio.Queue[str]
    drop: Callable[[], None]


@dataclass(slots=True)
class Feed:
    """Keeps what moves now, and tells readers."""

    queue: int = _QUEUE
    transfers: dict[FileKey, Transfer] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)  # orgs whose cycle runs
    _readers: dict[int, Reader] = field(default_factory=dict)

    def __call__(self, event: events.Event) -> None:
        """Take note of what happened, and pass it on."""
        self._take_note(event)
        if isinstance(event, events.FileProgress):
            self._send("progress", _progress(event))
        elif isinstance(event, _CHANGES):
            self._send("changed", {"event": event.name})

    @property
    def readers(self) -> int:
        """How many pages are open."""
        return len(self._readers)

    @property
    def is_full(self) -> bool:
        """Whether no more readers are taken."""
        return self.readers >= _READERS

    @contextmanager
    def reader(self, drop: Callable[[], None]) -> Iterator[asyncio.Queue[str]]:
        """Give a queue of server-sent messages while it is open; `END` is the last one."""
        reader = Reader(asyncio.Queue(self.queue), drop)
        self._readers[id(reader)] = reader
        try:
            yield reader.messages
        finally:
            self._readers.pop(id(reader), None)

    def drop_all(self) -> None:
        """End all connections, also of those who just wait."""
        for reader in [*self._readers.values()]:
            reader.drop()
            with suppress(asyncio.QueueFull):  # who has something to send finds out by that
                reader.messages.put_nowait(END)

    def _send(self, kind: str, message: object) -> None:
        text = f"event: {kind}\ndata: {json.dumps(message)}\n\n"
        for key, reader in [*self._readers.items()]:
            try:
                reader.messages.put_nowait(text)
            except asyncio.QueueFull:
                del self._readers[key]
                reader.drop()

    def _take_note(self, event: events.Event) -> None:
        match event:
            case events.CycleStarted():
                self.running.add(event.org)
            case events.CycleFinished() | events.CycleFailed():
                self.running.discard(event.org)
                for key in [key for key in self.transfers if key[0] == event.org]:
                    del self.transfers[key]
            case events.FileStarted():
                self.transfers.setdefault((event.org, event.job_id, event.file), Transfer())
            case events.FileProgress():
                now = Transfer(event.received, event.total, event.resumed, event.rate)
                self.transfers[event.org, event.job_id, event.file] = now
            case events.FileVerified() | events.FileFailed() | events.FileRejected():
                self.transfers.pop((event.org, event.job_id, event.file), None)
            case _:
                pass


def _progress(event: events.FileProgress) -> dict[str, object]:
    return {
        "key": f"{event.org}/{event.job_id}/{event.file}",
        "received": event.received,
        "total": event.total,
        "resumed": event.resumed,
        "rate": event.rate,
    }
