"""What people and programs read of this run, on both outputs, passes here: it shows no secret of the settings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from backupd.telemetry import Redactor


@dataclass(slots=True)
class _Shown:
    """The redaction in force, for the whole process, as the log's is."""

    redactor: Redactor = field(default_factory=Redactor)


_shown = _Shown()


def hide_with(redactor: Redactor) -> None:
    """Take out of all that is shown from now on what this one knows."""
    _shown.redactor = redactor


def clean(text: str) -> str:
    """Return the text without known secrets and the vendor's tokens."""
    return _shown.redactor.certain(text)


def printable(text: str) -> str:
    """Keep a text on one line, without secrets and control characters: some of it came from outside."""
    text = clean(text)
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


def are_printable(texts: Iterable[str]) -> bool:
    """Tell whether `printable` would leave all these texts as they are; in one go, since there may be very many."""
    whole = " ".join(texts)
    return whole.isprintable() and clean(whole) == whole


def document(value: Any) -> Any:
    """Return a JSON document without secrets in its texts; names and numbers are ours."""
    match value:
        case str():
            return clean(value)
        case Mapping():
            return {name: document(one) for name, one in value.items()}
        case list() | tuple():
            return [document(one) for one in value]
        case _:
            return value
