"""How one file is shared among connections."""

from itertools import pairwise

import pytest

from backupd.core.ranges import Ranges
from backupd.download.lanes import Growth, Lane, crawling, cut, unassigned

MB = 1_000_000


def test_a_large_share_gives_away_what_comes_after_a_share():
    assert cut(Ranges.of([(0, 10 * MB)]), 100 * MB, [Lane(10 * MB, 100 * MB)], 4, 8 * MB) == (18 * MB, 26 * MB)


def test_the_largest_share_is_halved_when_it_is_small():
    lanes = [Lane(10 * MB, 40 * MB), Lane(41 * MB, 50 * MB)]

    share = cut(Ranges.of([(0, 10 * MB), (40 * MB, 41 * MB)]), 50 * MB, lanes, 1, 20 * MB)

    assert share == (25 * MB, 40 * MB)


def test_what_nobody_has_comes_first():
    lanes = [Lane(10 * MB, 40 * MB)]

    assert cut(Ranges.of([(0, 10 * MB)]), 56 * MB, lanes, 1, 8 * MB) == (40 * MB, 48 * MB)


def test_shares_become_smaller_towards_the_end():
    """So that all connections come to the end together, and little waits there for hash and check."""
    lanes, sizes = [Lane(0, 100 * MB)], []
    while (found := cut(Ranges(), 1000 * MB, lanes, 4, 100 * MB, smallest=5 * MB)) is not None and found[0] >= lanes[
        -1
    ].at:
        lanes.append(Lane(*found))
        sizes.append(found[1] - found[0])

    assert sizes[0] == 100 * MB
    assert sizes[:-1] == sorted(sizes[:-1], reverse=True)
    assert sizes[-2] == 25 * MB


def test_small_shares_are_not_cut():
    assert cut(Ranges.of([(0, 8_000_001)]), 10 * MB, [Lane(8_000_001, 10 * MB)], 4, 8 * MB) is None


def test_a_share_leaves_nothing_behind_that_is_too_small_for_a_connection():
    lane = Lane(10 * MB, 26 * MB + 500_000)

    assert cut(Ranges.of([(0, 10 * MB)]), 26 * MB + 500_000, [lane], 1, 8 * MB) == (18 * MB, 26 * MB + 500_000)
    assert cut(Ranges(), 9 * MB, [], 1, 5 * MB, smallest=5 * MB) == (0, 9 * MB)


def test_what_its_owner_brings_sooner_than_a_new_connection_is_not_cut():
    assert cut(Ranges(), 18 * MB, [Lane(0, 18 * MB)], 4, 8 * MB, smallest=10 * MB) is None


def test_a_share_without_an_end_is_all_the_rest():
    assert unassigned(Ranges(), 10 * MB, [Lane(0, None)]) == ()
    assert cut(Ranges(), 10 * MB, [Lane(0, None)], 4, 8 * MB) is None


@pytest.mark.parametrize("answered", [True, False])
def test_every_byte_is_shared_out_once(answered):
    """Share out until nothing is left: also where no answer has cut another share yet."""
    total = 100 * MB
    ends = {0: total}
    while (found := cut(Ranges(), total, [Lane(*span) for span in ends.items()], 4, 8 * MB)) is not None:
        start, stop = found
        for at, end in ends.items() if answered else ():
            if at <= start < end:
                ends[at] = start
        ends[start] = stop

    starts = sorted(ends)
    assert starts[0] == 0
    assert [min(ends[at], after) for at, after in pairwise([*starts, total])] == [*starts[1:], total]
    assert len(ends) >= 25


def test_a_lane_far_behind_the_others_crawls():
    lanes = [Lane(0, 100 * MB, brought=brought) for brought in (10 * MB, 9 * MB, MB // 2)]

    assert crawling(lanes, now=4.0) == []
    assert crawling(lanes, now=6.0) == [lanes[2]]


@pytest.mark.parametrize("began", [(0.0, 0.0, 0.0), (0.0, 0.0, 0.3), (0.0, 1.3, 2.6), (4.9, 0.0, 2.5)])
def test_lanes_that_began_at_any_time_are_judged_by_the_same_seconds(began):
    lanes = [Lane(0, 900 * MB, marked=(at, 0), fresh=(at, 0)) for at in began]
    found: list[Lane] = []
    for tick in range(1, 120):
        now = tick / 10
        for lane, speed in zip(lanes, (10 * MB, 10 * MB, 1000), strict=True):
            lane.brought = max(0, round(speed * (now - lane.marked[0]) + lane.marked[1]))
        found = found or crawling(lanes, now=now)

    assert found == [lanes[2]]


def test_one_lane_alone_crawls_only_by_what_was_usual():
    def alone() -> Lane:
        return Lane(0, 100 * MB, brought=5)

    assert crawling([alone()], now=60.0) == []
    assert crawling([alone()], now=60.0, usual=MB) != []


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


def test_on_a_long_line_all_come_as_soon_as_parts_are_served():
    growth = Growth()
    growth.answered(0.6)

    def look(now: float, *, lanes: int, coming: int = 0, served: bool = False) -> int:
        return growth.more(now=now, brought=0, starved=0.0, lanes=lanes, coming=coming, served=served)

    assert look(0.0, lanes=1) == 0  # it begins to look
    assert look(0.1, lanes=1) > 0  # one of these will prove it
    assert look(0.8, lanes=2, coming=1) == 0
    growth.answered(0.2)  # on a connection that was there
    assert look(0.9, lanes=2, served=True) >= 16
    assert growth.share >= 100 * MB


def test_those_that_have_no_answer_yet_are_not_judged():
    growth, seconds = Growth(), 0.0
    looks = []
    for tick in range(60):  # the second has no answer for three seconds, then is as fast as the first
        seconds = tick / 10
        coming = 1 if 10 <= tick < 40 else 0
        lanes = 1 if tick < 10 else 2
        brought = round(5 * MB * (seconds + max(0.0, seconds - 4)))
        looks.append(growth.more(now=seconds, brought=brought, starved=lanes * seconds, lanes=lanes, coming=coming))

    assert looks[3] == 1
    assert not any(looks[10:40])
    assert max(looks[40:]) == 6  # four times as many


def test_a_first_look_that_shows_no_gain_is_not_the_last():
    growth = Growth()
    brought = 0
    found = []
    for tick in range(50):
        lanes = 1 if tick < 10 else 2
        brought += MB if tick < 20 else 2 * MB  # the second needs a while to come up to speed
        found.append(growth.more(now=tick / 10, brought=brought, starved=lanes * tick / 10, lanes=lanes))

    assert max(found[20:]) >= 2


def test_what_waits_for_us_needs_no_more_connections():
    assert grow(50 * MB, starved=0.2) == [1]


@pytest.mark.parametrize("per_lane", [0, 1])
def test_a_line_that_brings_nothing_is_no_division_by_zero(per_lane):
    grow(per_lane)
