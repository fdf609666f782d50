"""How often a file is tried, and how long between tries: counts tries and bytes; never waits."""

from dataclasses import dataclass
from datetime import datetime

from backupd.core.patience import Patience, back_off


@dataclass(frozen=True, slots=True)
class Wait:
    """Try again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Stop trying; `why` says what ran out."""

    why: str


class Tries:
    """The tries of one file. Progress is a byte further than ever before; it sets the count of failed tries back."""

    def __init__(self, patience: Patience, deadline: datetime, *, now: float) -> None:
        self._patience = patience
        self._deadline = deadline
        self._furthest = 0  # bytes in hand; a version that starts anew brings progress only behind it
        self._last_byte = now  # running time
        self.failed = 0  # in a row

    def heard(self, now: float) -> None:
        """Take note that bytes came, new or not."""
        self._last_byte = now

    def reached(self, in_hand: int) -> bool:
        """Take note of how much is in hand; tell whether that is progress."""
        if in_hand <= self._furthest:
            return False
        self._furthest = in_hand
        self.failed = 0
        return True

    def after_failure(self, pause: float | None, *, jitter: float, now: float, wall: datetime) -> Wait | GiveUp:
        """Decide what follows a failed try; `pause` is what is due to the server, if it asked for one."""
        self.failed += 1
        patience = self._patience
        if patience.file_tries is not None and self.failed >= patience.file_tries:
            return GiveUp(f"{self.failed} tries in a row brought nothing new")
        left = (self._deadline - wall).total_seconds()
        if left <= 0:
            return GiveUp("its link has expired")
        wait = back_off(self.failed, longest=patience.longest_wait, jitter=jitter)
        if pause is not None and pause > wait:
            wait = pause
            if wait > left or (patience.file_tries is not None and wait > patience.longest_wait):
                return GiveUp(f"a pause of {wait:.0f} seconds is due")
        if patience.idle_limit is not None and now - self._last_byte + wait > patience.idle_limit:
            return GiveUp(f"no new byte in {patience.idle_limit:.0f} seconds")
        return Wait(min(wait, left))
