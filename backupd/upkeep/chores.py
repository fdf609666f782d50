"""What the daemon does beside the cycles, each thing at its own pace; running time counts, not what the clock says.

The pace is that of beginnings: what takes long does not make the next time later.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from backupd.core import events
from backupd.core.clock import Clock
from backupd.core.errors import ArchiveBusy, BackupdError, Fault

_SOON = timedelta(minutes=10)  # after another one held the lock


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to be done for an org again and again: first after `wait`, then every so often."""

    name: str
    org: str
    wait: timedelta
    every: timedelta
    do: Callable[[], Awaitable[object]]


@asynccontextmanager
async def doing(chores: Sequence[Chore], clock: Clock, tell: events.Tell) -> AsyncIterator[None]:
    """Do these chores until the end of the block; what is under way then is broken off."""
    tasks = [
        asyncio.create_task(_again_and_again(chore, clock, tell), name=f"{chore.name} {chore.org}") for chore in chores
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _again_and_again(chore: Chore, clock: Clock, tell: events.Tell) -> None:
    due = clock.monotonic() + chore.wait.total_seconds()
    while True:
        await clock.sleep(max(0.0, due - clock.monotonic()))
        due = clock.monotonic() + chore.every.total_seconds()
        try:
            await chore.do()
        except ArchiveBusy:
            due = clock.monotonic() + min(_SOON, chore.every).total_seconds()
        except BackupdError as error:
            tell(events.ChoreFailed(chore.org, chore.name, error.kind, str(error), error.advice))
        except Exception as error:  # noqa: BLE001 (a fault of ours in a chore must not stop the daemon, nor the chore for good)
            fault = Fault(f"{chore.org}: unexpected {type(error).__name__} in {chore.name}")
            tell(events.ChoreFailed(chore.org, chore.name, fault.kind, str(fault), fault.advice))
