"""Metrics for Prometheus: what happened is counted by a listener to events; how things stand is read off the overview.

Labels are orgs of the settings and words of ours, so their number has an end; docs/metrics.md says what each means.
"""

import platform
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Info, Summary, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.process_collector import ProcessCollector

from backupd.core import events
from backupd.core.errors import BackupdError
from backupd.core.model import Kind
from backupd.core.overview import Overview
from backupd.telemetry.gauges import Gauges

CONTENT_TYPE = CONTENT_TYPE_LATEST
_OTHER = "other"

# They would double the series, and say only when the process started.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves its type out


def _kinds(error: type[BackupdError] = BackupdError) -> Iterator[str]:
    yield error.kind
    for below in error.__subclasses__():
        yield from _kinds(below)


class Metrics:
    """Counts what happens, and gives all metrics as text."""

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        self._gauges = Gauges()
        self._orgs: set[str] = set()
        self._known_kinds = frozenset(_kinds())
        self._fresh: dict[tuple[str, str, str], int] = {}  # bytes counted of each file under way
        self._registry.register(self._gauges)
        ProcessCollector(registry=self._registry)
        build = {"version": version, "python": platform.python_version()}
        Info("backupd_build", "The running program.", registry=self._registry).info(build)
        self._cycles = self._counter("cycles", "Cycles that ended.", "org", "result")
        self._cycle_seconds = self._summary("cycle_duration_seconds", "How long cycles took.", "org")
        published = self._counter("published_snapshots", "Snapshots published or added to.", "org")
        missed = self._counter("missed_jobs", "Jobs whose links expired before they were archived.", "org")
        self._scrubbed = self._counter("scrubbed_bytes", "Archived bytes that were read again.", "org")
        damaged = self._counter("damaged_files", "Archived files found damaged.", "org")
        healed = self._counter("healed_snapshots", "Snapshots whose damaged files were replaced.", "org")
        dropped = self._counter("dropped_snapshots", "Snapshots that a rule let go.", "org")
        self._files = self._counter("files", "Files whose download ended.", "org", "kind", "outcome")
        self._file_seconds = self._summary("file_duration_seconds", "How long whole files took.", "org", "kind")
        self._received = self._counter("received_bytes", "Bytes received from file servers.", "org")
        self._resumed = self._counter("resumed_bytes", "Bytes that were not fetched again.", "org")
        self._retries = self._counter("retries", "Tries that had to be repeated.", "org", "what")
        self._errors = self._counter("errors", "Failures, by kind.", "org", "kind")
        renewals = self._counter("token_renewals", "Access tokens that were fetched.", "org")
        throttles = self._counter("token_throttles", "Times the vendor refused a token for a while.", "org")
        self._pauses = self._counter("paused_seconds", "Pauses that file servers asked for.")
        self._once: Mapping[type[events.Event], Counter] = {
            events.JobPublished: published,
            events.JobRevised: published,
            events.JobWasMissed: missed,
            events.FileDamaged: damaged,
            events.SnapshotHealed: healed,
            events.SnapshotDropped: dropped,
            events.TokenRenewed: renewals,
            events.TokenPaused: throttles,
        }

    def exposition(self, found: Overview | None) -> bytes:
        """Give all metrics as text; how things stand is left away if it could not be found out."""
        self._gauges.show(found)
        if found is not None:
            self._begin_at_zero({org.org for org in found.orgs if org.configured})
        return generate_latest(self._registry)

    def _begin_at_zero(self, orgs: set[str]) -> None:
        """Have each org counted from 0 on, for from nothing to 1 is no increase to Prometheus; forget those gone."""
        for counter in self._once.values():
            for org in orgs:
                counter.labels(org)
            for org in self._orgs - orgs:
                counter.remove(org)
        self._orgs = orgs

    def __call__(self, event: events.Event) -> None:
        """Count what happened."""
        once = self._once.get(type(event))
        if once is not None:
            once.labels(event.org).inc()  # type: ignore[attr-defined]  # every event in this table has an org
        match event:
            case events.CycleFinished():
                self._cycles.labels(event.org, self._word(event.result)).inc()
                self._cycle_seconds.labels(event.org).observe(event.seconds)
                self._forget(event.org)
            case events.CycleFailed():
                self._cycles.labels(event.org, self._word(event.kind)).inc()
                self._errors.labels(event.org, self._kind(event.kind)).inc()
                self._forget(event.org)
            case events.StepFailed() | events.ChoreFailed():
                self._errors.labels(event.org, self._kind(event.kind)).inc()
            case events.CallRetrying():
                self._retries.labels(event.org, "call").inc()
            case events.DownloadsPaused():
                self._pauses.inc(event.seconds)
            case events.ScrubFinished():
                self._scrubbed.labels(event.org).inc(event.size)
            case _:
                self._count_file(event)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"backupd_{name}", text, labels, registry=self._registry)

    def _summary(self, name: str, text: str, *labels: str) -> Summary:
        return Summary(f"backupd_{name}", text, labels, registry=self._registry)

    def _count_file(self, event: events.Event) -> None:
        match event:
            case events.FileProgress():
                self._receive((event.org, event.job_id, event.file), event.received - event.resumed)
            case events.FileVerified():
                self._receive((event.org, event.job_id, event.file), event.size - event.resumed)
                self._resumed.labels(event.org).inc(event.resumed)
                self._file_seconds.labels(event.org, _file_kind(event.file)).observe(event.seconds)
                self._end(event, "verified")
            case events.FileRejected():
                self._end(event, "rejected")
            case events.FileFailed():
                self._errors.labels(event.org, self._kind(event.kind)).inc()
                self._end(event, "failed")
            case events.FileRetrying():
                self._retries.labels(event.org, "file").inc()
            case events.FileRestarted():
                self._fresh.pop((event.org, event.job_id, event.file), None)
            case _:
                pass

    def _receive(self, key: tuple[str, str, str], fresh: int) -> None:
        counted = self._fresh.get(key, 0)
        if fresh > counted:
            self._received.labels(key[0]).inc(fresh - counted)
            self._fresh[key] = fresh

    def _end(self, event: events.FileVerified | events.FileRejected | events.FileFailed, outcome: str) -> None:
        self._fresh.pop((event.org, event.job_id, event.file), None)
        self._files.labels(event.org, _file_kind(event.file), outcome).inc()

    def _forget(self, org: str) -> None:
        for key in [key for key in self._fresh if key[0] == org]:
            del self._fresh[key]

    def _word(self, result: str) -> str:
        return result if result in {"archived", "nothing_new"} else self._kind(result)

    def _kind(self, kind: str) -> str:
        return kind if kind in self._known_kinds else _OTHER


def _file_kind(file: str) -> str:
    kind = file.partition("/")[0]
    return kind if kind in set(Kind) else _OTHER
