"""What an answer to a download means, judged from its head alone. Values in, a value out; sends and reads nothing.

Range is not documented by the vendor, and servers of this family were seen to ignore it (200, the whole body), to
honour it under the wrong status (200 with Content-Range), and to do it right (206). Each is told by what the answer
says about itself; whatever contradicts itself or what is in hand is not used.
"""

import codecs
import unicodedata
from dataclasses import dataclass
from http import HTTPStatus

from backupd.core.http import ContentRange, Version, difference

_BLANKS = frozenset("\t\r\n")


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked for: the bytes from `start` up to `stop` (None: the end), of the version in hand if there is one.

    Without a version in hand the whole file is asked for, without a Range.
    """

    start: int = 0
    stop: int | None = None
    version: Version | None = None
    missing: int = 0  # the first byte that is not in hand; what comes before it is asked for to be compared


@dataclass(frozen=True, slots=True)
class Head:
    """What the head of an answer says, as far as it matters here."""

    status: int  # 200, 206 or 416
    length: int | None  # Content-Length
    part: ContentRange | None
    part_unreadable: bool  # there is a Content-Range, but not one we can read
    version: Version  # `total` from Content-Range, or from the length of a whole body
    promises_parts: bool = False  # Accept-Ranges


@dataclass(frozen=True, slots=True)
class Whole:
    """The body is the file from its first byte to its last; `stop` is None if its length is not told."""

    stop: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """The body is the bytes `start` up to `stop` of the version in hand."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Complete:
    """There is nothing behind what is in hand: it is all."""

    total: int


@dataclass(frozen=True, slots=True)
class Unfit:
    """The answer does not fit what is in hand: start anew, with a new request."""

    reason: str


Meaning = Whole | Part | Complete | Unfit


def judge(ask: Ask, head: Head) -> Meaning:
    """Decide what a 200, 206 or 416 brings."""
    if head.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return _judge_unsatisfied(ask, head)
    if head.part_unreadable:
        return Unfit("the server sent a Content-Range that makes no sense")
    if head.part is None:
        if head.status == HTTPStatus.PARTIAL_CONTENT:
            return Unfit("the server sent a part without saying which")
        return Whole(head.length)
    return _judge_part(ask, head, head.part)


def _judge_unsatisfied(ask: Ask, head: Head) -> Meaning:
    total = head.part.total if head.part is not None and head.part.start is None else None
    if ask.version is None or total is None or total != ask.missing:
        return Unfit("the server does not have the bytes that are missing")
    changed = difference(_without_total(ask.version), head.version) if head.version.etag is not None else None
    return Complete(total) if changed is None else Unfit(changed)


def _judge_part(ask: Ask, head: Head, part: ContentRange) -> Meaning:
    if part.start is None or part.stop is None:
        return Unfit("the server sent a Content-Range that makes no sense")
    if head.length is not None and head.length != part.stop - part.start:
        return Unfit("the length of the part is not that of its Content-Range")
    if ask.version is None:
        if part.start == 0 and part.stop == part.total:
            return Whole(part.stop)
        return Unfit("the server sent a part although the whole was asked for")
    if part.start != ask.start:
        return Unfit("the server sent another part than the one asked for")
    changed = difference(ask.version, head.version)
    if changed is not None:
        return Unfit(changed)
    if ask.version.total is not None and part.stop > ask.version.total:
        return Unfit("the server sent a part from behind the file's end")
    return Part(part.start, part.stop if ask.stop is None else min(part.stop, ask.stop))


def _without_total(version: Version) -> Version:
    return Version(version.etag, version.last_modified, None, version.dated)


def looks_like_a_page(first: bytes) -> bool:
    """Tell whether a file begins like text (HTML, JSON, a message) and not like a zip. Wants its first bytes."""
    if first.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return False
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(first[:64])  # its last character may be cut
    except UnicodeDecodeError:
        return False
    return all(char in _BLANKS or not unicodedata.category(char).startswith("C") for char in text)
