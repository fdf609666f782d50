"""Keeps messages from becoming a flood: nothing twice within a day, and only so many deliveries in a while.

What must wait is not lost: it goes along with the next delivery, and of very much what matters least is only counted.
Pure. Whether a message is news goes by the wall clock, so that it can be kept over the end of the program; the pace of
deliveries by seconds of a running one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from backupd.notify.wording import Message, Tone

_DAY = timedelta(days=1)
_BURST = 5  # deliveries that may follow each other at once
_REFILL = 600.0  # seconds until one more may
_MOST = 20  # messages told in one delivery; more are counted
_MOST_WAITING = 200
_MOST_KEYS = 1000
_WORST_FIRST: tuple[Tone, ...] = ("problem", "warning", "good")


@dataclass(frozen=True, slots=True)
class Told:
    """What was last told of one thing."""

    state: str
    at: datetime


class FloodGuard:
    """Says what is news."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, ...], Told] = {}

    @property
    def told(self) -> Iterable[tuple[tuple[str, ...], Told]]:
        """What was told, the oldest first."""
        return self._told.items()

    def recall(self, told: Iterable[tuple[tuple[str, ...], Told]]) -> None:
        """Take note of what was told before this began."""
        for key, what in sorted(told, key=lambda each: each[1].at):
            self._note(key, what)

    def admits(self, message: Message, now: datetime) -> bool:
        """Tell whether a message is news, and take note of it."""
        key = message.subject or message.key
        last = self._told.get(key)
        held = last is not None and last.state == message.state and last.at <= now < last.at + _DAY
        if held and not message.again:
            return False
        self._note(key, Told(message.state, now))
        return True

    def _note(self, key: tuple[str, ...], what: Told) -> None:
        self._told.pop(key, None)
        self._told[key] = what
        while len(self._told) > _MOST_KEYS:
            del self._told[next(iter(self._told))]


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

    def take(self) -> tuple[Message, tuple[Message, ...]]:
        """Return one message for all that wait, and these."""
        parts = tuple(self._messages)
        message = joined(parts, self._counted)
        self._messages, self._counted = [], 0
        return message, parts


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
    """Sort the worst tone first, and within a tone alarms and what else decides for itself when to be told."""
    return _WORST_FIRST.index(message.tone), not (message.again or message.subject)
