"""Keeps messages from becoming a flood: nothing twice within a day, and only so many deliveries in a while.

What must wait is not lost: it goes along with the next delivery. Pure; times are seconds of a running clock.
"""

from collections.abc import Sequence
from dataclasses import replace

from backupd.notify.wording import Message, Tone

_DAY = 86_400.0
_BURST = 5  # deliveries that may follow each other at once
_REFILL = 600.0  # seconds until one more may
_MOST = 20  # messages told in one delivery; more are counted
_MOST_KEYS = 1000
_WORST_FIRST: tuple[Tone, ...] = ("problem", "warning", "good")


class FloodGuard:
    """Says what may be told, and when."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, ...], float] = {}
        self._deliveries: list[float] = []

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

    def wait(self, now: float) -> float:
        """Return the seconds until the next delivery may go."""
        self._deliveries = [at for at in self._deliveries if now - at < _BURST * _REFILL]
        if len(self._deliveries) < _BURST:
            return 0.0
        return max(0.0, self._deliveries[-1] + _REFILL - now)

    def delivered(self, now: float) -> None:
        """Take note of a delivery."""
        self._deliveries.append(now)


def joined(messages: Sequence[Message]) -> Message:
    """Make one message of several: the worst gives the tone; of very many, the last ones are only counted."""
    if len(messages) == 1:
        return messages[0]
    by_weight = sorted(messages, key=lambda message: _WORST_FIRST.index(message.tone))
    shown, rest = by_weight[:_MOST], len(by_weight) - _MOST
    text = "\n\n".join(f"{message.title}\n{message.text}" for message in shown)
    if rest > 0:
        text += f"\n\nAnd {rest} more: see the log."
    first = by_weight[0]
    return replace(first, title=f"{first.title} (and {len(messages) - 1} more)", text=text)
