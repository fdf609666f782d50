"""Durations and sizes as people write them: `15m`, `1h30m`, `50MB`, `512KiB`.

Does not know which settings use them, nor what is a sensible amount. No error text repeats what was read: it may be a
secret in the wrong place.
"""

import re
from datetime import timedelta
from decimal import Decimal

_NUMBER = r"\d{1,15}(?:\.\d{1,9})?"
_DURATION_PART = re.compile(rf"({_NUMBER})\s*(s|m|h|d|w)", re.ASCII)
_DURATION = re.compile(rf"(?:{_DURATION_PART.pattern}\s*)+", re.ASCII)
_LONGEST = 100 * 365 * 86400  # seconds; with more, an instant from now on would leave the calendar
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

_SIZE = re.compile(rf"({_NUMBER})\s*([a-z]*)", re.ASCII)
_BYTES = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}


def parse_duration(text: str) -> timedelta:
    """Read a duration such as `10s`, `15m`, `36h`, `7d` or `1h30m`. Raises ValueError with what to write instead."""
    text = text.strip().lower()
    if not _DURATION.fullmatch(text):
        message = "is not a duration; write a number and a unit, such as 10s, 15m, 36h or 7d"
        raise ValueError(message)
    seconds = sum(Decimal(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(text))
    if seconds > _LONGEST:
        message = "is longer than a century; write a duration such as 7d"
        raise ValueError(message)
    return timedelta(seconds=float(seconds))


def parse_size(text: str) -> int:
    """Read a size such as `50MB` (millions), `512KiB` (1024s) or `4096` (bytes), as bytes.

    Raises ValueError with what to write instead.
    """
    match = _SIZE.fullmatch(text.strip().lower())
    if match is None or match[2] not in _BYTES:
        message = "is not a size; write a number and a unit, such as 512KiB, 50MB or 2GB"
        raise ValueError(message)
    return int(Decimal(match[1]) * _BYTES[match[2]])
