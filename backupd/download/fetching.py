"""One file, from the first request to the verdict: what is missing is asked for, and what comes is taken if it fits."""

import asyncio
from contextlib import closing
from dataclasses import dataclass, replace
from typing import assert_never

from backupd.core.check import NewCheck
from backupd.core.clock import Clock
from backupd.core.events import FileRestarted, FileResumed, Tell
from backupd.core.http import Version, difference
from backupd.core.model import Link, Received
from backupd.core.slot import Slot
from backupd.download.answer import Ask, Complete, Part, Unfit, Whole, judge, looks_like_a_page
from backupd.download.blocks import Block, Ring
from backupd.download.growing import Growing
from backupd.download.pace import Pace
from backupd.download.progress import Progress
from backupd.download.receive import Body, body_of
from backupd.download.record import Kept, Story, read
from backupd.download.requests import Answer, Requests
from backupd.download.setback import Setback
from backupd.download.tries import Tries
from backupd.download.workers import Workers

_OVERLAP = 64 * 1024  # bytes in hand that are fetched again and compared, where the validators are not certain


@dataclass(frozen=True, slots=True)
class Tools:
    """What every fetch of the process shares."""

    new_check: NewCheck
    workers: Workers
    pace: Pace
    clock: Clock
    tell: Tell
    boot: str
    stall: float  # seconds without a byte


