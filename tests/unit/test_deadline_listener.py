"""A job that grows while its deadline draws near: what the listener tells, and when it keeps quiet."""

from datetime import timedelta

import pytest

from backupd.core import events
from backupd.core.deadlines import Told
from backupd.core.facts import DeadlineTold
from backupd.core.plan import Fetch
from backupd.core.records import RememberedOffer
from backupd.deadlines import Deadlines
from tests.fakes.clock import START, FakeClock
from tests.fakes.records import Ear
from tests.fakes.vendor import LINK_LIFE, offer

HOUR = timedelta(hours=1)
FIRST, SECOND = "data/Data_001.zip", "data/Data_002.zip"


class Growth:
    """One job of two files whose links die in so long, and the listener."""

    def __init__(self, left: timedelta, told: Told | None = None) -> None:
        self.clock = FakeClock()
        self.ear = Ear()
        self.deadlines = Deadlines(self.clock, self.ear)
        shown = offer("4004", "Data_001.zip", "Data_002.zip", taken_at=START + left - LINK_LIFE)
        self.step = Fetch(RememberedOffer(shown, START, missed=False, told=told), shown.links, None)
        self.job = shown.job
        self.begin()

    def begin(self) -> None:
        self.deadlines.begin("main", self.step, {})

    def receive(self, file: str, received: int, *, total: int = 1000) -> None:
        self.deadlines.hear(events.FileProgress("main", "4004", file, received, total, 0, 0.0))

    def fail(self) -> None:
        self.deadlines.hear(events.FileRetrying("main", "4004", FIRST, "broken off", 1, 1.0))

    @property
    def told(self) -> list[int]:
        return [event.step for event in self.ear.of(events.DeadlineNear)]


def test_a_try_that_fails_near_the_end_is_told_once_a_step():
    growth = Growth(25 * HOUR)
    for _ in range(30):
        growth.fail()
        growth.clock.pass_time(hours=1)

    assert growth.told == [72, 24, 6, 1]


def test_a_job_that_will_be_there_in_time_is_not_told_of():
    growth = Growth(5 * HOUR)
    growth.receive(FIRST, 100)
    growth.clock.pass_time(hours=1)
    growth.receive(FIRST, 900)
    growth.receive(SECOND, 900)

    assert growth.told == []


def test_a_pace_that_will_not_do_is_told_though_nothing_fails():
    growth = Growth(5 * HOUR)
    growth.receive(FIRST, 100)
    growth.clock.pass_time(hours=1)
    growth.receive(FIRST, 200)

    (event,) = growth.ear.of(events.DeadlineNear)
    assert (event.step, event.missing, event.left) == (6, 2, 4 * 3600)
    assert event.needed == pytest.approx(18 * 3600)  # 1,800 bytes to go, 100 an hour


def test_what_was_in_hand_at_the_beginning_is_no_pace():
    growth = Growth(5 * HOUR)
    growth.clock.pass_time(hours=1)
    growth.receive(FIRST, 999)
    growth.fail()

    assert [event.needed for event in growth.ear.of(events.DeadlineNear)] == [None]


def test_a_step_that_was_told_before_a_restart_is_not_told_again():
    growth = Growth(20 * HOUR, told=Told(START + 20 * HOUR, 24 * HOUR))
    growth.fail()
    assert growth.told == []

    growth.clock.pass_time(hours=15)
    growth.fail()
    assert growth.told == [6]


def test_what_was_told_in_this_process_is_not_told_again_by_its_next_cycle():
    growth = Growth(20 * HOUR)
    growth.fail()
    growth.begin()  # not written down yet
    growth.fail()

    assert growth.told == [24]


def test_what_was_told_is_handed_over_once_to_be_written_down():
    growth = Growth(20 * HOUR)
    growth.fail()

    assert growth.deadlines.take_told("other") == ()
    assert growth.deadlines.take_told("main") == (DeadlineTold(growth.job, START + 20 * HOUR, 24 * 3600),)
    assert growth.deadlines.take_told("main") == ()


def test_a_job_that_is_archived_has_no_deadline_any_more():
    growth = Growth(20 * HOUR)
    growth.deadlines.end("main", growth.job)
    growth.fail()
    growth.deadlines.hear(events.DownloadsPaused(300.0, "429", asked=298.0))

    assert growth.told == []


def test_a_pause_of_all_downloads_is_trouble_for_every_job():
    growth = Growth(20 * HOUR)
    growth.deadlines.hear(events.DownloadsPaused(300.0, "429", asked=298.0))

    assert growth.told == [24]
