"""What an answer to a download means."""

import pytest

from backupd.core.http import ContentRange, Version
from backupd.download.answer import Ask, Complete, Head, Part, Unfit, Whole, judge, looks_like_a_page

KEPT = Version('"a"', None, 1000)
FRESH = Ask()
REST = Ask(start=400, version=KEPT, missing=400)


def head(status, *, length=None, part=None, unreadable=False, etag='"a"', total=1000):
    return Head(status, length, part, unreadable, Version(etag, None, total))


@pytest.mark.parametrize(
    ("ask", "answer", "meaning"),
    [
        (FRESH, head(200, length=1000), Whole(1000)),
        (FRESH, head(200), Whole(None)),
        (FRESH, head(206, part=ContentRange(0, 1000, 1000)), Whole(1000)),
        (REST, head(206, length=600, part=ContentRange(400, 1000, 1000)), Part(400, 1000)),
        (REST, head(200, length=600, part=ContentRange(400, 1000, 1000)), Part(400, 1000)),
        (REST, head(206, length=100, part=ContentRange(400, 500, 1000)), Part(400, 500)),
        (REST, head(200, length=1000), Whole(1000)),
        (Ask(400, 500, KEPT, 400), head(206, part=ContentRange(400, 1000, 1000)), Part(400, 500)),
        (Ask(1000, None, Version('"a"'), 1000), head(416, part=ContentRange(None, None, 1000)), Complete(1000)),
    ],
)
def test_what_fits(ask, answer, meaning):
    assert judge(ask, answer) == meaning


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (FRESH, head(206)),
        (FRESH, head(206, part=ContentRange(400, 1000, 1000))),
        (FRESH, head(200, part=ContentRange(0, 500, 1000))),
        (FRESH, head(416, part=ContentRange(None, None, 0))),
        (REST, head(206, unreadable=True)),
        (REST, head(206, part=ContentRange(None, None, 1000))),
        (REST, head(206, part=ContentRange(399, 1000, 1000))),
        (REST, head(206, length=599, part=ContentRange(400, 1000, 1000))),
        (REST, head(206, part=ContentRange(400, 1000, 1000), etag='"b"')),
        (REST, head(206, part=ContentRange(400, 1000, 1000), etag=None)),
        (REST, head(206, part=ContentRange(400, 1001, 1001), total=1001)),
        (REST, head(206, part=ContentRange(400, 1001, None), total=None)),
        (REST, head(416)),
        (REST, head(416, part=ContentRange(None, None, 300))),
        (REST, head(416, part=ContentRange(None, None, 400), etag='"b"')),
    ],
)
def test_what_does_not_fit(ask, answer):
    assert isinstance(judge(ask, answer), Unfit)


@pytest.mark.parametrize(
    ("first", "page"),
    [
        (b"<!DOCTYPE html><html>", True),
        (b'\xef\xbb\xbf{"code":"INTERNAL_ERROR"}', True),
        (b"\r\n\r\n<html>", True),
        (b"Service unavailable", True),
        ("<html><title>エラーが発生しました。もう一度お試しください</title>".encode()[:64], True),
        ("<html>".encode("utf-16"), True),
        (b"<html>\x00", False),
        (b"PK\x03\x04abcdefgh", False),
        (b"PK\x05\x06" + bytes(18), False),
        (b"\x00\x01\x02", False),
        (b"\x1f\x8b\x08", False),
    ],
)
def test_a_page_is_told_from_a_file(first, page):
    assert looks_like_a_page(first) is page
