"""That somebody could not be told is itself told, but not in a flood: once an hour for each whom it concerns."""

from dataclasses import dataclass, field

from backupd.core.clock import Clock
from backupd.core.events import NotifyFailed, Tell

_HOUR = 3600.0


@dataclass(slots=True)
class Failures:
    """Tells that telling failed."""

    clock: Clock
    tell: Tell
    _told: dict[tuple[str, str, str], float] = field(default_factory=dict)
    _count: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def note(self, channel: str, org: str, reason: str, *, whom: str = "") -> None:
        """Take note of one failure to tell `whom` the channel knows; tell it, unless that was done within the hour."""
        key, now = (channel, org, whom), self.clock.monotonic()
        self._count[key] = self._count.get(key, 0) + 1
        last = self._told.get(key)
        if last is None or now - last >= _HOUR:
            self._told[key] = now
            self.tell(NotifyFailed(channel, org, reason, self._count.pop(key)))
