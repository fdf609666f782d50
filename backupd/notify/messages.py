"""Messages to people: a listener to events that passes on what is worth telling to each place where people are told."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Protocol

from backupd.core.clock import Clock
from backupd.core.events import Event
from backupd.notify.failures import Failures
from backupd.notify.flood import FloodGuard
from backupd.notify.place import Place
from backupd.notify.wording import Message, message_of


class Door(Protocol):
    """The way to people, in several places."""

    @property
    def places(self) -> Collection[int]:
        """Give the numbers of all places."""

    def name(self, place: int) -> str:
        """Name a place without showing its address."""

    def deliver(self, message: Message, place: int) -> str | None:
        """Tell one place; return why it could not be told. Blocking. Never raises."""


class Messages:
    """Tells people what matters, in each place for itself: one that fails or hangs delays no other."""

    def __init__(
        self, door: Door, clock: Clock, failures: Failures, clean: Callable[[str], str], *, success: bool = False
    ) -> None:
        """`clean` takes secrets out of a text."""
        self._clock = clock
        self._clean = clean
        self._success = success
        self._guard = FloodGuard()
        self._places = [_place(door, number, clock, failures) for number in door.places]

    def __call__(self, event: Event) -> None:
        """Take note of what a person should know."""
        message = message_of(event, success=self._success)
        if message is not None and self._guard.admits(message, self._clock.monotonic()):
            message = replace(message, title=self._clean(message.title), text=self._clean(message.text))
            for place in self._places:
                place.add(message)

    async def run(self) -> None:
        """Deliver what there is to tell, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for place in self._places:
                group.create_task(place.run(), name="messages")

    async def finish(self) -> None:
        """Deliver what is left, once; to be called after `run` was cancelled."""
        await asyncio.gather(*(place.finish() for place in self._places))


def _place(door: Door, number: int, clock: Clock, failures: Failures) -> Place:
    name = door.name(number)
    return Place(
        lambda message: door.deliver(message, number),
        clock,
        lambda reason: failures.note("messages", "", f"{name}: {reason}", whom=name),
    )
