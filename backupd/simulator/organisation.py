"""The vendor's world of one organisation: schedule, runs, links and history, told by the time alone.

Pure: no clock, no socket. Every question gets the present time; a run that finishes in the future is under way once
its duration reaches into the present, so that a whole week can be laid out beforehand.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count

from backupd.simulator.effects import Throttle
from backupd.simulator.faults import FaultBook
from backupd.simulator.scenario import FileSpec, HistorySpec, OrgSpec, RunSpec

_ONE_FAILED_IN = 23  # of the runs that are made up for the history


@dataclass(slots=True)
class Run:
    """One run of the backup, with its times."""

    spec: RunSpec
    started: datetime
    finished: datetime
    expires: datetime
    offered: int | None  # how many of its links are given out; None: all
    files: list[FileSpec]
    changed: dict[FileSpec, datetime] = field(default_factory=dict)  # files that were replaced since


@dataclass(frozen=True, slots=True)
class Schedule:
    """The standing order as it is now."""

    id: str
    rrule: str | None
    start: datetime
    next: datetime | None
    requester: str
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the history."""

    id: str
    log_time: datetime | None
    spec: HistorySpec


@dataclass(frozen=True, slots=True)
class Offer:
    """The links that are given out: a run's, all or the first of them."""

    run: Run
    files: tuple[FileSpec, ...]

    def has_namesakes(self, file: FileSpec) -> bool:
        """Say whether both kinds have a file of this name."""
        return sum(other.name == file.name for other in self.run.files) > 1


