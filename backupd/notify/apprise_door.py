"""Messages by way of Apprise: mail, chat, push, webhooks. The only module that knows the library, an extra.

It takes half a second to import and its deliveries block, so all of it happens in a thread, and only when there is
something to tell. No reason that is given holds a part of an address but its scheme: addresses are secrets.
"""

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from backupd.notify.wording import Message, Tone

if TYPE_CHECKING:
    from apprise import Apprise

_TYPES: Mapping[Tone, str] = MappingProxyType({"problem": "failure", "warning": "warning", "good": "success"})
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,20})://", re.IGNORECASE)


class AppriseDoor:
    """Delivers to each of several Apprise URLs."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = tuple(urls)
        logger = logging.getLogger("apprise")  # it quotes addresses; what matters is told by reasons
        logger.propagate = False
        logger.addHandler(logging.NullHandler())

    @property
    def places(self) -> Collection[int]:
        """Give the numbers of all places."""
        return range(len(self._urls))

    def name(self, place: int) -> str:
        """Name a place without showing its address."""
        scheme = _SCHEME.match(self._urls[place])
        return f"notify.urls, entry {place + 1}{f' ({scheme[1].lower()})' if scheme else ''}"

    def examine(self) -> Mapping[int, str]:
        """Return what is wrong with places, without telling them anything. Blocking. Never raises."""
        failed = {place: self._opened(url) for place, url in enumerate(self._urls)}
        return {place: f"{self.name(place)}: {reason}" for place, reason in failed.items() if isinstance(reason, str)}

    def deliver(self, message: Message, place: int) -> str | None:
        """Tell one place; return why it could not be told. Blocking. Never raises."""
        door = self._opened(self._urls[place])
        if isinstance(door, str):
            return door
        try:
            told = door.notify(message.text, title=message.title, notify_type=_TYPES[message.tone], body_format="text")
        except Exception as error:  # noqa: BLE001  # plugins of a hundred services raise what they like
            return type(error).__name__
        return None if told else "the message was not taken"

    @staticmethod
    def _opened(url: str) -> "Apprise | str":
        """Return what delivers to an address, or why nothing does."""
        try:
            from apprise import Apprise, AppriseAsset
        except ImportError:
            return "Apprise is not installed; install backupd with its extra `notify`"
        try:
            door = Apprise(asset=AppriseAsset(app_id="backupd", app_desc="backupd", async_mode=False))
            return door if door.add(url) else "it is not an address that Apprise knows"
        except Exception as error:  # noqa: BLE001  # as above
            return type(error).__name__
