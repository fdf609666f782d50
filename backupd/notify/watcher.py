"""What the service says of itself, passed on to systemd and to the state file."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from backupd.core import events
from backupd.core.errors import ArchiveError
from backupd.notify.statefile import StateFile
from backupd.notify.statusline import StatusLine
from backupd.notify.systemd import Systemd


class ServiceWatcher:
    """Listens to the service, and to events. A listener that cannot be reached disturbs nothing."""

    def __init__(self, systemd: Systemd) -> None:
        self._systemd = systemd
        self._state: StateFile | None = None
        self._has_place = True  # for the state: its folder is the archive's
        self._line = StatusLine()
        self._phase = ""  # shown in place of the line
        self._shown = ""

    def hear(self, event: events.Event) -> None:
        """Take note of what happened."""
        if isinstance(event, events.ArchiveLost | events.ArchiveFound):
            self._has_place = isinstance(event, events.ArchiveFound)
        self._line.hear(event)
        self._show()

    def keep_state_in(self, path: Path) -> None:
        """Write the state there from now on, and no longer where it was before."""
        if self._state is not None and self._state.path != path:
            self._state.remove()
        self._state = StateFile(path)
        self._has_place = True

    def starting(self) -> None:
        """Settings are read and the archive is opened; nothing runs yet."""
        self._enter("starting: reading the settings, opening the archive")

    async def ready(self) -> None:
        """All is set up; cycles run."""
        self._systemd.ready()
        self._enter("")

    async def alive(self) -> None:
        """The loop goes round."""
        self._systemd.alive()

    async def reloading(self) -> None:
        """The settings are being read again."""
        self._systemd.reloading()
        self._enter("reading the settings again")

    async def stopping(self) -> None:
        """The end has begun."""
        self._systemd.stopping()
        self._enter("stopping: what was downloaded so far is kept")
        if self._state is not None:
            self._state.remove()

    async def planned(self, next_polls: Mapping[str, datetime]) -> None:
        """The next cycle of each org is planned for then."""
        self._line.plan(next_polls)
        self._show()
        if self._state is not None and self._has_place:
            with suppress(ArchiveError):  # the archive's own troubles are told by its cycles
                await self._state.write(next_polls)

    def _enter(self, phase: str) -> None:
        self._phase = phase
        self._show()

    def _show(self) -> None:
        """Let `systemctl status` show what goes on now, unless it shows it already."""
        text = self._phase or str(self._line)
        if text != self._shown:
            self._shown = text
            self._systemd.status(text)
