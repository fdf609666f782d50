"""WHAT: one cycle for one org, top to bottom: ask, plan, download, verify, publish, record, tell.

Start reading at `Cycle.run`, then `_Pass.run`. A cycle decides by pure rules (`core.plan`) and acts through ports
(`core.ports`); it never sleeps, opens nothing and knows no adapter. A part that fails is told and kept in mind, and the
rest goes on; a cycle with one failure is a failed cycle. Killed at any instruction, the next one finishes the work.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import assert_never

from backupd.core import events, telling
from backupd.core.agreement import disagreement
from backupd.core.clock import Clock
from backupd.core.errors import BackupdError, Fault, JobIncomplete, JobMissed, LinkRefused, WrongOrganisation
from backupd.core.facts import Fact, Missed, OrgPinned, Scrubbed
from backupd.core.model import UNKNOWN_ZGID, FileId, JobId, Offer, Offers, RefusedLink, Schedule
from backupd.core.names import staging_path
from backupd.core.observation import Asked
from backupd.core.outcome import Outcome
from backupd.core.plan import Fetch, GiveUp, Step, news, plan
from backupd.core.ports import Archive, Catalog, Downloads, Journal, Staging, Vendor
from backupd.core.pulse import Pulse
from backupd.core.records import PublishedSnapshot
from backupd.core.times import to_text
from backupd.deadlines import Deadlines
from backupd.job import JobArchiver
from backupd.watch import Watch


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator wants of an org's cycles."""

    expect_every: timedelta | None = None  # a new backup; None: as the vendor's schedule suggests
    keep_partial: bool = False  # publish what was saved of a job whose links expired


@dataclass(frozen=True, slots=True)
class Cycle:
    """One org's cycle, to be run again and again."""

    org: str
    vendor: Vendor
    downloads: Downloads
    archive: Archive
    open_records: Callable[[], Awaitable[tuple[Journal, Catalog]]]  # called under the lock; both brought up to date
    clock: Clock
    tell: events.Tell
    deadlines: Deadlines
    pulse: Callable[[str], Pulse] = field(default=lambda _: Pulse())  # how the org's polls went so far; may block
    wishes: Wishes = field(default_factory=Wishes)

    async def run(self) -> Outcome:
        """Archive what the vendor offers and we do not have. Never raises: failures are told, and in the outcome."""
        self.tell(events.CycleStarted(self.org))
        try:
            return await self._run()
        except BackupdError as error:
            return self._broken_off(error)
        except Exception as error:  # noqa: BLE001 (a fault of ours in one org must stop neither the others nor the daemon)
            fault = Fault(f"{self.org}: unexpected {type(error).__name__}")
            return self._broken_off(fault, error)

    async def _run(self) -> Outcome:
        started = self.clock.monotonic()
        async with self.archive.lock(self.org, what="cycle"):
            journal, catalog = await self.open_records()
            this = _Pass(self, journal, catalog)
            try:
                await this.run()
            except BackupdError as error:
                this.problems.append(error)
                await this.watch()
                raise
            await this.watch()
            seconds = self.clock.monotonic() - started
            self.tell(telling.of_outcome(self.org, this.outcome, seconds, journal.head))
        return this.outcome

    def _broken_off(self, error: BackupdError, fault: Exception | None = None) -> Outcome:
        status = int(error.exit_status)
        self.tell(events.CycleFailed(self.org, error.kind, status, str(error), error.advice, fault))
        return Outcome((), (error,))


