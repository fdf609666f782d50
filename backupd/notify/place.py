"""One place where people are told: what waits for it, when it may be told, and how often it is tried.

Deliveries block, so they run in threads of their own, which the end of the program does not wait for. A place that
cannot be told is tried again, then told of. One that hangs costs one thread, however much there is to tell.
"""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from threading import Thread

from backupd.core.clock import Clock
from backupd.notify.flood import Pace, Waiting
from backupd.notify.wording import Message

_GATHER = 2.0  # seconds in which more may come, to be told together
_LONGEST = 120.0  # seconds for one delivery
_PAUSES = (60.0, 300.0)  # seconds before trying again

_Delivery = asyncio.Future[str | None]


class Place:
    """Tells one place what there is to tell, in order."""

    def __init__(
        self,
        deliver: Callable[[Message], str | None],
        clock: Clock,
        failed: Callable[[str], None],
        delivered: Callable[[Collection[Message]], None] = lambda _: None,
    ) -> None:
        """`deliver` blocks, and returns why it could not; `failed` hears each reason, `delivered` what arrived."""
        self._deliver = deliver
        self._clock = clock
        self._failed = failed
        self._delivered = delivered
        self._pace = Pace()
        self._waiting = Waiting()
        self._something = asyncio.Event()
        self._message: Message | None = None  # being told, or to be tried again
        self._parts: tuple[Message, ...] = ()  # of it
        self._under_way: tuple[Message, _Delivery] | None = None

    def add(self, message: Message) -> None:
        """Let this be told soon."""
        self._waiting.add(message)
        self._something.set()

    async def run(self) -> None:
        """Deliver what there is to tell, until cancelled."""
        while True:
            await self._something.wait()
            await self._clock.sleep(_GATHER)
            await self._clock.sleep(self._pace.wait(self._clock.monotonic()))
            self._message = self._take()
            self._pace.delivered(self._clock.monotonic())
            for pause in (*_PAUSES, None):
                if await self._told(self._message) or pause is None:
                    break
                await self._clock.sleep(pause)
            self._message = None

    async def finish(self) -> None:
        """Deliver what is left, once; to be called after `run` was cancelled."""
        if self._message is not None:
            await self._told(self._message)
        if self._waiting:
            await self._told(self._take())

    def _take(self) -> Message:
        self._something.clear()
        message, self._parts = self._waiting.take()
        return message

    async def _told(self, message: Message) -> bool:
        """Deliver a message, or see how its delivery ends that is still under way; after an older one that hangs."""
        while True:
            if self._under_way is None:
                self._under_way = message, _in_own_thread(lambda: self._deliver(message))
            delivered, delivery = self._under_way
            done, _ = await asyncio.wait({delivery}, timeout=_LONGEST)
            if not done:
                self._failed(f"a delivery did not end within {_LONGEST:g} s")
                return False
            self._under_way = None
            if delivered is message:
                reason = delivery.result()
                if reason is not None:
                    self._failed(reason)
                    return False
                self._delivered(self._parts)
                return True


def _in_own_thread(work: Callable[[], str | None]) -> _Delivery:
    """Start blocking work in a thread that dies with the program, however long it takes."""
    loop = asyncio.get_running_loop()
    future: _Delivery = loop.create_future()

    def give(result: str | None) -> None:
        if not future.done():
            future.set_result(result)

    def run() -> None:
        result = work()
        with suppress(RuntimeError):  # the loop ended meanwhile
            loop.call_soon_threadsafe(give, result)

    Thread(target=run, name="messages", daemon=True).start()
    return future
