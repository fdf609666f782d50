"""Sizes over time as geometry."""

import pytest

from backupd.web.chart import HEIGHT, NARROW, WIDE, chart
from tests.fakes.clock import START as NOW
from tests.fakes.facts import archived

ROWS = archived("main", NOW)[::-1]


def picture(*arguments, **options):
    drawn = chart(*arguments, **options)
    assert drawn is not None
    return drawn


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("count", [1, 2, 9, 30, 400])
def test_all_bars_stand_within_the_picture_and_beside_each_other(count, width):
    drawn = picture((ROWS * 20)[:count], width=width)

    assert all(drawn.left <= bar.x and bar.x + bar.width <= width for bar in drawn.bars)
    assert all(8 <= bar.y < bar.y + bar.height <= drawn.bottom + 0.01 for bar in drawn.bars)
    assert all(one.x + one.width < other.x for one, other in zip(drawn.bars, drawn.bars[1:], strict=False))
    assert all(0 <= line.y <= HEIGHT for line in drawn.lines)
    assert all(0 <= tick.x <= width for tick in drawn.ticks)


def test_more_than_fit_are_the_newest():
    drawn = picture((ROWS * 20)[:400], width=NARROW)

    assert drawn.bars[-1].row == (ROWS * 20)[399]
    assert len(drawn.bars) < 30


def test_heights_are_in_proportion():
    small, large = ROWS[0]._replace(size=1_000_000), ROWS[1]._replace(size=3_000_000)
    drawn = picture([small, large])

    assert drawn.bars[1].height == pytest.approx(3 * drawn.bars[0].height, rel=0.01)


@pytest.mark.parametrize("largest", [1, 9, 10, 999, 1024, 2_500_000_000, 10**15])
def test_the_lines_are_few_and_reach_above_the_largest(largest):
    drawn = picture([ROWS[0]._replace(size=largest)])

    assert 2 <= len(drawn.lines) <= 6
    assert min(line.y for line in drawn.lines) <= drawn.bars[0].y


@pytest.mark.parametrize("rows", [[], [ROWS[0]._replace(size=0)]])
def test_nothing_to_compare_is_no_chart(rows):
    assert chart(rows) is None
