"""The headers of a download, as values."""

from datetime import UTC, datetime

import pytest

from backupd.core.http import ContentRange, Version, content_range, difference, retry_after, version

NOW = datetime(2022, 6, 24, 12, 0, tzinfo=UTC)
MODIFIED = "Wed, 22 Jun 2022 12:00:00 GMT"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("bytes 0-9/10", ContentRange(0, 10, 10)),
        ("bytes 5-9/*", ContentRange(5, 10, None)),
        ("BYTES  5-9/10", ContentRange(5, 10, 10)),
        ("bytes */10", ContentRange(None, None, 10)),
        ("bytes 5-4/10", None),
        ("bytes 5-10/10", None),
        ("bytes -5/10", None),
        ("items 0-9/10", None),
        ("bytes 0-9", None),
        ("", None),
        ("bytes \u0660-9/10", None),
    ],
)
def test_content_range(text, meaning):
    assert content_range(text) == meaning


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("299", 299.0),
        (" 0 ", 0.0),
        ("77760000000", 77_760_000_000.0),
        ("Fri, 24 Jun 2022 12:05:00 GMT", 300.0),
        ("Fri, 24 Jun 2022 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        (None, None),
    ],
)
def test_retry_after(text, seconds):
    assert retry_after(text, NOW) == seconds


def test_a_strong_etag_is_the_best_validator():
    seen = version('"a"', MODIFIED, 10, "Fri, 24 Jun 2022 12:00:00 GMT")

    assert (seen.strong, seen.certain) == ('"a"', True)


@pytest.mark.parametrize(
    ("date", "strong"),
    [
        ("Wed, 22 Jun 2022 12:01:00 GMT", MODIFIED),
        ("Wed, 22 Jun 2022 12:00:59 GMT", None),  # it may have changed again within the second
        (None, None),
        ("nonsense", None),
    ],
)
def test_last_modified_is_strong_when_it_is_old_enough(date, strong):
    seen = version('W/"a"', MODIFIED, 10, date)

    assert (seen.strong, seen.certain) == (strong, False)


@pytest.mark.parametrize("modified", [None, "nonsense"])
def test_without_a_date_of_change_there_is_no_strong_one(modified):
    assert version(None, modified, 10, "Fri, 24 Jun 2022 12:00:00 GMT").strong is None


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (Version('"a"', MODIFIED, 10), None),
        (Version('"a"', None, 10), None),
        (Version('"a"', MODIFIED, None), None),
        (Version('"b"', MODIFIED, 10), "its ETag changed"),
        (Version(None, MODIFIED, 10), "its ETag is gone"),
        (Version('"a"', "Thu, 23 Jun 2022 12:00:00 GMT", 10), "its Last-Modified changed"),
        (Version('"a"', MODIFIED, 11), "its length changed"),
    ],
)
def test_what_tells_versions_apart(seen, reason):
    assert difference(Version('"a"', MODIFIED, 10), seen) == reason


def test_without_a_strong_etag_last_modified_must_stay():
    assert difference(Version(None, MODIFIED, 10), Version(None, None, 10)) == "its Last-Modified is gone"


@pytest.mark.parametrize("etag", ['"a\x7f"', '"a\r\nX: y"', '"a', 'W/"a"', '"a"b"', "a"])
def test_an_etag_that_could_not_be_sent_back_is_no_validator(etag):
    seen = version(etag, None, 3, None)

    assert (seen.strong, seen.certain) == (None, False)
