"""Messages to people: a listener to events that gathers what is worth telling, and delivers it beside all other work.

Deliveries block, so they run in threads of their own, which the end of the program does not wait for. A place that
cannot be told is tried again, then told of by an event.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from threading import Thread
from typing import Protocol

from backupd.core.clock import Clock
from backupd.core.events import Event
from backupd.notify.failures import Failures
from backupd.notify.flood import FloodGuard, joined
from backupd.notify.wording import Message, message_of

_GATHER = 2.0  # seconds in which more may come, to be told together
_LONGEST = 120.0  # seconds for one delivery to all places
_PAUSES = (60.0, 300.0)  # seconds before trying again
_MOST_WAITING = 200

Undelivered = Mapping[int, str]


class Door(Protocol):
    """The way to people, in several places."""

    @property
    def places(self) -> Collection[int]:
        """Give the numbers of all places."""

    def deliver(self, message: Message, places: Collection[int]) -> Undelivered:
        """Tell these places; return why not, for each that could not be told. Blocking. Never raises."""


class Messages:
    """Tells people what matters."""

    def __init__(self, door: Door, clock: Clock, failures: Failures, *, success: bool = False) -> None:
        self._door = door
        self._clock = clock
        self._failures = failures
        self._success = success
        self._guard = FloodGuard()
        self._waiting: list[Message] = []
        self._something = asyncio.Event()
        self._under_way: asyncio.Future[Undelivered] | None = None

    def __call__(self, event: Event) -> None:
        """Take note of what a person should know."""
        message = message_of(event, success=self._success)
        if message is not None and self._guard.admits(message, self._clock.monotonic()):
            self._waiting.append(message)
            del self._waiting[:-_MOST_WAITING]
            self._something.set()

    async def run(self) -> None:
        """Deliver what there is to tell, until cancelled."""
        while True:
            await self._something.wait()
            await self._clock.sleep(_GATHER)
            await self._clock.sleep(self._guard.wait(self._clock.monotonic()))
            message, left = self._take(), self._door.places
            for pause in (*_PAUSES, None):
                undelivered = await self._deliver(message, left)
                self._tell(undelivered)
                left = undelivered.keys()
                if not left or pause is None:
                    break
                await self._clock.sleep(pause)

    async def finish(self) -> None:
        """Deliver what is left, once; to be called after `run` was cancelled."""
        if self._under_way is not None:
            self._tell(await self._end_of(self._under_way))
        if self._waiting:
            self._tell(await self._deliver(self._take(), self._door.places))

    def _take(self) -> Message:
        message = joined(self._waiting)
        self._waiting.clear()
        self._something.clear()
        return message

    async def _deliver(self, message: Message, places: Collection[int]) -> Undelivered:
        self._guard.delivered(self._clock.monotonic())
        self._under_way = _in_own_thread(lambda: self._door.deliver(message, places))
        undelivered = await self._end_of(self._under_way)
        self._under_way = None
        return undelivered

    async def _end_of(self, delivery: asyncio.Future[Undelivered]) -> Undelivered:
        done, _ = await asyncio.wait({delivery}, timeout=_LONGEST)
        return delivery.result() if done else {-1: f"a delivery did not end within {_LONGEST:g} s"}

    def _tell(self, undelivered: Undelivered) -> None:
        for reason in undelivered.values():
            self._failures.note("messages", "", reason)


def _in_own_thread(work: Callable[[], Undelivered]) -> asyncio.Future[Undelivered]:
    """Start blocking work in a thread that dies with the program, however long it takes."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Undelivered] = loop.create_future()

    def give(result: Undelivered) -> None:
        if not future.done():
            future.set_result(result)

    def run() -> None:
        result = work()
        with suppress(RuntimeError):  # the loop ended meanwhile
            loop.call_soon_threadsafe(give, result)

    Thread(target=run, name="messages", daemon=True).start()
    return future
