"""Takes secrets out of whatever is about to be shown: known values, and what looks like a secret by form or name.

Errs on the side of taking too much. What no rule can know is a secret that was never learned, has no known form and
stands under an innocent name; so every secret is learned as soon as it exists.
"""

import base64
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote, quote_plus

from backupd.core.times import to_text
from backupd.telemetry.forms import CERTAIN, CERTAIN_START, FORMS, SECRET_NAME

MARK: Final = "[redacted]"

_SHORTEST = 4  # characters; a shorter secret would tear up ordinary words
_MOST_LEARNED = 50  # tokens live an hour and sixteen at a time: the oldest of so many is long dead
_DEEPEST = 6  # levels of nesting that are looked into
_LONGEST = 10_000  # characters of one text; cut in the middle, and after redaction: a secret cut in half is not known
_LONGEST_READ = 10 * _LONGEST  # characters of one text that are looked at


class Redactor:
    """Knows the secrets of this process and takes them, and all that looks like one, out of texts and values."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._fixed = frozenset(spelling for secret in secrets for spelling in _spellings(secret))
        self._learned: dict[str, frozenset[str]] = {}
        self._known = _any_of(self._fixed)

    def learn(self, secret: str) -> None:
        """Know one more secret from now on, such as an access token; the oldest of very many is forgotten."""
        if secret in self._learned:
            return
        learned = {**self._learned, secret: _spellings(secret)}
        while len(learned) > _MOST_LEARNED:
            del learned[next(iter(learned))]
        self._learned = learned  # replaced as a whole: other threads may be reading
        self._known = _any_of(self._fixed.union(*learned.values()))

    def certain(self, text: str) -> str:
        """Return the text without known secrets and the vendor's tokens. What stands around them stays as it is."""
        if self._known is not None:
            text = self._known.sub(MARK, text)
        if CERTAIN_START in text:  # found in no time, unlike the forms
            for form in CERTAIN:
                text = form.sub(MARK, text)
        return text

    def text(self, text: str) -> str:
        """Return the text without secrets, and without its middle if it is very long."""
        text = self.certain(_shortened(text, _LONGEST_READ))
        for form in FORMS:
            text = form.sub(rf"\1{MARK}", text)
        return _shortened(text, _LONGEST)

    def value(self, value: object, *, depth: int = _DEEPEST) -> Any:
        """Return the value as JSON knows it (texts, numbers, lists, dictionaries), without secrets. Never raises."""
        match value:
            case Mapping() if depth:
                return {self.text(name): self._named(name, one, depth - 1) for name, one in _pairs(value)}
            case (str() | bytes() as name, one) if depth:
                return [self.value(name), self._named(_as_text(name), one, depth - 1)]
            case list() | tuple() | AbstractSet() if depth:
                return [self.value(one, depth=depth - 1) for one in value]
            case _:
                plain = _plain(value)
                return self.text(plain) if isinstance(plain, str) else plain

    def _named(self, name: str, value: object, depth: int) -> Any:
        if SECRET_NAME.fullmatch(name) and value is not None and not isinstance(value, bool):
            return MARK
        return self.value(value, depth=depth)


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest // 2]} […] {text[-longest // 2 :]}"


def _plain(value: object) -> str | int | float | bool | None:
    match value:
        case Enum():
            return _plain(value.value)
        case float() if not math.isfinite(value):
            return str(value)
        case None | bool() | int() | float():
            return value
        case str() | bytes() | bytearray():
            return _as_text(value)
        case datetime() if value.tzinfo is not None:
            return to_text(value)
        case timedelta():
            return value.total_seconds()
        case date() | PurePath():
            return str(value)
        case BaseException():
            return _safely(lambda: f"{type(value).__name__}: {value}", value)
        case _:
            return _safely(lambda: repr(value), value)


def _as_text(value: str | bytes | bytearray) -> str:
    return value if isinstance(value, str) else bytes(value).decode("utf-8", "backslashreplace")


def _pairs(mapping: Mapping[Any, Any]) -> Iterator[tuple[str, object]]:
    try:
        for key in mapping:
            yield str(_plain(key)), mapping[key]
    except Exception:  # noqa: BLE001  # a mapping that fails must not cost the log line
        yield "unreadable", type(mapping).__name__


def _safely(spell: Callable[[], str], value: object) -> str:
    try:
        return spell()
    except Exception:  # noqa: BLE001  # a repr that fails must not cost the log line
        return f"<{type(value).__name__}>"


def _spellings(secret: str) -> frozenset[str]:
    """The secret as it may turn up: as it is, quoted for a URL, escaped for JSON or a repr, in base64."""
    if len(secret) < _SHORTEST:
        return frozenset()
    quoted = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    escaped = {json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    return frozenset({secret, encoded} | quoted | escaped)


def _any_of(spellings: Iterable[str]) -> re.Pattern[str] | None:
    longest_first = sorted(spellings, key=len, reverse=True)  # so that no part of a longer one is left over
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
