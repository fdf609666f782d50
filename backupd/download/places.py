"""How many connections all downloads together may have: fewer after refusals, slowly more again."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from backupd.core.clock import Clock

_RAISE_EVERY = 60.0  # seconds without a refusal, for each place that was lost
_OFFERED = 1.0  # seconds that a free place is left to those who have fewer than their part


class Places:
    """A number of places; who waits longest comes first."""

    def __init__(self, most: int, *, clock: Clock) -> None:
        self.most = most
        self._allowed = most
        self._used = 0
        self._clock = clock
        self._changed_at = clock.monotonic()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._leaving = 0  # helpers that were told to leave and have not yet
        self._files = 0  # that have a place
        self._moved_at = clock.monotonic() - _OFFERED  # when a place was taken or left

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Have a place for as long as the context lasts."""
        await self._take()
        self._files += 1
        try:
            yield
        finally:
            self._files -= 1
            self.give_back()

    @property
    def fair(self) -> int:
        """How many places each file would have if all had as many."""
        return max(1, self._limit() // max(1, self._files))

    def take_now(self, had: int = 0) -> bool:
        """Take a place if one is free and nobody waits for it; a file says how many it has.

        Beyond a fair part, it gets only what others have left alone for a moment.
        """
        now = self._clock.monotonic()
        if self._waiting or self._used >= self._limit():
            return False
        if had >= self.fair and now - self._moved_at < _OFFERED:
            return False
        self._used += 1
        self._moved_at = now
        return True

    def give_back(self) -> None:
        """Leave a place that was taken."""
        self._used -= 1
        self._moved_at = self._clock.monotonic()
        self._leaving = max(0, self._leaving - 1)
        self.let_in()

    def let_in(self) -> None:
        """Let those in who wait, as far as there are places; there may be more again since refusals are past."""
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
        if self._allowed < self.most:
            gained = int((self._clock.monotonic() - self._changed_at) / _RAISE_EVERY)
            if gained > 0:
                self._allowed = min(self.most, self._allowed + gained)
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
