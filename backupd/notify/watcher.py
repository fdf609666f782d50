"""What the service says of itself, passed on to systemd and to the state file."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from backupd.core.errors import ArchiveError
from backupd.core.times import to_text
from backupd.notify.statefile import StateFile
from backupd.notify.systemd import Systemd


class ServiceWatcher:
    """Listens to the service. A listener that cannot be reached disturbs nothing."""

    def __init__(self, systemd: Systemd) -> None:
        self._systemd = systemd
        self._state: StateFile | None = None

    def keep_state_in(self, path: Path) -> None:
        """Write the state there from now on, and no longer where it was before."""
        if self._state is not None and self._state.path != path:
            self._state.remove()
        self._state = StateFile(path)

    async def ready(self) -> None:
        """All is set up; cycles run."""
        self._systemd.ready()

    async def alive(self) -> None:
        """The loop goes round."""
        self._systemd.alive()

    async def reloading(self) -> None:
        """The settings are being read again."""
        self._systemd.reloading()

    async def stopping(self) -> None:
        """The end has begun."""
        self._systemd.stopping()
        if self._state is not None:
            self._state.remove()

    async def planned(self, next_polls: Mapping[str, datetime]) -> None:
        """The next cycle of each org is planned for then."""
        if next_polls:
            org, at = min(next_polls.items(), key=lambda poll: poll[1])
            self._systemd.status(f"next poll: {org} at {to_text(at)}")
        if self._state is not None:
            with suppress(ArchiveError):  # the archive's own troubles are told by its cycles
                await self._state.write(next_polls)
