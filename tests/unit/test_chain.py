"""The journal's lines: what is written is read again, bound to the line before, and damage is named, not quoted."""

import json
from datetime import timedelta
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backupd.core.chain import START, digest, read_line, write_line
from backupd.core.facts import HistorySeen, LinksSeen, OrgPinned
from backupd.core.model import HistoryEntry
from tests.fakes import values
from tests.fakes.values import EXPIRES_AT, JOB, SEEN_AT, data, link


@pytest.mark.parametrize("kind", values.FACTS)
@settings(max_examples=10)
@given(st.data(), values.instants)
def test_a_fact_of_each_kind_is_read_as_it_was_written(kind, drawn, at):
    fact = drawn.draw(values.facts_of(kind))
    line = write_line(fact, at=at, previous="00ff")

    read = read_line(line)

    assert (read.fact, read.at, read.previous, read.kind) == (fact, at, "00ff", fact.kind)


@given(values.facts)
def test_a_line_is_one_line_of_ascii(fact):
    line = write_line(fact, at=SEEN_AT, previous=START)

    assert line.isascii()
    assert b"\n" not in line
    assert list(json.loads(line))[:3] == ["time", "kind", "previous"]


@pytest.mark.parametrize("kind", values.FACTS)
def test_every_kind_of_fact_is_told_by_its_kind(kind):
    assert [other.kind for other in values.FACTS].count(kind.kind) == 1


def test_the_hash_is_what_sha256sum_makes_of_the_line_without_its_newline():
    line = write_line(OrgPinned("1"), at=SEEN_AT, previous=START)

    assert digest(line) == sha256(line).hexdigest()


def test_a_fact_of_a_newer_version_is_passed_over():
    line = json.dumps({"time": "2022-06-23T12:15:00Z", "kind": "hologram_made", "previous": "", "depth": 3}).encode()

    assert read_line(line).fact is None
    assert read_line(line).kind == "hologram_made"


def test_fields_of_a_newer_version_are_ignored():
    line = json.dumps({**json.loads(write_line(OrgPinned("1"), at=SEEN_AT, previous="")), "colour": "green"}).encode()

    assert read_line(line).fact == OrgPinned("1")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"time": None}, "time"),
        ({"time": "yesterday"}, "time|isoformat"),
        ({"kind": 7}, "kind"),
        ({"previous": None}, "previous"),
        ({"job_id": 3}, "job_id"),
        ({"links": "none"}, "links"),
        ({"links": [{"kind": "data", "name": "a.zip"}]}, "url"),
        ({"links": [{"kind": "music", "name": "a.zip", "url": "x"}]}, "music"),
        ({"expiry_date": "2022-06-30T12:01:03"}, "offset"),
    ],
)
def test_a_wrong_field_is_named(change, named):
    seen = LinksSeen(JOB, EXPIRES_AT, (link(JOB, data("a.zip")),))
    line = json.dumps({**json.loads(write_line(seen, at=SEEN_AT, previous="")), **change}).encode()

    with pytest.raises(ValueError, match=named) as caught:
        read_line(line)

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("line", [b"", b"\x00\x00", b"[]", b"7", b'{"time": "2022', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_line_is_said_to_be_none(line):
    with pytest.raises(ValueError, match="not a JSON object") as caught:
        read_line(line)

    assert caught.value.__cause__ is None


def test_a_broken_line_with_links_is_not_quoted_in_any_part_of_the_error():
    seen = LinksSeen(JOB, EXPIRES_AT, (link(JOB, data("a.zip")),))
    line = write_line(seen, at=SEEN_AT, previous="")[:-1]

    with pytest.raises(ValueError, match="not a JSON object") as caught:
        read_line(line)

    assert "s3cret" not in repr((caught.value, caught.value.__cause__, vars(caught.value)))


def test_no_repr_shows_a_link():
    assert "s3cret" not in repr(LinksSeen(JOB, EXPIRES_AT, (link(JOB, data("a.zip")),)))


def test_a_history_entry_without_a_time_stays_without():
    entry = HistoryEntry("1", None, None, None)

    assert read_line(write_line(HistorySeen(entry), at=SEEN_AT + timedelta(days=1), previous="")).fact == HistorySeen(
        entry
    )
