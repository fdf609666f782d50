"""What the headers of a download mean: Content-Range, Retry-After, validators. Text in, values out.

Follows RFC 9110 (14.4, 10.2.3, 8.8). Sends nothing, and does not decide what follows from an answer.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_CONTENT_RANGE = re.compile(r"bytes\s+(?:(\d{1,18})-(\d{1,18})|(\*))/(?:(\d{1,18})|\*)", re.IGNORECASE | re.ASCII)
_STRONG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')  # of any other, a request could not even be sent
_SECONDS = re.compile(r"[0-9]{1,12}")  # no more than a timedelta can hold
_CERTAIN_AGE = timedelta(seconds=60)  # Last-Modified tells versions apart when it is this much older than the answer


@dataclass(frozen=True, slots=True)
class ContentRange:
    """What a Content-Range says: the bytes `start` up to `stop` (not included) of `total`, as far as it says so.

    `start` and `stop` are None in the form of a 416, `bytes */total`.
    """

    start: int | None
    stop: int | None
    total: int | None


def content_range(text: str) -> ContentRange | None:
    """Read a Content-Range; None if it is not one of bytes, or contradicts itself."""
    match = _CONTENT_RANGE.fullmatch(text.strip())
    if match is None:
        return None
    first, last, unsatisfied, whole = match.groups()
    total = int(whole) if whole is not None else None
    if unsatisfied is not None:
        return ContentRange(None, None, total)
    start, stop = int(first), int(last) + 1
    if start >= stop or (total is not None and stop > total):
        return None
    return ContentRange(start, stop, total)


def retry_after(text: str | None, now: datetime) -> float | None:
    """Read a Retry-After (seconds, or a date) as seconds from `now`; None if there is none that can be read."""
    if text is None:
        return None
    text = text.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    instant = http_date(text)
    return max(0.0, (instant - now).total_seconds()) if instant is not None else None


def http_date(text: str | None) -> datetime | None:
    """Read an HTTP date as an instant; None if it is not one."""
    if text is None:
        return None
    try:
        instant = parsedate_to_datetime(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):  # overflow: beyond the calendar's edge
        return None


@dataclass(frozen=True, slots=True)
class Version:
    """What tells one version of a file from another: the validators and the length, as the server gave them."""

    etag: str | None = None
    last_modified: str | None = None  # the header as it came
    total: int | None = None  # bytes
    dated: bool = False  # Last-Modified was old enough, when it was seen, to tell versions apart

    @property
    def strong(self) -> str | None:
        """The validator that may go into If-Range, or None if none of them is strong."""
        return self.etag if self.certain else self.last_modified if self.dated else None

    @property
    def certain(self) -> bool:
        """Whether equal validators alone prove equal bytes: a strong ETag."""
        return self.etag is not None and _STRONG.fullmatch(self.etag) is not None


def version(etag: str | None, last_modified: str | None, total: int | None, date: str | None) -> Version:
    """Make a version out of an answer's headers; `date` is its Date."""
    modified, answered = http_date(last_modified), http_date(date)
    dated = modified is not None and answered is not None and answered - modified >= _CERTAIN_AGE
    return Version(etag, last_modified, total, dated)


def difference(kept: Version, seen: Version) -> str | None:
    """Say why an answer cannot be about the kept version, or None if it can."""
    if kept.total is not None and seen.total is not None and kept.total != seen.total:
        return "its length changed"
    if kept.etag is not None and kept.etag != seen.etag:
        return "its ETag changed" if seen.etag is not None else "its ETag is gone"
    if kept.last_modified is not None and kept.last_modified != seen.last_modified:
        if seen.last_modified is not None:
            return "its Last-Modified changed"
        if not kept.certain:
            return "its Last-Modified is gone"
    return None
