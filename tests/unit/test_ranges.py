"""A set of bytes, as ranges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.core.ranges import Ranges, Span

SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda pair: (pair[0], pair[0] + pair[1])))


def members(ranges: Ranges) -> set[int]:
    return {byte for start, stop in ranges.spans for byte in range(start, stop)}


@given(SPANS)
def test_a_set_holds_what_was_added_and_nothing_else(spans: list[Span]):
    ranges = Ranges.of(spans)

    assert members(ranges) == {byte for start, stop in spans for byte in range(start, stop)}
    assert ranges.size == len(members(ranges))
    assert ranges.stop == max(members(ranges), default=-1) + 1


@given(SPANS)
def test_ranges_neither_overlap_nor_touch(spans: list[Span]):
    flat = [edge for span in Ranges.of(spans).spans for edge in span]

    assert flat == sorted(set(flat))


@given(SPANS, st.integers(0, 80))
def test_the_gaps_are_what_is_missing(spans: list[Span], total: int):
    ranges = Ranges.of(spans)

    assert members(Ranges(ranges.gaps(total))) == set(range(total)) - members(ranges)


@given(SPANS, st.integers(0, 80))
def test_a_run_goes_on_to_the_first_missing_byte(spans: list[Span], at: int):
    ranges = Ranges.of(spans)
    there = members(ranges)

    end = ranges.run_end(at)
    assert set(range(at, end)) <= there
    assert end not in there
    start = ranges.run_start(at)
    assert set(range(start, at)) <= there
    assert start - 1 not in there


@given(SPANS, st.integers(0, 80), st.integers(0, 20))
def test_covered_means_every_byte(spans: list[Span], start: int, size: int):
    ranges = Ranges.of(spans)

    assert ranges.covers(start, start + size) == (set(range(start, start + size)) <= members(ranges))


@given(SPANS, SPANS)
def test_common_bytes_are_in_both(spans: list[Span], others: list[Span]):
    ranges, other = Ranges.of(spans), Ranges.of(others)

    assert members(ranges.common(other)) == members(ranges) & members(other)


@pytest.mark.parametrize("span", [(-1, 3), (5, 4)])
def test_what_is_no_range_is_refused(span: Span):
    with pytest.raises(ValueError, match="not a range"):
        Ranges().add(*span)


@pytest.mark.parametrize(
    ("start", "stop", "covered"), [(0, 10, True), (3, 10, True), (0, 11, False), (9, 9, True), (12, 12, True)]
)
def test_what_is_there_up_to_its_last_byte_is_covered_and_no_further(start: int, stop: int, covered: bool):
    assert Ranges.of([(0, 10)]).covers(start, stop) is covered


@given(SPANS)
def test_the_order_of_adding_makes_no_difference(spans: list[Span]):
    assert Ranges.of(spans) == Ranges.of(sorted(spans)) == Ranges.of(sorted(spans, reverse=True))
