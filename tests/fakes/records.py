"""Looking at what is on disk, and listening to what is told."""

import subprocess
from pathlib import Path
from typing import TypeVar

from backupd.core.events import Event

_E = TypeVar("_E", bound=Event)


class Ear:
    """A listener that keeps what it heard."""

    def __init__(self) -> None:
        self.heard: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.heard.append(event)

    def of(self, kind: type[_E]) -> list[_E]:
        """Return the events of one kind, in order."""
        return [event for event in self.heard if isinstance(event, kind)]

    @property
    def names(self) -> list[str]:
        """Return the names of all events, in order."""
        return [event.name for event in self.heard]


def snapshots(root: Path) -> list[str]:
    """Return the snapshots' folders, relative to the archive root."""
    return sorted(str(path.parent.relative_to(root)) for path in root.glob("*/*/*/manifest.json"))


def files(root: Path) -> list[str]:
    """Return every file below a folder, relative to it."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def checksums_hold(snapshot: Path) -> bool:
    """Let sha256sum, which is not ours, judge a snapshot."""
    done = subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=snapshot, capture_output=True, check=False)  # noqa: S607 (the user's own)
    return done.returncode == 0
