"""One file, from the first request to the verdict: what is missing is asked for, and what comes is taken if it fits."""

import asyncio
from dataclasses import replace
from typing import assert_never

from backupd.core.events import FileResumed
from backupd.core.http import difference
from backupd.core.model import Link, Received
from backupd.core.slot import Slot
from backupd.download.answer import Ask, Complete, Part, Unfit, Whole, judge, looks_like_a_page
from backupd.download.blocks import Block
from backupd.download.crew import Crew
from backupd.download.holding import Holding
from backupd.download.lanes import Lane
from backupd.download.progress import Progress
from backupd.download.receive import Body
from backupd.download.requests import Answer, Requests
from backupd.download.setback import Setback
from backupd.download.tools import Tools
from backupd.download.tries import Tries

_STRIDE = 64_000_000  # bytes received between two looks at the free space
_LEAST = 64 * 1024  # bytes that answers must bring, unless they bring the end: else the next request waits
_LOOK = 0.1  # seconds between two looks at how the connections do


class Fetch:
    """The fetching of one file."""

    def __init__(self, org: str, link: Link, slot: Slot, *, tools: Tools, requests: Requests, tries: Tries) -> None:
        self._tools, self._requests = tools, requests
        self._claim = tools.room.claim()
        self._seen_room: tuple[int | None, int] | None = None  # what was in hand when there was room
        self._holding = Holding(org, link, slot, tools)
        self._crew = Crew(self._holding, requests, tries, Progress(org, link, tools.tell), tools)

    async def receive(self) -> None:
        """Make one try: leave no byte missing. Raises Setback, or what no further try would mend."""
        await self._holding.open()
        self._seen_room = None  # others may have filled the disk since the last try
        await self._require_room()
        ask = self._holding.missing()
        while ask is not None:
            growing, in_hand = self._holding.growing, self._in_hand
            end = ask.stop or self._holding.total
            least = _LEAST if end is None else min(_LEAST, end - ask.missing)
            await self._round(ask)
            ask = self._holding.missing()
            if ask is not None and growing is self._holding.growing and self._in_hand - in_hand < least:
                raise Setback("the file server sends next to nothing of what it is asked for")

    async def finish(self) -> Received:
        """Leave the complete file in its slot, once it was received. Raises what no further try would mend."""
        return await self._holding.finish()

    async def close(self) -> None:
        """Let go of the file; what came stays."""
        self._claim.release()
        await self._holding.close()

    async def _round(self, ask: Ask) -> None:
        """Fetch by one connection, the lead, and by helpers that join it. Raises what stopped the last of them."""
        began = self._tools.clock.monotonic()
        self._crew.compared = False
        setback: Setback | None = None
        tasks = {asyncio.create_task(self._lead(ask), name=f"lead {self._holding.names[2]}")}
        try:
            while tasks:
                done, _ = await asyncio.wait(tasks, timeout=_LOOK, return_when=asyncio.FIRST_COMPLETED)
                tasks -= done
                for error in [task.exception() for task in done if not task.cancelled()]:
                    if isinstance(error, Setback):
                        setback = error
                        self._crew.rest()
                    elif error is not None:
                        raise error
                await self._require_room()
                self._tools.places.let_in()
                if tasks:
                    self._take_on(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._holding.spent(self._tools.clock.monotonic() - began)
        if setback is not None and self._holding.missing() is not None:
            raise setback

    async def _require_room(self) -> None:
        """See that the rest fits on the disk: at first, when its length is known, and now and then. Raises ArchiveFull.

        What came stays; whoever tries again goes on from there.
        """
        growing, total, in_hand = self._holding.growing, self._holding.total, self._in_hand
        coming = 0 if total is None else max(0, total - (growing.on_disk if growing is not None else 0))
        self._claim.still(coming)
        seen = (total, in_hand // _STRIDE)
        if seen != self._seen_room and (total is None or in_hand < total):  # what came whole needs no more room
            await self._claim.require(coming)
            self._seen_room = seen

    @property
    def _in_hand(self) -> int:
        return self._holding.in_hand

    def _take_on(self, tasks: set[asyncio.Task[None]]) -> None:
        """Look how the connections do, and let helpers join on free places."""
        self._crew.replace_crawling()
        for _ in range(self._crew.wanted(len(tasks) - 1)):
            if not self._tools.places.take_now(len(tasks)):
                return
            tasks.add(asyncio.create_task(self._crew.help(), name=f"help {self._holding.names[2]}"))

    async def _lead(self, ask: Ask) -> None:
        """Send the round's first request, and take what comes."""
        async with self._tools.places.one():
            self._holding.asked()
            lane = Lane(ask.missing, ask.stop or self._holding.total)
            try:
                async with self._crew.asking(lane), self._requests.send(ask) as answer:
                    match judge(ask, answer.head):
                        case Whole(stop):
                            await self._take_whole(answer, lane, stop)
                        case Part(_, stop):
                            await self._take_part(answer, ask, lane, stop)
                        case Complete(total):
                            self._holding.total = total
                        case Unfit(reason):
                            raise _Unfit(reason)  # noqa: TRY301  the same handler as for what the body shows
                        case meaning:
                            assert_never(meaning)
                await self._crew.fetch_shares(helps=False)  # of what it would have come to itself
            except _Unfit as unfit:
                if ask.version is None:
                    raise Setback(str(unfit)) from None
                await self._drop(str(unfit))

    async def _drop(self, reason: str) -> None:
        """Give up what is in hand, once nobody brings more of it."""
        self._crew.proven = False
        await self._crew.dismiss_helpers()
        await self._holding.drop(reason)

    async def _take_whole(self, answer: Answer, lane: Lane, stop: int | None) -> None:
        """Receive the file from its first byte."""
        holding = self._holding
        lane.at, lane.stop = 0, stop
        with self._crew.at_work(lane, answer) as body:
            first = await body.next()
            if first is None:
                raise Setback("the file server sent an empty file")
            if looks_like_a_page(bytes(first.data[:64])):
                raise self._requests.page()
            version = answer.head.version
            if holding.growing is not None:
                changed = difference(holding.growing.version, version)
                await self._drop(changed or "the file server does not serve the rest alone")
                lane.stop = stop  # a helper that is gone now may have cut it
            self._crew.promised = answer.head.promises_parts
            if first.size == stop:
                holding.total = stop
                await self._require_room()
                holding.take_whole(version, bytes(first.data))
                first.give_back()
                await self._tools.pace.spend(stop)
                return
            growing = await holding.begin(version)
            await self._require_room()
            lane.endless = self._crew.compared = True
            await self._crew.pour(growing, lane, body, first)
            if holding.total is None:
                holding.total = lane.at

    async def _take_part(self, answer: Answer, ask: Ask, lane: Lane, stop: int) -> None:
        """Receive what is missing, once the bytes before it are seen to be those in hand."""
        holding, growing = self._holding, self._holding.growing
        assert growing is not None  # noqa: S101  a part is judged against what is in hand
        expected = await growing.read(ask.start, ask.missing)
        lane.stop = min(lane.stop or stop, stop)  # it may have been cut while it was asked for
        lane.pending = -len(expected)
        with self._crew.at_work(lane, answer) as body:
            block = await _behind_overlap(body, expected)
            self._crew.proven = self._crew.compared = True
            holding.total = answer.head.version.total or holding.total
            await self._require_room()
            holding.story = replace(holding.story, resumed=growing.in_hand)
            await growing.note(holding.story)
            self._tools.tell(FileResumed(*holding.names, offset=ask.missing))
            lane.endless = ask.stop is None
            await self._crew.pour(growing, lane, body, block)


class _Unfit(Exception):
    """What the server sends does not go together with what is in hand."""


async def _behind_overlap(body: Body, expected: memoryview) -> Block | None:
    """Take from the body what is in hand already, and compare; return the block that holds what follows, if it came.

    Raises _Unfit if it is not the same, Setback if not all of it came.
    """
    while expected:
        block = await body.next()
        if block is None:
            raise Setback("the file server sent less than it was asked for")
        count = min(block.size, len(expected))
        same = block.view[:count] == expected[:count]
        expected = expected[count:]
        block.view[: block.size - count] = block.view[count : block.size]
        block.size -= count
        if not same:
            block.give_back()
            raise _Unfit("the last bytes in hand are not those of the file now")
        if block.size:
            return block
        block.give_back()
    return None