class Fetch:
    """The fetching of one file."""

    def __init__(self, org: str, link: Link, slot: Slot, *, tools: Tools, requests: Requests, tries: Tries) -> None:
        self._org, self._link, self._slot = org, link, slot
        self._tools, self._requests, self._tries = tools, requests, tries
        self._progress = Progress(org, link, clock=tools.clock, tell=tools.tell)
        self._growing: Growing | None = None
        self._opened = False
        self._arrived = 0  # bytes, with those that are compared or not taken yet
        self._total: int | None = None
        self._story = Story()

    async def run(self) -> Received:
        """Make one try: leave the complete file in its slot. Raises Setback, or what no further try would mend."""
        if not self._opened:
            await self._open()
        while (ask := await self._missing()) is not None:
            await self._request(ask)
        return await self._finish()

    async def close(self) -> None:
        """Let go of the file; what came stays."""
        growing, self._growing = self._growing, None
        if growing is not None:
            await growing.close()

    # --- what is in hand ----------------------------------------------------------------------------------------

    async def _open(self) -> None:
        """Find out what an earlier try, or process, left."""
        self._opened = True
        tools = self._tools
        kept = await asyncio.to_thread(read, self._slot, tools.boot)
        if kept is None or not kept.ranges.size:
            return
        self._story, self._total = kept.story, kept.version.total
        check = tools.new_check(str(self._link.file))
        self._growing = await Growing.go_on(self._slot, kept, boot=tools.boot, check=check, workers=tools.workers)

    async def _begin(self, version: Version) -> Growing:
        """Start from the first byte."""
        await self.close()
        self._story = replace(self._story, resumed=0)
        self._total = version.total
        kept, tools = Kept(version, story=self._story), self._tools
        check = tools.new_check(str(self._link.file))
        self._growing = await Growing.begin(self._slot, kept, boot=tools.boot, check=check, workers=tools.workers)
        return self._growing

    async def _missing(self) -> Ask | None:
        """Say what to ask for next; None when all is there."""
        growing = self._growing
        if growing is None:
            return Ask()
        await growing.flush()
        if not growing.in_hand:
            return Ask()
        if self._total is None:
            missing, stop = growing.written.run_end(0), None
        elif gaps := growing.written.gaps(self._total):
            missing, stop = gaps[0][0], gaps[0][1] if gaps[0][1] < self._total else None
        else:
            return None
        start = missing
        if not growing.version.certain:
            start = max(missing - _OVERLAP, growing.written.run_start(missing))
        return Ask(start, stop, growing.version, missing)

    # --- one request --------------------------------------------------------------------------------------------

    async def _request(self, ask: Ask) -> None:
        self._story = replace(self._story, attempts=self._story.attempts + 1)
        started = self._tools.clock.monotonic()
        try:
            async with self._requests.send(ask) as answer:
                match judge(ask, answer.head):
                    case Whole(stop):
                        await self._take_whole(answer, stop)
                    case Part(_, stop):
                        await self._take_part(answer, ask, stop)
                    case Complete(total):
                        self._total = total
                    case Unfit(reason):
                        raise _Unfit(reason)  # noqa: TRY301  the same handler as for what the body shows
                    case meaning:
                        assert_never(meaning)
        except _Unfit as unfit:
            if ask.version is None:
                raise Setback(str(unfit)) from None
            await self._drop(str(unfit))
        finally:
            seconds = self._story.seconds + self._tools.clock.monotonic() - started
            self._story = replace(self._story, seconds=seconds)

    async def _take_whole(self, answer: Answer, stop: int | None) -> None:
        """Receive the file from its first byte."""
        self._arrived = 0
        with closing(self._body(answer)) as body:
            first = await body.next()
            if first is None:
                raise Setback("the file server sent an empty file")
            if looks_like_a_page(bytes(first.data[:64])):
                raise self._requests.page()
            version = answer.head.version
            if self._growing is not None:
                changed = difference(self._growing.version, version)
                await self._drop(changed or "the file server does not serve the rest alone")
            growing = await self._begin(version)
            end = await self._pour(growing, body, block=first, at=0, stop=stop)
            if self._total is None:
                self._total = end

    async def _take_part(self, answer: Answer, ask: Ask, stop: int) -> None:
        """Receive what is missing, once the bytes before it are seen to be those in hand."""
        growing = self._growing
        assert growing is not None  # noqa: S101  a part is judged against what is in hand
        self._arrived = growing.in_hand - (ask.missing - ask.start)
        expected = await growing.read(ask.start, ask.missing)
        with closing(self._body(answer)) as body:
            block = await _behind_overlap(body, expected)
            self._total = answer.head.version.total or self._total
            self._story = replace(self._story, resumed=growing.in_hand)
            await growing.note(self._story)
            self._tools.tell(FileResumed(*self._names, offset=ask.missing))
            await self._pour(growing, body, block=block, at=ask.missing, stop=stop)

    def _body(self, answer: Answer) -> Body:
        return body_of(answer.response, Ring(), self._seen, stall=self._tools.stall)

    async def _pour(self, growing: Growing, body: Body, *, block: Block | None, at: int, stop: int | None) -> int:
        """Put the body into the file from `at` on, `block` first; return where it ended."""
        growing.on_failure = body.close
        try:
            while (block := block or await body.next()) is not None:
                block.size = min(block.size, block.size if stop is None else stop - at)
                size = block.size  # to be read before the block is given away
                growing.put(block, at)
                at += size
                block = None
                await growing.room()
                await self._tools.pace.spend(size)
        except Setback:
            growing.raise_failure()
            raise
        finally:
            growing.on_failure = None
            while (rest := body.rest()) is not None:
                size = rest.size
                growing.put(rest, at)
                at += size
        if stop is not None and at < stop:
            raise Setback("the body ended before its time")
        return at

    async def _drop(self, reason: str) -> None:
        """Give up what is in hand."""
        growing = self._growing
        if growing is None:
            return
        self._tools.tell(FileRestarted(*self._names, reason=reason, dropped=growing.in_hand))
        self._total = None
        await self.close()

    def _seen(self, count: int) -> None:
        """Take note of bytes as they come."""
        self._arrived += count
        if self._tries.received(self._arrived, self._tools.clock.monotonic()):
            self._requests.progressed()
        self._progress.received(count, in_hand=self._arrived, total=self._total, resumed=self._story.resumed)

    # --- the end ------------------------------------------------------------------------------------------------

    async def _finish(self) -> Received:
        growing, total = self._growing, self._total
        assert growing is not None  # noqa: S101  nothing is missing, so something is there
        assert total is not None  # noqa: S101  as above
        sha256, checked = await growing.finish(total)
        return Received(
            file=self._link.file,
            size=total,
            sha256=sha256,
            checked=checked,
            etag=growing.version.etag,
            last_modified=growing.version.last_modified,
            attempts=self._story.attempts,
            resumed_bytes=self._story.resumed,
            seconds=self._story.seconds,
        )

    @property
    def _names(self) -> tuple[str, str, str]:
        return self._org, self._link.job.job, str(self._link.file)


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
            block.ring.give_back(block)
            raise _Unfit("the last bytes in hand are not those of the file now")
        if block.size:
            return block
        block.ring.give_back(block)
    return None
