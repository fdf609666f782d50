"""The connections of one file: each brings its share, and helpers join where they help.

Helpers take free places when the line is what holds the file up: one, until the server has shown that it serves parts
of this very file, or at once where the line is long and the server says so. At the first sign that it does not mean it,
they leave the rest to one connection. A share is cut from another one only when its answer is seen.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from backupd.core.errors import AccessRefused, LinkDead, LinkRefused, ScopeMissing
from backupd.core.ranges import Span
from backupd.download.answer import Ask, Part, judge
from backupd.download.blocks import Block, Ring
from backupd.download.growing import Growing
from backupd.download.holding import Holding
from backupd.download.lanes import Growth, Lane, crawling, cut, unassigned
from backupd.download.progress import Progress
from backupd.download.receive import Body, body_of
from backupd.download.requests import Answer, Requests
from backupd.download.setback import Setback
from backupd.download.tools import Tools
from backupd.download.tries import Tries

_REST = 5.0  # seconds without new helpers after a connection has failed
_BEGUN = 2_000_000  # bytes; a connection that brought less is not fast yet on a long line
_WORTH_ENDING = 16_000_000  # bytes still to come; less is brought sooner by a connection that has begun
_MOST_REPLACED = 3  # connections of a file that are replaced for crawling


class Crew:
    """The connections of one file."""

    def __init__(self, holding: Holding, requests: Requests, tries: Tries, progress: Progress, tools: Tools) -> None:
        self.proven = False  # the server serves parts of this very file
        self.promised = False  # it says so
        self.compared = False  # in this round: what is in hand is of the version that the server has
        self._holding, self._requests, self._tries = holding, requests, tries
        self._progress, self._tools = progress, tools
        self._lanes: dict[Lane, Body | None] = {}  # None: asked for
        self._alone = False  # the server does not mean it: no helpers
        self._growth = Growth()
        self._brought = 0  # bytes, by all lanes
        self._starved = 0.0  # seconds, by lanes that are gone
        self._broke = False  # a connection did
        self._helping: set[asyncio.Task[None]] = set()
        self._rest_until = 0.0
        self._replaced = 0

    # --- one connection -----------------------------------------------------------------------------------------

    @asynccontextmanager
    async def asking(self, lane: Lane) -> AsyncIterator[None]:
        """Have a lane asked for: what it is to bring is nobody else's, unless it is cut."""
        self._lanes[lane] = None
        try:
            yield
        finally:
            self._lanes.pop(lane, None)

    @contextmanager
    def at_work(self, lane: Lane, answer: Answer) -> Iterator[Body]:
        """Have the body of an answer for a lane."""

        def seen(count: int) -> None:
            self._seen(lane, count)

        ring = Ring(self._tools.depot)
        start = lane.at + lane.pending  # an overlap comes first
        body = body_of(answer.response, ring, seen, start=start, stall=self._tools.stall, careful=self._broke)
        lane.marked = lane.fresh = (_now(), 0)
        self._growth.answered(answer.took)
        self._lanes[lane] = body
        self._tools.lanes[lane] = lambda: self._replace(body)
        try:
            yield body
        finally:
            self._starved += body.starved
            self._lanes.pop(lane, None)
            self._tools.lanes.pop(lane, None)
            body.close()
            ring.retire()

    async def pour(self, growing: Growing, lane: Lane, body: Body, block: Block | None) -> None:
        """Put a body into the file, `block` first, to the end of the lane. Raises Setback if it ends before."""
        growing.on_failure = self._stop_all
        broke: Setback | None = None
        try:
            while lane.stop is None or lane.at < lane.stop:
                block = block or await body.next()
                if block is None:
                    break
                size = self._put(growing, lane, block)
                block = None
                await growing.room()
                await self._tools.pace.spend(size)
                if lane.helps and self._tools.places.make_way():
                    return
        except Setback as setback:
            growing.raise_failure()
            broke = setback
        finally:
            while (rest := body.rest()) is not None:
                self._put(growing, lane, rest)
        if (broke and lane.stop is None) or (lane.stop is not None and lane.at < lane.stop):
            raise broke or Setback("the body ended before its time")

    def _put(self, growing: Growing, lane: Lane, block: Block) -> int:
        """Put a block into the file, as far as it is the lane's; return its size."""
        lane.pending -= block.size
        if growing is not self._holding.growing:
            block.give_back()
            raise Setback("what it belongs to was dropped")
        size = block.size = block.size if lane.stop is None else max(0, min(block.size, lane.stop - lane.at))
        if not size:
            block.give_back()
            return 0
        growing.put(block, lane.at)
        lane.at += size
        if self._tries.reached(growing.in_hand):
            self._requests.progressed()
        return size

    def _seen(self, lane: Lane, count: int) -> None:
        """Take note of bytes as they come."""
        now = self._tools.clock.monotonic()
        lane.pending += count
        lane.brought += count
        self._brought += count
        self._tries.heard(now)
        if self._progress.received(count, now):
            growing, holding = self._holding.growing, self._holding
            in_hand = growing.in_hand if growing is not None else 0
            in_hand += sum(max(0, lane.pending) for lane in self._lanes)
            self._progress.tell(now, in_hand=in_hand, total=holding.total, resumed=holding.story.resumed)

    def _replace(self, body: Body) -> None:
        if self._replaced < _MOST_REPLACED:
            self._replaced += 1
            body.close()

    def _stop_all(self) -> None:
        """Writing or checking failed: no connection needs to bring more."""
        for body in self._lanes.values():
            if body is not None:
                body.close()

    # --- helpers ------------------------------------------------------------------------------------------------

    def rest(self) -> None:
        """A connection failed: take on nobody for a while."""
        self._broke = True
        self._rest_until = _now() + _REST

    def replace_crawling(self) -> None:
        """Close connections, of any file, that are far slower than the others."""
        for lane in crawling(self._tools.lanes, _now(), usual=self._growth.speed):
            self._tools.lanes.pop(lane)()

    def wanted(self, helpers: int) -> int:
        """Return how many helpers to take on now; `helpers` are there already."""
        starved = self._starved + sum(body.starved for body in self._lanes.values() if body is not None)
        coming = sum(body is None for body in self._lanes.values())
        wanted = self._growth.more(
            now=_now(),
            brought=self._brought,
            starved=starved,
            lanes=len(self._lanes),
            coming=coming,
            served=self.proven or self.promised,
        )
        growing, total = self._holding.growing, self._holding.total
        if growing is None or total is None or _now() < self._rest_until or self._tools.pace.pause_left:
            return 0
        if self._share(growing) is None:
            return 0
        if unassigned(growing.taken, total, self._lanes):
            wanted = max(wanted, 1)
        return wanted if self.proven or (self.promised and self._growth.far) else min(wanted, 1 - helpers)

    async def help(self) -> None:
        """Help until there is nothing more to be shared, on a place that was taken for it."""
        this = asyncio.current_task()
        assert this is not None  # noqa: S101  a coroutine runs in a task
        self._helping.add(this)
        try:
            await self.fetch_shares(helps=True)
        finally:
            self._helping.discard(this)
            self._tools.places.give_back()

    async def fetch_shares(self, *, helps: bool) -> None:
        """Fetch what others would come to later, share after share; who `helps` may be told to leave."""
        growing = self._holding.growing
        while growing is not None and (share := self._share(growing)) is not None:
            if not await self._fetch_share(growing, share, helps=helps):
                return

    async def dismiss_helpers(self) -> None:
        """Have all helpers gone: what they bring belongs to what is dropped now."""
        helping = tuple(self._helping)
        for task in helping:
            task.cancel()
        await asyncio.gather(*helping, return_exceptions=True)

    def _share(self, growing: Growing) -> Span | None:
        total = self._holding.total
        if self._alone or total is None or growing.version.strong is None or self._holding.growing is not growing:
            return None
        if not (self.compared or growing.version.certain):  # else what helpers bring may be another version's
            return None
        hands = max(len(self._lanes) + 1, self._tools.places.fair)
        return cut(growing.taken, total, self._lanes, hands, self._growth.share, self._growth.smallest)

    def _free_lead(self) -> None:
        """End an answer that goes on to the file's end while it has hardly begun, on a long line; a part was served.

        It will have to be broken off where another's share begins. On a long line the connection that comes after it
        needs seconds to become fast; that is cheapest while this one is not fast either. What comes before that share
        is fetched on, share by share.
        """
        if not self._growth.far:
            return
        for lane, body in self._lanes.items():
            if lane.endless and body is not None and lane.brought < _BEGUN and lane.left >= _WORTH_ENDING:
                lane.stop = lane.at + min(lane.left, max(0, lane.pending))
                body.close()

    async def _fetch_share(self, growing: Growing, span: Span, *, helps: bool) -> bool:
        """Fetch a share that is cut from another one, or was nobody's; say whether to go on."""
        start, stop = span
        lane = Lane(start, stop, helps=helps)
        self._holding.asked()
        ask = Ask(start, stop, growing.version, start)
        try:
            async with self.asking(lane), self._requests.send(ask) as answer:
                meaning = judge(ask, answer.head)
                if not isinstance(meaning, Part):
                    self._alone = True
                    return False
                self.proven = True
                if growing.taken.run_end(start) > start:  # the one it was to be cut from came by meanwhile
                    return False
                lane.stop = min(lane.stop or stop, meaning.stop)  # it may have been cut while it was asked for
                self._cut_others(lane)
                self._free_lead()
                with self.at_work(lane, answer) as body:
                    await self.pour(growing, lane, body, None)
                    return lane.at == lane.stop
        except (AccessRefused, LinkDead, LinkRefused, ScopeMissing):
            self._alone = True  # whether the file can be had at all, the lead finds out
            return False

    def _cut_others(self, lane: Lane) -> None:
        """End those in whose share a lane begins where it begins."""
        for other in self._lanes:
            if other is not lane and other.stop is not None and other.at <= lane.at < other.stop:
                other.stop = lane.at


def _now() -> float:
    """Running time of the event loop: connections are judged by real time."""
    return asyncio.get_running_loop().time()
