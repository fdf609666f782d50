"""Messages to people: a listener to events that passes on what is worth telling to each place where people are told."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Protocol

from backupd.core.clock import Clock
from backupd.core.events import ArchiveFound, ArchiveLost, Event
from backupd.notify.failures import Failures
from backupd.notify.flood import FloodGuard
from backupd.notify.memory import Memory
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
        self,
        door: Door,
        clock: Clock,
        failures: Failures,
        clean: Callable[[str], str],
        memory: Memory | None = None,
        *,
        success: bool = False,
    ) -> None:
        """`clean` takes secrets out of a text; with a `memory`, go on where the last one stopped."""
        self._clock = clock
        self._clean = clean
        self._success = success
        self._guard = FloodGuard()
        self._memory = memory
        self._places = [self._place(door, number, failures) for number in door.places]
        if memory is not None:
            told, left = memory.recall(clock.now())
            self._guard.recall(told.items())
            self._add(*left)

    def __call__(self, event: Event) -> None:
        """Take note of what a person should know."""
        if self._memory is not None and isinstance(event, ArchiveLost | ArchiveFound):
            self._memory.there = isinstance(event, ArchiveFound)
        message = message_of(event, success=self._success)
        if message is not None and self._guard.admits(message, self._clock.now()):
            message = replace(message, title=self._clean(message.title), text=self._clean(message.text))
            self._add(message)
            if self._memory is not None:
                self._memory.admitted(message, self._guard.told, self._clock.now())

    def _add(self, *messages: Message) -> None:
        for message in messages:
            for place in self._places:
                place.add(message)

    def _delivered(self, messages: Collection[Message]) -> None:
        if self._memory is not None:
            self._memory.delivered(messages, self._guard.told)

    async def run(self) -> None:
        """Deliver what there is to tell, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for place in self._places:
                group.create_task(place.run(), name="messages")

    async def finish(self) -> None:
        """Deliver what is left, once; to be called after `run` was cancelled."""
        await asyncio.gather(*(place.finish() for place in self._places))

    def _place(self, door: Door, number: int, failures: Failures) -> Place:
        name = door.name(number)
        return Place(
            lambda message: door.deliver(message, number),
            self._clock,
            lambda reason: failures.note("messages", "", f"{name}: {reason}", whom=name),
            self._delivered,
        )
