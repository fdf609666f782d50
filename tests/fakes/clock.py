"""Time that passes only when a test, or a sleep, says so."""

import asyncio
from datetime import UTC, datetime, timedelta

START = datetime(2022, 6, 24, 12, 0, tzinfo=UTC)


class FakeClock:
    """Sleeping moves the time on at once; `slept` says how long each sleep was meant to be."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._running = 1000.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._running

    def pass_time(self, **duration: float) -> None:
        """Let time pass, as in `pass_time(days=3)`."""
        self._now += timedelta(**duration)
        self._running += timedelta(**duration).total_seconds()

    def set_back(self, **duration: float) -> None:
        """Set the wall clock back, which does not touch the running time."""
        self._now -= timedelta(**duration)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_time(seconds=seconds)
        await asyncio.sleep(0)
