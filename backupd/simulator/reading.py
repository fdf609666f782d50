"""Reads TOML or JSON values into frozen dataclasses; an error names the key and the remedy.

One reader serves the scenario file and the control interface, so that both know the same words.
Types it knows: str, int, float, bool, `Size`, `Moment`, timedelta, datetime, Path, Literal, optional values,
tuples of these, and frozen dataclasses.
"""

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from backupd.core.errors import ConfigurationError

T = TypeVar("T")
Size = Annotated[int, "bytes"]  # written as 1500 or "2MB"

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}  # seconds
_SIZES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


class ScenarioError(ConfigurationError):
    """What was asked of the simulator cannot be understood; the text names the place, the key and the remedy."""

    advice = "Correct the scenario; without a file the simulator uses its default one."


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, absolute or relative to the start of the simulator: "-2d", "now", "2022-06-23T12:00:00Z"."""

    at: datetime | timedelta

    def resolve(self, now: datetime) -> datetime:
        """Give the instant it means for a simulator started at `now`."""
        return now + self.at if isinstance(self.at, timedelta) else self.at


def ago(**span: float) -> Moment:
    """Give the moment that lies so far before the start: `ago(days=2)`."""
    return Moment(-timedelta(**span))


def read(cls: type[T], value: object, where: str) -> T:
    """Make a `cls` out of a table, or raise ScenarioError; fields that are not given keep their defaults."""
    table = _mapping(value, where)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]  # callers give dataclasses
    hints = typing.get_type_hints(cls, include_extras=True)
    for key in table:
        if key not in fields:
            raise ScenarioError(f"{where}: unknown key {key!r}; {_suggest(str(key), fields)}")
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in table:
            raise ScenarioError(f"{where}: the key {name!r} is missing; add it")
    return cls(**{key: _value(hints[key], item, f"{where}.{key}") for key, item in table.items()})


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ScenarioError(f"{where}: a table is wanted here, not {type(value).__name__}")
    return value


def _suggest(key: str, known: typing.Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(key, names, n=1)
    return f"did you mean {near[0]!r}?" if near else "known are: " + ", ".join(names)


def _value(hint: Any, value: object, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return _optional(hint, value, where)
    if origin is Literal:
        return _choice(typing.get_args(hint), value, where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ScenarioError(f"{where}: a list is wanted here, not {type(value).__name__}")
        return tuple(_value(typing.get_args(hint)[0], item, f"{where}[{n}]") for n, item in enumerate(value))
    if hint in _READERS:
        return _READERS[hint](value, where)
    if dataclasses.is_dataclass(hint):
        return read(typing.cast("type[Any]", hint), value, where)
    return _plain(hint, value, where)


def _optional(hint: Any, value: object, where: str) -> Any:
    kinds = [kind for kind in typing.get_args(hint) if kind is not types.NoneType]
    return None if value is None else _value(kinds[0], value, where)


def _choice(known: tuple[object, ...], value: object, where: str) -> object:
    if value not in known or isinstance(value, bool):
        raise ScenarioError(f"{where}: {value!r} is not known; use one of " + ", ".join(map(repr, known)))
    return value


def _plain(hint: type, value: object, where: str) -> object:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ScenarioError(f"{where}: a value of type {hint.__name__} is wanted, not {value!r}")
    return value


def _size(value: object, where: str) -> Size:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", str(value))
    if isinstance(value, bool) or not found or found[2].upper() not in _SIZES:
        raise ScenarioError(f'{where}: {value!r} is not a size; write bytes as 1500 or "2MB"')
    return Size(int(float(found[1]) * _SIZES[found[2].upper()]))


def _span(value: object, where: str) -> timedelta:
    found = re.fullmatch(r"([+-]?\d+(?:\.\d+)?)([smhd]?)", str(value))
    if isinstance(value, bool) or not found:
        raise ScenarioError(f'{where}: {value!r} is not a duration; write it as "90s", "15m", "36h" or "7d"')
    return timedelta(seconds=float(found[1]) * _UNITS[found[2] or "s"])


def _instant(value: object, where: str) -> datetime:
    try:
        instant = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise ScenarioError(f'{where}: {value!r} is not a time; write it as "2022-06-23T12:00:00Z" or "-2d"') from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _moment(value: object, where: str) -> Moment:
    if value == "now":
        return Moment(timedelta())
    if isinstance(value, str) and re.fullmatch(r"[+-]\d+(\.\d+)?[smhd]", value):
        return Moment(_span(value, where))
    return Moment(_instant(value, where))


_READERS: dict[Any, Callable[[object, str], Any]] = {
    Size: _size,
    timedelta: _span,
    datetime: _instant,
    Moment: _moment,
    Path: lambda value, where: Path(str(_plain(str, value, where))),
}
