"""A journal's line: one JSON object with time, kind and the hash of the line before, then the fact's fields.

The hash of a line is the SHA-256 of its bytes without the newline; the first line's `previous` is empty. Whoever keeps
a head hash can tell later whether anything before it was changed. Does not read or write files.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from backupd.core.factfields import fact_from_fields, fields_of, text_of
from backupd.core.facts import Fact
from backupd.core.times import from_text, to_text

START = ""  # the `previous` of the first line


@dataclass(frozen=True, slots=True)
class ReadLine:
    """What one line says."""

    at: datetime
    kind: str
    previous: str
    fact: Fact | None  # None: a kind this version does not know


def write_line(fact: Fact, *, at: datetime, previous: str) -> bytes:
    """Write a fact as its line, without the newline: ASCII, so that a damaged byte is not hidden in a character."""
    document = {"time": to_text(at), "kind": fact.kind, "previous": previous, **fields_of(fact)}
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def read_line(line: bytes) -> ReadLine:
    """Read a line, without its newline. Raises ValueError that names the field; never quotes a value."""
    document = _document(line)
    try:
        kind = text_of(document, "kind")
        at, previous = from_text(text_of(document, "time")), text_of(document, "previous")
        return ReadLine(at, kind, previous, fact_from_fields(kind, document))
    except (KeyError, TypeError, AttributeError) as error:
        message = f"a field is missing or has another type: {error}"
        raise ValueError(message) from error


def digest(line: bytes) -> str:
    """Return the hash by which the next line refers to this one (without its newline)."""
    return sha256(line).hexdigest()


def _document(line: bytes) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        document = None  # and no cause: it would hold the line, which may hold links
    if not isinstance(document, dict):
        message = "it is not a JSON object"
        raise ValueError(message)  # noqa: TRY004  a damaged text, not a caller's mistake
    return document