class Organisation:
    """What one customer's part of the vendor holds; changed by operations and by tests."""

    def __init__(self, spec: OrgSpec, now: datetime) -> None:
        """Lay out the scenario as it stands at `now`."""
        self.spec = spec
        self.switches = spec.switches
        self.serving = spec.serving
        self.faults = FaultBook(spec.faults)
        self.runs: list[Run] = []
        self.quota = spec.quota
        self.schedule: Schedule | None = None
        self.throttled: dict[str, tuple[datetime, Throttle]] = {}  # by kind of call: until when, and how it is said
        self._events: list[Event] = []
        self._ids = count(4876876000009000001, 1000)
        if plan := spec.schedule:
            following = plan.next.resolve(now) if plan.next else None
            self.schedule = Schedule(plan.id, plan.rrule, plan.start.resolve(now), following, plan.requester)
        for entry in spec.history:
            self.add_event(entry, entry.log_time.resolve(now) if entry.log_time else None)
        for run in spec.runs:
            self.add_run(run, now)
        self._make_up_events(now)

    def add_run(self, spec: RunSpec, now: datetime) -> Run:
        """Let a run happen, at times relative to `now`; it comes into the history when it has finished."""
        finished = spec.finished.resolve(now)
        run = Run(spec, finished - spec.duration, finished, finished + spec.lifetime, spec.offered, list(spec.files))
        self.runs.append(run)
        if spec.in_history:
            state = "failure" if spec.failed else "completed"
            self.add_event(HistorySpec(state=state, repeat_type=self._repeat_type()), finished)
        return run

    def add_event(self, spec: HistorySpec, log_time: datetime | None) -> None:
        """Enter an event into the history; it shows once its time has come."""
        self._events.append(Event(self.new_id(), log_time, spec))

    def new_id(self) -> str:
        """Give an id that nothing else has."""
        return str(next(self._ids))

    def run(self, job_id: str) -> Run | None:
        """Find a run by its job id."""
        return next((run for run in self.runs if run.spec.job_id == job_id), None)

    def latest(self, now: datetime) -> Run | None:
        """Give the run that finished last with something to show for it."""
        done = [run for run in self.runs if run.finished <= now and not run.spec.failed]
        return max(done, key=lambda run: run.finished, default=None)

    def under_way(self, now: datetime) -> Run | None:
        """Give the run that is being made right now."""
        return next((run for run in self.runs if run.started <= now < run.finished), None)

    def status(self, now: datetime) -> str:
        """Give the word of GET /backup for how things are."""
        schedule, latest = self.schedule, self.latest(now)
        if self.switches.status is not None:
            return self.switches.status
        if schedule is None or schedule.cancelled:
            return "STOPPED"
        if self.under_way(now):
            return "INPROGRESS"
        if latest is None or latest.finished < schedule.start:
            return "SCHEDULED"
        return self.switches.status_after_run if schedule.rrule else "COMPLETED"

    def backup_id(self, now: datetime) -> str:
        """Give `backup.id`: the schedule's, or (as switched) another one for each run that was made."""
        base = int(self.schedule.id) if self.schedule else 0
        done = sum(run.finished <= now for run in self.runs) if self.switches.backup_id == "changing" else 0
        return str(base + 1000 * done)

    def offers(self, now: datetime) -> list[Offer]:
        """Give the links that GET /backup/urls shows, the newest run's first."""
        run, making, switches = self.latest(now), self.under_way(now), self.switches
        if making and switches.links_during_run == "none":
            return []
        if making and switches.links_during_run == "partial":
            share = making.offered if making.offered is not None else len(making.files) // 2
            return [Offer(making, tuple(making.files[:share]))]
        if run is None or (run.expires <= now and switches.links_after_expiry == "204"):
            return []
        shown = [run]
        if switches.links_of == "all":
            older = [other for other in self.runs if other.finished < run.finished and self.is_open(other, now)]
            shown += sorted(older, key=lambda other: other.finished, reverse=True)
        return [Offer(one, tuple(one.files[: one.offered])) for one in shown]

    def throttle(self, operation: str, effect: Throttle | None, now: datetime) -> Throttle | None:
        """Begin or prolong a throttle of the API or the downloads; gives it while it holds."""
        area = "download" if operation == "download" else "api"
        until, standing = self.throttled.get(area, (now, None))
        held = effect or (standing if now < until else None)
        if held:
            self.throttled[area] = (now + held.wait, held)
        return held

    def is_open(self, run: Run, now: datetime) -> bool:
        """Say whether the links of a run can still be used."""
        latest = self.latest(now)
        hidden = latest is not None and latest is not run and latest.finished > run.finished
        return now < run.expires and not (hidden and self.switches.old_links == "gone")

    def events(self, now: datetime) -> list[Event]:
        """Give the history that has happened within a year, newest first; what has no time comes last."""
        year = now - timedelta(days=365)
        known = [event for event in self._events if event.log_time is None or year < event.log_time <= now]
        return sorted(known, key=lambda event: event.log_time or year, reverse=True)

    def begin(self, rrule: str | None, now: datetime) -> str:
        """Take a new order; one without rrule starts a run at once. Gives the id that is told."""
        keep = self.schedule is not None and self.switches.backup_id == "constant"
        new_id = self.schedule.id if keep and self.schedule else self.new_id()
        following = now + timedelta(days=7) if rrule else None
        self.schedule = Schedule(new_id, rrule, now, following, self.spec.name)
        self.quota -= 1
        self.add_event(HistorySpec(action="scheduled", repeat_type=self._repeat_type()), now)
        if rrule is None:
            self._start_run(now)
        return new_id

    def cancel(self, now: datetime) -> None:
        """End the standing order."""
        if self.schedule:
            self.schedule = replace(self.schedule, cancelled=True, next=None)
            self.add_event(HistorySpec(action="stopped", repeat_type=self._repeat_type()), now)

    def _start_run(self, now: datetime) -> None:
        model = max(self.runs, key=lambda run: run.finished, default=None)
        files = model.spec.files if model else (FileSpec("data", "Data_001.zip"),)
        duration = self.switches.immediate_run
        spec = RunSpec(self.new_id(), duration=duration, files=files)
        self.add_run(replace(spec, finished=replace(spec.finished, at=duration)), now)

    def _repeat_type(self) -> str:
        rrule = self.schedule.rrule if self.schedule else None
        if rrule is None:
            return "immediate"
        if "FREQ=MONTHLY" in rrule:
            return "monthly"
        return "biweekly" if "INTERVAL=2" in rrule else "weekly"

    def _make_up_events(self, now: datetime) -> None:
        """Fill the past year: an order, then runs, evenly spread; some of them failures."""
        for number in range(self.spec.past_events):
            state = "completed" if (number + 1) % _ONE_FAILED_IN else "failure"
            first = number == self.spec.past_events - 1
            spec = HistorySpec(action="scheduled") if first else HistorySpec(state=state, repeat_type="weekly")
            log_time = now - timedelta(days=10) - number * timedelta(days=350) / self.spec.past_events
            self.add_event(spec, log_time)
