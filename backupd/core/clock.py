"""The port to time: handed in everywhere, so that tests take none."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time, running time, and waiting."""

    def now(self) -> datetime:
        """Return the wall clock's time, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that only ever go up; their zero means nothing."""

    async def sleep(self, seconds: float) -> None:
        """Wait, and let others work meanwhile."""
