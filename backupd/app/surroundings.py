"""What every part shares: listeners, secrets to hide, time."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from backupd.clock import SystemClock
from backupd.core import events
from backupd.core.clock import Clock


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every part shares: who hears what happens, who must know each new secret so as not to show it, and time."""

    tell: events.Tell
    learn: Callable[[str], None]
    clock: Clock = field(default_factory=SystemClock)
    clean: Callable[[str], str] = str  # takes secrets out of a text that leaves the program

    def heard_by(self, *listeners: events.Tell) -> "Surroundings":
        """Let these listeners hear what happens, too."""

        def tell(event: events.Event) -> None:
            self.tell(event)
            for listener in listeners:
                listener(event)

        return replace(self, tell=tell)
