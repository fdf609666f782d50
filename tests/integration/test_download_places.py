"""Places for connections, and the pace of all downloads."""

import asyncio

import pytest

from backupd.core.events import DownloadsPaused, Event
from backupd.download.pace import Pace
from backupd.download.places import Places
from backupd.download.setback import Setback
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock():
    return FakeClock()


async def test_who_waits_longest_comes_first(clock):
    places = Places(1, clock=clock)
    came: list[int] = []

    async def come(number: int) -> None:
        async with places.one():
            came.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(come(number) for number in range(5)))

    assert came == [0, 1, 2, 3, 4]


async def test_who_stops_waiting_loses_no_place(clock):
    places = Places(1, clock=clock)
    async with places.one():
        waiting = [asyncio.create_task(places.one().__aenter__()) for _ in range(3)]
        await asyncio.sleep(0)
        for task in waiting[:2]:
            task.cancel()
        await asyncio.sleep(0)
    await waiting[2]

    places.give_back()
    assert places.take_now()


async def test_a_place_given_to_one_who_has_just_left_is_passed_on(clock):
    places = Places(1, clock=clock)
    assert places.take_now()
    first, second = (asyncio.create_task(places.one().__aenter__()) for _ in range(2))
    await asyncio.sleep(0)
    places.give_back()
    first.cancel()
    await asyncio.wait([first])

    await asyncio.wait_for(second, 1)


async def test_helpers_make_way_once_for_each_who_waits(clock):
    places = Places(2, clock=clock)
    assert places.take_now()
    assert places.take_now()
    assert not places.make_way()
    waiting = asyncio.create_task(places.one().__aenter__())
    await asyncio.sleep(0)

    assert [places.make_way() for _ in range(3)] == [True, False, False]
    assert not places.take_now()
    places.give_back()
    await waiting
    assert not places.make_way()


async def test_refusals_halve_the_places_and_time_brings_them_back(clock):
    places = Places(8, clock=clock)
    places.refused()
    places.refused()

    assert sum(places.take_now() for _ in range(9)) == 2
    clock.pass_time(minutes=3)
    assert sum(places.take_now() for _ in range(9)) == 3
    clock.pass_time(hours=1)
    assert sum(places.take_now() for _ in range(9)) == 3


async def test_a_pause_is_told_once_and_the_longer_one_counts(clock):
    told: list[Event] = []
    pace = Pace(None, clock=clock, tell=told.append)
    pace.pause(30, "429")
    pace.pause(30, "429")
    pace.pause(10, "429")

    assert len(told) == 1
    assert pace.pause_left == 32
    await pace.gate(60)
    assert clock.slept == [32]
    assert pace.pause_left == 0


async def test_a_pause_beyond_reason_is_told_as_asked_and_obeyed_for_an_hour(clock):
    told: list[Event] = []
    pace = Pace(None, clock=clock, tell=told.append)

    pace.pause(251_606_481_796.0, "429")

    assert told == [DownloadsPaused(3602.0, "429", asked=251_606_481_796.0)]
    assert pace.pause_left == 3602


async def test_nobody_waits_longer_than_he_has_patience_for(clock):
    pace = Pace(None, clock=clock, tell=lambda event: None)
    pace.pause(299, "429")

    with pytest.raises(Setback) as caught:
        await pace.gate(60)
    assert caught.value.pause is not None
    assert caught.value.pause > 299


async def test_beyond_its_part_a_file_gets_what_others_left_alone(clock):
    places = Places(6, clock=clock)
    async with places.one(), places.one(), places.one():
        assert places.fair == 2
        assert places.take_now(1)
        assert not places.take_now(2)

        clock.pass_time(seconds=2)
        assert places.take_now(2)
        assert not places.take_now(3)
        assert places.take_now(1)


async def test_a_file_alone_gets_all_places_at_once(clock):
    places = Places(6, clock=clock)
    async with places.one():
        assert sum(places.take_now(1 + had) for had in range(9)) == 5


async def test_who_waits_after_refusals_gets_a_place_once_there_are_more_again(clock):
    places = Places(4, clock=clock)
    places.refused()
    places.refused()
    async with places.one():
        waiting = [asyncio.create_task(places.one().__aenter__()) for _ in range(3)]
        await asyncio.sleep(0)
        places.let_in()
        assert not any(task.done() for task in waiting)

        clock.pass_time(minutes=5)
        places.let_in()
        async with asyncio.timeout(1):
            await asyncio.gather(*waiting)
