"""How many connections all downloads together may have: fewer after refusals, slowly more again."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from backupd.core.clock import Clock

_RAISE_EVERY = 60.0  # seconds without a refusal, for each place that was lost


class Places:
    """A number of places; who waits longest comes first."""

    def __init__(self, most: int, *, clock: Clock) -> None:
        self._most = most
        self._allowed = most
        self._used = 0
        self._clock = clock
        self._changed_at = clock.monotonic()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._leaving = 0  # helpers that were told to leave and have not yet

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Have a place for as long as the context lasts."""
        await self._take()
        try:
            yield
        finally:
            self.give_back()

    def take_now(self) -> bool:
        """Take a place if one is free and nobody waits for it."""
        if self._waiting or self._used >= self._limit():
            return False
        self._used += 1
        return True

    def give_back(self) -> None:
        """Leave a place that was taken."""
        self._used -= 1
        self._leaving = max(0, self._leaving - 1)
        while self._waiting and self._used < self._limit():
            waiter = self._waiting.popleft()
            if not waiter.done():
                self._used += 1
                waiter.set_result(None)

    def make_way(self) -> bool:
        """Tell a helper, once for each who waits, to leave its place."""
        if len(self._waiting) <= self._leaving:
            return False
        self._leaving += 1
        return True

    def refused(self) -> None:
        """The server refused a request for its number: allow half as many."""
        self._allowed = max(1, self._limit() // 2)
        self._changed_at = self._clock.monotonic()

    def _limit(self) -> int:
        if self._allowed < self._most:
            gained = int((self._clock.monotonic() - self._changed_at) / _RAISE_EVERY)
            if gained > 0:
                self._allowed = min(self._most, self._allowed + gained)
                self._changed_at += gained * _RAISE_EVERY
        return self._allowed

    async def _take(self) -> None:
        if self.take_now():
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.give_back()
            else:
                with suppress(ValueError):  # it was passed over already
                    self._waiting.remove(waiter)
            raise
