"""The daemon's state as a small file: so `backupd status` can say when the next poll is without asking the daemon."""

import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock

from backupd.core.errors import ArchiveError
from backupd.core.times import from_text, to_text


@dataclass(frozen=True, slots=True)
class ServiceState:
    """What a daemon last said of itself."""

    pid: int
    next_polls: Mapping[str, datetime]  # by org


class StateFile:
    """Written while the daemon runs, removed when it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ended = False
        self._writing = Lock()

    async def write(self, next_polls: Mapping[str, datetime]) -> None:
        """Replace the state. Raises ArchiveError."""
        document = {
            "pid": os.getpid(),
            "started": started(os.getpid()),
            "next_polls": {org: to_text(at) for org, at in next_polls.items()},
        }
        await asyncio.to_thread(self._write, json.dumps(document) + "\n")

    def remove(self) -> None:
        """Say that no daemon runs any more; a write that is under way comes before this, or not at all."""
        with self._writing, suppress(OSError):
            self._ended = True
            self.path.unlink()

    def _write(self, text: str) -> None:
        scratch = self.path.with_name(self.path.name + ".new")
        with self._writing:
            if self._ended:
                return
            try:
                scratch.touch(0o600)
                scratch.write_text(text, encoding="utf-8")
                scratch.replace(self.path)
            except OSError as error:
                raise ArchiveError(f"{self.path}: {error.strerror}") from error


def read_state(path: Path) -> ServiceState | None:
    """Return what a daemon that still runs said last, or None."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        state = ServiceState(int(document["pid"]), {org: from_text(at) for org, at in document["next_polls"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return state if runs(state.pid, document.get("started")) else None


def runs(pid: int, since: object) -> bool:
    """Tell whether it is still the process that wrote it, begun `since`: in a container everybody is process 1 once."""
    now = started(pid)
    if now is not None and since is not None and now != since:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:  # it runs, as another user
        return True
    except (OSError, OverflowError):
        return False
    return True


def started(pid: int) -> int | None:
    """Return when a process began, in the kernel's ticks; None if it is not there or not for us to see."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None
