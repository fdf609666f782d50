"""Keeps messages from becoming a flood: nothing twice within a day, and only so many deliveries in a while.

What must wait is not lost: it goes along with the next delivery, and of very much what matters least is only counted.
Pure; times are seconds of a running clock.
"""

from collections.abc import Sequence
from dataclasses import replace

from backupd.notify.wording import Message, Tone

_DAY = 86_400.0
_BURST = 5  # deliveries that may follow each other at once
_REFILL = 600.0  # seconds until one more may
_MOST = 20  # messages told in one delivery; more are counted
_MOST_WAITING = 200
_MOST_KEYS = 1000
_WORST_FIRST: tuple[Tone, ...] = ("problem", "warning", "good")


class FloodGuard:
    """Says what is news."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, ...], float] = {}

    def admits(self, message: Message, now: float) -> bool:
        """Tell whether a message is news, and take note of it."""
        last = self._told.pop(message.key, None)
        if not message.again and last is not None and now - last < _DAY:
            self._told[message.key] = last
            return False
        self._told[message.key] = now
        while len(self._told) > _MOST_KEYS:
            del self._told[next(iter(self._told))]
        return True


class Pace:
    """Says when one place may be told."""

    def __init__(self) -> None:
        self._deliveries: list[float] = []

    def wait(self, now: float) -> float:
        """Return the seconds until the next delivery may go."""
        self._deliveries = [at for at in self._deliveries if now - at < _BURST * _REFILL]
        if len(self._deliveries) < _BURST:
            return 0.0
        return max(0.0, self._deliveries[-1] + _REFILL - now)

    def delivered(self, now: float) -> None:
        """Take note of a delivery."""
        self._deliveries.append(now)


class Waiting:
    """What waits to be told in one place. No alarm goes for what is none, and nothing bad for what is less so."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._counted = 0

    def __bool__(self) -> bool:
        return bool(self._messages)

    def add(self, message: Message) -> None:
        """Let one more wait, in the place of an older one with the same key."""
        self._messages = [*(one for one in self._messages if one.key != message.key), message]
        if len(self._messages) > _MOST_WAITING:
            self._messages.remove(max(self._messages, key=_lightness))  # the first, so the oldest, of the lightest
            self._counted += 1

    def take(self) -> Message:
        """Return one message for all that wait."""
        message = joined(self._messages, self._counted)
        self._messages, self._counted = [], 0
        return message


def joined(messages: Sequence[Message], more: int = 0) -> Message:
    """Make one message of several: the worst gives the tone; of very many, the last ones and `more` are counted."""
    if len(messages) + more == 1:
        return messages[0]
    by_weight = sorted(messages, key=_lightness)
    shown, rest = by_weight[:_MOST], len(by_weight[_MOST:]) + more
    text = "\n\n".join(f"{message.title}\n{message.text}" for message in shown)
    if rest > 0:
        text += f"\n\nAnd {rest} more: see the log."
    first = by_weight[0]
    return replace(first, title=f"{first.title} (and {len(messages) - 1 + more} more)", text=text)


def _lightness(message: Message) -> tuple[int, bool]:
    """Sort the worst tone first, and within a tone what decides for itself when to be told: alarms."""
    return _WORST_FIRST.index(message.tone), not message.again
