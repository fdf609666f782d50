"""The pace of all downloads together: one budget of bytes a second, one pause when the server asks for one."""

from backupd.core.clock import Clock
from backupd.core.events import DownloadsPaused, Tell
from backupd.core.patience import obeyed
from backupd.download.setback import Setback

_MARGIN = 2.0  # seconds; an early retry makes the server's pause longer
_BURST = 0.25  # seconds' worth of bytes that may be had at once


class Pace:
    """Shared by every download of the process."""

    def __init__(self, bandwidth: int | None, *, clock: Clock, tell: Tell) -> None:
        self._bandwidth = bandwidth
        self._clock = clock
        self._tell = tell
        self._paused_until = clock.monotonic()
        self._spent_until = clock.monotonic()

    def pause(self, asked: float, reason: str) -> float:
        """Let no request go out for so many seconds, within reason, and a little longer: return how long in all."""
        seconds = obeyed(asked) + _MARGIN
        until = self._clock.monotonic() + seconds
        if until > self._paused_until:
            news = until - self._paused_until > _MARGIN
            self._paused_until = until
            if news:
                self._tell(DownloadsPaused(seconds, reason, asked))
        return self.pause_left

    @property
    def pause_left(self) -> float:
        """Seconds until requests may go out again; 0 if they may."""
        return max(0.0, self._paused_until - self._clock.monotonic())

    async def gate(self, longest: float) -> None:
        """Wait until requests may go out. Raises Setback if that takes longer than `longest` seconds."""
        while (left := self.pause_left) > 0:
            if left > longest:
                raise Setback("the file server asked for a pause", pause=left)
            await self._clock.sleep(left)

    async def spend(self, count: int) -> None:
        """Wait as long as the bandwidth budget wants after `count` more bytes."""
        if self._bandwidth is None:
            return
        now = self._clock.monotonic()
        self._spent_until = max(self._spent_until, now - _BURST) + count / self._bandwidth
        if self._spent_until > now:
            await self._clock.sleep(self._spent_until - now)
