"""Which part of a file answers a request, and what the headers say about it; pure.

The vendor documents nothing about ranges. On its servers whole answers, proper 206 and partial answers under status 200
were all seen; refusals and wrong statements are added to be safe.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from backupd.simulator.answers import http_date
from backupd.simulator.switches import Serving

_changes = count(1)


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes to send and how to announce them."""

    status: int
    start: int
    stop: int
    content_range: str | None = None


@dataclass(frozen=True, slots=True)
class Validators:
    """What tells one version of a file from another."""

    etag: str | None
    last_modified: str | None

    def confirm(self, if_range: str | None) -> bool:
        """Say whether a range may be answered: a weak ETag never matches."""
        if if_range is None:
            return True
        return if_range == self.last_modified or (if_range == self.etag and not if_range.startswith("W/"))


def validators(serving: Serving, version: str, modified: datetime) -> Validators:
    """Give ETag and Last-Modified of a file as they are to be served."""
    if serving.last_modified == "none":
        return Validators(_etag(serving, version), None)
    shift = timedelta(seconds=next(_changes)) if serving.last_modified == "changing" else timedelta()
    return Validators(_etag(serving, version), http_date(modified + shift))


def _etag(serving: Serving, version: str) -> str | None:
    match serving.etag:
        case "strong":
            return f'"{version}"'
        case "weak":
            return f'W/"{version}"'
        case "changing":
            return f'"{version}-{next(_changes)}"'
        case "none":
            return None


def part_of(size: int, header: str | None, serving: Serving, *, confirmed: bool) -> Part:
    """Decide what of a file of `size` bytes answers a Range header, whose condition is `confirmed` or not."""
    whole = Part(200, 0, size)
    asked = _asked(header, size)
    if header is None or asked is None or not confirmed or serving.range == "ignored":
        return whole
    start, stop = asked
    if serving.range == "416" or start >= size:
        return Part(416, 0, 0, f"bytes */{size}")
    match serving.range:
        case "206":
            return Part(206, start, stop, f"bytes {start}-{stop - 1}/{size}")
        case "200-with-content-range":
            return Part(200, start, stop, f"bytes {start}-{stop - 1}/{size}")
        case "wrong-content-range":  # the right bytes under a wrong name
            return Part(206, start, stop, f"bytes {start + 1}-{stop}/{size}")
        case "other-range":  # other bytes than were asked for, honestly named
            return Part(206, start // 2, stop, f"bytes {start // 2}-{stop - 1}/{size}")


def _asked(header: str | None, size: int) -> tuple[int, int] | None:
    """Read the Range header: one range of bytes, as start and stop; None: anything else, which is ignored."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", header or "")
    if not found or not (found[1] or found[2]):
        return None
    if not found[1]:
        return max(0, size - int(found[2])), size
    start, last = int(found[1]), int(found[2] or size - 1)
    return None if found[2] and last < start else (start, min(size, last + 1))