@dataclass(frozen=True, slots=True)
class _Pass:
    """One run of a cycle under the lock, and what it gathers on its way."""

    cycle: Cycle
    journal: Journal
    catalog: Catalog
    published: list[PublishedSnapshot] = field(default_factory=list)
    problems: list[BackupdError] = field(default_factory=list)
    shown: set[JobId] = field(default_factory=set)  # by the vendor, in this pass
    blocked: set[JobId] = field(default_factory=set)  # a link of theirs was refused: not to be published as whole
    barred: set[tuple[JobId, FileId]] = field(default_factory=set)  # their links were shown, refused and told
    failed: set[JobId] = field(default_factory=set)  # not tried again in this pass
    asked: list[Asked] = field(default_factory=lambda: [Asked()])  # the last counts
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)  # journal and catalog take facts in one order

    @property
    def outcome(self) -> Outcome:
        return Outcome(tuple(self.published), tuple(self.problems))

    async def run(self) -> None:
        await self._finish_interrupted()
        schedule = await self._ask_schedule()
        anything_new = True
        while anything_new:  # links may appear while we download: look again until a look brings nothing
            await self._remember(await self._ask_offers())
            anything_new = await self._carry_out(await self._plan(), schedule)

    async def watch(self) -> None:
        """Look at how the org is by now. That this fails is one more failure, and hides none before it."""
        cycle = self.cycle
        watch = Watch(
            cycle.org, cycle.vendor, self.journal, self.catalog, cycle.clock, cycle.tell, cycle.wishes.expect_every
        )
        try:
            pulse = await asyncio.to_thread(cycle.pulse, cycle.org)
            await watch.look(self.asked[-1], self.outcome, pulse, cycle.deadlines.take_told(cycle.org))
        except BackupdError as error:
            self._failed("watch", error)

    async def _finish_interrupted(self) -> None:
        """Record what a crash left published but unrecorded; files half-fetched are resumed by their own step."""
        for staging in await self.cycle.archive.staged(self.cycle.org):
            snapshot = await staging.finished()
            if snapshot is not None:
                await self._record(staging, snapshot)
                self.cycle.tell(events.WorkFinishedLater(self.cycle.org, staging.job.job, "record"))

    # --- ask -----------------------------------------------------------------------------------------------------

    async def _ask_schedule(self) -> Schedule | None:
        try:
            schedule = await self.cycle.vendor.schedule()
        except BackupdError as error:
            self._failed("schedule", error)
            return None
        self.asked.append(Asked(schedule, schedule_known=True))
        return schedule

    async def _ask_offers(self) -> Offers:
        try:
            offers = await self.cycle.vendor.offers()
        except BackupdError as error:
            self._failed("links", error)
            return Offers()
        self.asked.append(replace(self.asked[-1], links_known=True))
        self.shown.update(offer.job for offer in offers.jobs)
        for link in offers.refused:
            self._refused(link)
            self.blocked.update([link.job] if link.job else [])
        self.barred.update((link.job, link.file) for offer in offers.barred for link in offer.links)
        return offers

    # --- remember, plan ------------------------------------------------------------------------------------------

    async def _remember(self, offers: Offers) -> None:
        """Write links down at first sight: a newer run may hide them, and they are tried until their own expiry.

        Those that must not be followed too: the operator may allow their host while they live.
        """
        ours = [offer for offer in offers.seen if await self._is_ours(offer)]
        known = await self.catalog.remembered(self.cycle.org, [offer.job for offer in ours])
        for offer in ours:
            new = news(offer, known.get(offer.job), is_barred=lambda link: self.cycle.vendor.refusal(link) is not None)
            if new is not None:
                await self._write(new)
                for event in telling.of_links(self.cycle.org, new, known.get(offer.job)):
                    self.cycle.tell(event)

    async def _is_ours(self, offer: Offer) -> bool:
        """Pin the org to the vendor's organisation at first sight; from then on another one is an error."""
        org, zgid = self.cycle.org, offer.job.zgid
        pinned = await self.catalog.pinned(org)
        if zgid == UNKNOWN_ZGID:
            return True
        if pinned is None:
            await self._write(OrgPinned(zgid))
        elif pinned != zgid:
            message = f"{org}: job {offer.job} belongs to organisation {zgid}, but this org is pinned to {pinned}"
            self._failed("links", WrongOrganisation(message))
            return False
        return True

    async def _plan(self) -> tuple[Step, ...]:
        """Plan by the catalog, and see before anything is done that the archive bears it out; else by a new catalog."""
        steps = await self._planned()
        for step in steps:
            doubt = await self._doubt(step)
            if doubt is not None:
                await self.catalog.rebuild(f"the archive speaks against it: {doubt}")
                return await self._planned()
        return steps

    async def _doubt(self, step: Step) -> str | None:
        archive, known = self.cycle.archive, step.archived
        if known is not None:
            return disagreement(step.job, known, await archive.look(known.path))
        seen = step.remembered.first_seen_at
        return disagreement(step.job, None, await archive.find(self.cycle.org, step.job, near=seen))

    async def _planned(self) -> tuple[Step, ...]:
        org, now = self.cycle.org, self.cycle.clock.now()
        known = (*await self.catalog.pending(org), *await self.catalog.curable(org, now))
        jobs = {job.offer.job: job for job in known if job.offer.job not in self.failed}
        return plan(jobs.values(), archived=await self.catalog.archived(org, jobs.keys()), now=now)

    # --- act, record ---------------------------------------------------------------------------------------------

    async def _carry_out(self, steps: Iterable[Step], schedule: Schedule | None) -> bool:
        """Carry out all steps at once, so that one stuck job delays no other; return whether anything was published."""
        before = len(self.published)
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(self._carry_out_one(step, schedule), name=f"{self.cycle.org} job {step.job}")
        return len(self.published) > before

    async def _carry_out_one(self, step: Step, schedule: Schedule | None) -> None:
        try:
            match step:
                case Fetch():
                    await self._archive(step, schedule)
                case GiveUp():
                    await self._give_up(step, schedule)
                case _:
                    assert_never(step)
        except BackupdError as error:
            self.failed.add(step.job)
            self._failed(f"job {step.job}", error)

    async def _archive(self, step: Fetch, schedule: Schedule | None) -> None:
        job, started = self._archiver(), self.cycle.clock.monotonic()
        staging = await job.stage(step)
        self.cycle.deadlines.begin(self.cycle.org, step, staging.whole())
        barred = self._barred(step, staging)
        allowed = replace(step, links=tuple(link for link in step.links if link.file not in barred))
        failures = await job.fetch(allowed, staging, hidden=bool(self.shown) and step.job not in self.shown)
        if failures or barred or step.job in self.blocked:
            self._incomplete(step, failures.values())
            await self._heal(step, staging, schedule, started)
            return
        await self._publish(step, staging, schedule, started)

    async def _heal(self, step: Fetch, staging: Staging, schedule: Schedule | None, started: float) -> None:
        """Let whole files take the place of damaged ones at once, though others of the job are not whole yet."""
        if step.archived is not None and step.archived.damaged & staging.whole().keys():
            await self._publish(step, staging, schedule, started, more=True)

    def _barred(self, step: Fetch, staging: Staging) -> set[FileId]:
        """Return the files whose links must not be followed as the settings are today; tell of those not told yet."""
        barred = set()
        for link in step.links:
            reason = None if link.file in staging.whole() else self.cycle.vendor.refusal(link)
            if reason is not None:
                barred.add(link.file)
                if (link.job, link.file) not in self.barred:
                    self._refused(RefusedLink(link.job, str(link.file), reason))
        return barred

    async def _publish(
        self,
        step: Step,
        staging: Staging,
        schedule: Schedule | None,
        started: float,
        missing: tuple[FileId, ...] = (),
        *,
        more: bool = False,
    ) -> None:
        """Publish what is whole. With `more` to come, what was received of that stays."""
        snapshot = await self._archiver().publish(step, staging, schedule, missing)
        await self._record(staging, snapshot, more=more)
        if not more:
            self.cycle.deadlines.end(self.cycle.org, step.job)
        self.cycle.tell(telling.of_snapshot(self.cycle.org, snapshot, self.cycle.clock.monotonic() - started))

    def _archiver(self) -> JobArchiver:
        cycle = self.cycle
        return JobArchiver(cycle.org, cycle.vendor, cycle.downloads, cycle.archive, cycle.clock, cycle.tell)

    async def _record(self, staging: Staging, snapshot: PublishedSnapshot, *, more: bool = False) -> None:
        """Let journal and catalog follow what publishing made true (once, even after a crash), then clear staging."""
        job = snapshot.manifest.job
        recorded = (await self.catalog.archived(self.cycle.org, [job])).get(job)
        if recorded is None or recorded.manifest_sha256 != snapshot.manifest_sha256:
            await self._write(snapshot.fact, snapshot)
        sound = (recorded.damaged & staging.whole().keys()).difference(snapshot.healed) if recorded else ()
        if sound:  # they were fetched to heal them, and those in the archive are the very same
            await self._write(Scrubbed(job, len(sound), (), read=tuple(sorted(sound))))
        await (staging.go_on() if more else staging.discard())
        self.published.append(snapshot)

    async def _give_up(self, step: GiveUp, schedule: Schedule | None) -> None:
        """Tell, once, that a job was missed; unless all its files were whole already and only publishing was left."""
        org, offer, started = self.cycle.org, step.remembered.offer, self.cycle.clock.monotonic()
        staging = await self._archiver().stage(step)
        lost = [link for link in step.missing if link.file not in staging.whole()]
        if not lost:
            await self._publish(step, staging, schedule, started)
            return
        files, saved = len(offer.links), len(offer.links) - len(lost)
        partial = self.cycle.wishes.keep_partial and bool(staging.whole())
        left_in = str(staging_path(org, offer.job)) if staging.whole() and not partial else ""
        if partial:
            await self._publish(step, staging, schedule, started, missing=tuple(link.file for link in lost))
        self.cycle.deadlines.end(org, step.job)
        await self._write(Missed(offer.job, offer.expires_at, files, saved))
        self.cycle.tell(events.JobWasMissed(org, offer.job.job, files, saved, offer.expires_at, left_in))
        self.problems.append(
            JobMissed(
                f"{org}: the links of job {offer.job} expired at {to_text(offer.expires_at)}; "
                f"{len(lost)} of {files} files are not archived{f'; the others lie in {left_in}' if left_in else ''}"
            )
        )

    async def _write(self, fact: Fact, snapshot: PublishedSnapshot | None = None) -> None:
        async with self.writing:
            lines = await self.journal.append(fact)
            await self.catalog.record(self.cycle.org, lines, snapshot)

    # --- tell ----------------------------------------------------------------------------------------------------

    def _failed(self, step: str, error: BackupdError) -> None:
        self.problems.append(error)
        self.cycle.tell(events.StepFailed(self.cycle.org, step, error.kind, str(error), error.advice))

    def _refused(self, link: RefusedLink) -> None:
        self.problems.append(LinkRefused(f"{self.cycle.org}: the link of {link.name}: {link.reason}"))
        self.cycle.tell(events.LinkWasRefused(self.cycle.org, str(link.job or ""), link.name, link.reason))

    def _incomplete(self, step: Fetch, failures: Iterable[BackupdError]) -> None:
        causes = tuple(failures)
        org, offer = self.cycle.org, step.remembered.offer
        self.failed.add(step.job)
        self.problems.extend(causes)
        self.problems.append(JobIncomplete(f"{org}: job {step.job} is not archived in full yet"))
        event = events.JobIncomplete(org, step.job.job, len(offer.links), len(causes), offer.expires_at)
        self.cycle.tell(event)
        self.cycle.deadlines.hear(event)
