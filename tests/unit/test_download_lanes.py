"""How one file is shared among connections."""

from itertools import pairwise

import pytest

from backupd.core.ranges import Ranges
from backupd.download.lanes import Growth, Lane, crawling, cut, unassigned

MB = 1_000_000


def test_a_large_share_gives_away_what_comes_after_a_share():
    lane = Lane(10 * MB, 100 * MB)

    assert cut(Ranges.of([(0, 10 * MB)]), 100 * MB, [lane], 8 * MB) == ((18 * MB, 26 * MB), lane)


def test_the_largest_share_is_halved_when_it_is_small():
    lanes = [Lane(10 * MB, 40 * MB), Lane(41 * MB, 50 * MB)]

    share = cut(Ranges.of([(0, 10 * MB), (40 * MB, 41 * MB)]), 50 * MB, lanes, 20 * MB)

    assert share == ((25 * MB, 40 * MB), lanes[0])


def test_what_nobody_has_comes_first():
    lanes = [Lane(10 * MB, 40 * MB)]

    assert cut(Ranges.of([(0, 10 * MB)]), 50 * MB, lanes, 8 * MB) == ((40 * MB, 48 * MB), None)


def test_small_shares_are_not_cut():
    assert cut(Ranges.of([(0, 8_000_001)]), 10 * MB, [Lane(8_000_001, 10 * MB)], 8 * MB) is None


def test_a_share_without_an_end_is_all_the_rest():
    assert unassigned(Ranges(), 10 * MB, [Lane(0, None)]) == ()
    assert cut(Ranges(), 10 * MB, [Lane(0, None)], 8 * MB) is None


def test_every_byte_is_shared_out_once():
    """Cut until nothing is left to cut: shares neither overlap nor leave a gap."""
    total = 100 * MB
    lanes = [Lane(0, total)]
    while (found := cut(Ranges(), total, lanes, 8 * MB)) is not None:
        (start, stop), giver = found
        if giver is not None:
            giver.stop = start
        lanes.append(Lane(start, stop))

    spans = sorted((lane.at, lane.stop) for lane in lanes)
    assert spans[0][0] == 0
    assert spans[-1][1] == total
    assert all(stop == start for (_, stop), (start, _) in pairwise(spans))
    assert len(lanes) >= 50


def test_a_lane_far_behind_the_others_crawls():
    lanes = [Lane(0, 100 * MB, brought=brought) for brought in (10 * MB, 9 * MB, MB // 2)]

    assert crawling(lanes, now=4.0) == []
    assert crawling(lanes, now=6.0) == [lanes[2]]
    assert crawling(lanes, now=7.0) == []  # judged anew only after a while


def test_one_lane_alone_never_crawls():
    assert crawling([Lane(0, 100 * MB, brought=5)], now=60.0) == []


def grow(per_lane: float, *, ceiling: float = 1e12, starved: float = 1.0, seconds: int = 30) -> list[int]:
    """Let a line run that gives each lane so much and all together at most `ceiling`; return the numbers of lanes."""
    growth, lanes, brought, waited = Growth(), 1, 0.0, 0.0
    numbers = [lanes]
    for tick in range(seconds * 4):
        more = growth.more(now=tick / 4, brought=int(brought), starved=waited, lanes=lanes)
        if more:
            lanes = min(16, lanes + more)
            numbers.append(lanes)
        brought += min(per_lane * lanes, ceiling) / 4
        waited += starved * lanes / 4
    return numbers


def test_a_throttle_on_each_connection_is_answered_with_many():
    assert grow(2 * MB)[:3] == [1, 2, 8]


def test_where_more_bring_no_more_it_stays():
    assert grow(50 * MB, ceiling=50 * MB, seconds=10) == [1, 2]


def test_what_waits_for_us_needs_no_more_connections():
    assert grow(50 * MB, starved=0.2) == [1]


@pytest.mark.parametrize("per_lane", [0, 1])
def test_a_line_that_brings_nothing_is_no_division_by_zero(per_lane):
    grow(per_lane)
