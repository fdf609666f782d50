"""The blocks of a connection go round, and who waits for one is woken no oftener than is worth it."""

import asyncio
from collections import deque
from unittest.mock import Mock

import pytest

from backupd.download.blocks import Block, Depot, Ring


def _all_of(ring: Ring) -> list[Block]:
    blocks = []
    while (block := ring.take_now()) is not None:
        blocks.append(block)
    return blocks


def _give_back(blocks: list[Block]) -> None:
    for block in blocks:
        block.give_back()


async def _let_others_run() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_had_to_wait_goes_on_once_two_blocks_are_back():
    ring = Ring(Depot())
    first, second, _ = _all_of(ring)
    taking = asyncio.create_task(ring.take())
    await _let_others_run()

    first.give_back()
    await _let_others_run()
    assert not taking.done()

    second.give_back()
    await _let_others_run()
    assert taking.done()
    assert {await taking, ring.take_now()} == {first, second}


async def test_a_block_that_is_there_is_not_waited_for():
    ring = Ring(Depot())
    blocks = _all_of(ring)

    blocks[0].give_back()

    assert await ring.take() is blocks[0]


async def test_nobody_is_woken_for_less_or_without_need(monkeypatch: pytest.MonkeyPatch):
    """And in the way that any thread may use, while the loop sleeps."""
    ring, loop = Ring(Depot()), asyncio.get_running_loop()
    blocks, woken = _all_of(ring), Mock(side_effect=loop.call_soon_threadsafe)
    monkeypatch.setattr(loop, "call_soon_threadsafe", woken)

    _give_back(blocks)
    assert woken.call_count == 0

    blocks = _all_of(ring)
    taking = asyncio.create_task(ring.take())
    await _let_others_run()
    counts = []
    for block in blocks[:2]:
        block.give_back()
        counts.append(woken.call_count)
    assert counts == [0, 1]
    assert await taking in blocks


async def test_two_threads_that_give_back_at_the_same_moment_wake_who_waits(monkeypatch: pytest.MonkeyPatch):
    """Both have put theirs there before either looks how many there are."""
    ring = Ring(Depot())
    blocks = _all_of(ring)
    taking = asyncio.create_task(ring.take())
    await _let_others_run()
    blocks[0].give_back()

    monkeypatch.setattr(ring, "_free", deque([blocks[0], blocks[2]]))  # there is no other way into that moment
    blocks[1].give_back()

    assert await asyncio.wait_for(taking, 5) in blocks


async def test_blocks_that_come_back_just_before_the_wait_end_it(monkeypatch: pytest.MonkeyPatch):
    ring = Ring(Depot())
    blocks = _all_of(ring)
    clear = ring._given_back.clear  # noqa: SLF001  there is no other way into that moment

    def overtaken() -> None:
        clear()
        _give_back(blocks[:2])

    monkeypatch.setattr(ring._given_back, "clear", overtaken)  # noqa: SLF001

    assert await asyncio.wait_for(ring.take(), 5) in blocks


async def test_what_comes_back_after_the_connection_is_for_the_next_one():
    depot = Depot()
    ring = Ring(depot)
    blocks = _all_of(ring)
    blocks[0].give_back()

    ring.retire()
    blocks[1].give_back()

    assert {depot.take(), depot.take()} == set(blocks[:2])
    assert depot.take() not in blocks
