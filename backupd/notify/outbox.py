"""Everything that is told to the outside of its own accord, behind one listener: messages and heartbeats.

Where there is nobody to tell, nothing runs and nothing is imported. Nothing here fails: it tells of its failures.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from backupd.core.clock import Clock
from backupd.core.events import Event, Tell
from backupd.notify.failures import Failures

if TYPE_CHECKING:
    from aiohttp import ClientSession


@dataclass(frozen=True, slots=True)
class Recipients:
    """Who is told: places for messages as Apprise URLs, an address for the heartbeat of each org. All are secrets."""

    messages: tuple[str, ...] = field(default=(), repr=False)
    heartbeats: Mapping[str, str] = field(default_factory=dict, repr=False)
    success: bool = False  # tell good news, too
    memory: Path | None = None  # the file that keeps what was told over the end of the program


class _Teller(Protocol):
    def __call__(self, event: Event) -> None: ...
    async def run(self) -> None: ...
    async def finish(self) -> None: ...


class Outbox:
    """A listener that passes on to whom the present settings name. A context: its end delivers what is left."""

    def __init__(
        self,
        clock: Clock,
        tell: Tell,
        new_session: Callable[[], AbstractAsyncContextManager["ClientSession"]],
        clean: Callable[[str], str],
        *,
        patience: float = 10.0,
    ) -> None:
        """`patience`: seconds that the end waits for deliveries; `tell` hears of failures; `clean` hides secrets."""
        self._clock = clock
        self._failures = Failures(clock, tell)
        self._new_session = new_session
        self._clean = clean
        self._patience = patience
        self._recipients = Recipients()
        self._tellers: tuple[_Teller, ...] = ()
        self._close: Callable[[], Awaitable[None]] | None = None

    def __call__(self, event: Event) -> None:
        """Pass an event on."""
        for teller in self._tellers:
            teller(event)

    async def use(self, recipients: Recipients) -> None:
        """Tell these from now on; those before get what was meant for them."""
        if recipients == self._recipients:
            return
        await self._end()
        self._recipients = recipients
        stack = AsyncExitStack()
        tellers: list[_Teller] = []
        if recipients.messages:
            from backupd.notify.apprise_door import AppriseDoor
            from backupd.notify.memory import Memory
            from backupd.notify.messages import Messages

            door, success = AppriseDoor(recipients.messages), recipients.success
            memory = Memory(recipients.memory) if recipients.memory is not None else None
            tellers.append(Messages(door, self._clock, self._failures, self._clean, memory, success=success))
        if recipients.heartbeats:
            from backupd.notify.heartbeat import Heartbeat

            session = await stack.enter_async_context(self._new_session())
            tellers += [
                Heartbeat(org, url, session, self._clock, self._failures, self._clean)
                for org, url in recipients.heartbeats.items()
            ]
        tasks = [asyncio.create_task(teller.run(), name="outbox") for teller in tellers]
        stack.push_async_callback(self._finish, tellers, tasks)
        self._tellers, self._close = tuple(tellers), stack.aclose

    async def __aenter__(self) -> Self:
        """Begin with nobody to tell."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Deliver what is left, as far as that is possible in a short time."""
        await self._end()

    async def _end(self) -> None:
        close, self._close, self._tellers = self._close, None, ()
        if close is not None:
            await close()

    async def _finish(self, tellers: list[_Teller], tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(self._patience):
                await asyncio.gather(*(teller.finish() for teller in tellers))
        except TimeoutError:
            self._failures.note("outbox", "", f"what was left could not be delivered within {self._patience:g} s")
