"""What is in hand of one file: its growing version, how long it will be, and the story so far."""

import asyncio
import hashlib
from dataclasses import replace

from backupd.core.check import Check
from backupd.core.events import FileRestarted
from backupd.core.http import Version
from backupd.core.model import Checked, Link, Received
from backupd.core.slot import Slot
from backupd.download.answer import Ask
from backupd.download.disk import PartFile, on_disk
from backupd.download.growing import Growing
from backupd.download.record import Kept, Story, read
from backupd.download.tools import Tools

_OVERLAP = 64 * 1024  # bytes in hand that are fetched again and compared, where the validators are not certain


class Holding:
    """One file, as far as it came."""

    def __init__(self, org: str, link: Link, slot: Slot, tools: Tools) -> None:
        self.names = (org, link.job.job, str(link.file))  # as events give them
        self.growing: Growing | None = None  # None: nothing is in hand
        self.total: int | None = None  # None: not known yet
        self.story = Story()
        self._whole = 0  # bytes that came in one block and are all of it; 0: they did not
        self._keeping: asyncio.Task[tuple[Version, str, Checked]] | None = None  # those
        self._link, self._slot, self._tools = link, slot, tools
        self._opened = False

    async def open(self) -> None:
        """Find out, once, what an earlier process left."""
        if self._opened:
            return
        self._opened = True
        kept = await asyncio.to_thread(read, self._slot, self._tools.boot)
        if kept is None or not kept.ranges.size:
            return
        self.story, self.total = kept.story, kept.version.total
        self.growing = await Growing.go_on(self._slot, kept, self._new_check(), self._tools)

    async def begin(self, version: Version) -> Growing:
        """Start a version from its first byte."""
        self.story = replace(self.story, resumed=0)
        self.total = version.total
        kept = Kept(version, story=self.story)
        self.growing = await Growing.begin(self._slot, kept, self._new_check(), self._tools)
        return self.growing

    def take_whole(self, version: Version, data: bytes) -> None:
        """Take a file that came in one block: one turn of a thread does the rest, now, whatever is waited for then."""
        self.story = replace(self.story, resumed=0)
        self.total = self._whole = len(data)
        self._keeping = asyncio.create_task(on_disk(self._slot, lambda: self._keep(version, data)), name="keep")

    async def drop(self, reason: str) -> None:
        """Give up what is in hand: it does not go together with what the server has."""
        if self.growing is not None:
            self._tools.tell(FileRestarted(*self.names, reason=reason, dropped=self.growing.in_hand))
        self.total = None
        await self.close()

    async def close(self) -> None:
        """Let go of the file; what came stays."""
        growing, self.growing = self.growing, None
        if growing is not None:
            await growing.close()
        if self._keeping is not None:
            await asyncio.gather(self._keeping, return_exceptions=True)

    @property
    def in_hand(self) -> int:
        """Bytes that are there, or taken."""
        return self.growing.in_hand if self.growing is not None else self._whole

    def missing(self) -> Ask | None:
        """Say what to ask for next; None when all is there."""
        growing = self.growing
        if self._whole:
            return None
        if growing is None or not growing.in_hand:
            return Ask()
        if self.total is None:
            missing, stop = growing.taken.run_end(0), None
        elif gaps := growing.taken.gaps(self.total):
            missing, stop = gaps[0][0], gaps[0][1] if gaps[0][1] < self.total else None
        else:
            return None
        start = missing
        if not growing.version.certain:
            start = max(missing - _OVERLAP, growing.taken.run_start(missing))
        return Ask(start, stop, growing.version, missing)

    def asked(self) -> None:
        """Count a request."""
        self.story = replace(self.story, attempts=self.story.attempts + 1)

    def spent(self, seconds: float) -> None:
        """Count time."""
        self.story = replace(self.story, seconds=self.story.seconds + seconds)

    async def finish(self) -> Received:
        """Return what was received, once it is whole: written for good, hashed and checked."""
        growing, total = self.growing, self.total
        assert total is not None  # noqa: S101  nothing is missing, so something is there
        if self._keeping is not None:
            version, sha256, checked = await asyncio.shield(self._keeping)  # no thread can be stopped: `close` waits
        else:
            assert growing is not None  # noqa: S101  as above
            version = growing.version
            sha256, checked = await growing.finish(total)
        return Received(
            file=self._link.file,
            size=total,
            sha256=sha256,
            checked=checked,
            etag=version.etag,
            last_modified=version.last_modified,
            attempts=self.story.attempts,
            resumed_bytes=self.story.resumed,
            seconds=self.story.seconds,
        )

    def _keep(self, version: Version, data: bytes) -> tuple[Version, str, Checked]:
        """Do in one turn what `Growing` does in several: to and fro costs a small file more than the work."""
        PartFile.keep(self._slot, Kept(version, story=self.story), self._tools.boot, data)
        check = self._new_check()
        check.feed(memoryview(data))
        return version, hashlib.sha256(data).hexdigest(), check.finish(self._slot.part)

    def _new_check(self) -> Check:
        return self._tools.new_check(self.names[2])
