"""How things stand, as metrics: read off the overview when it is asked for, so nothing outlives what it tells of."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from backupd.core.overview import OrgStatus, Overview, State

_Value = Callable[[OrgStatus, datetime], float | None]


def _instant(at: datetime | None) -> float | None:
    return at.timestamp() if at else None


@dataclass(frozen=True, slots=True)
class _Gauge:
    """A metric with one value for each org; None: it has none."""

    name: str
    text: str
    value: _Value


_OF_ORGS = (
    _Gauge(
        "backupd_protected",
        "1 if nobody needs to do anything for this org, else 0.",
        lambda org, now: float(org.judge(now).state.is_safe),
    ),
    _Gauge(
        "backupd_last_success_timestamp_seconds",
        "When a poll last succeeded in everything.",
        lambda org, _: _instant(org.pulse.last_success_at),
    ),
    _Gauge(
        "backupd_failing_since_timestamp_seconds",
        "The first failed poll after the last good one.",
        lambda org, _: _instant(org.pulse.failing_since),
    ),
    _Gauge(
        "backupd_next_poll_timestamp_seconds",
        "When the daemon asks the vendor next.",
        lambda org, _: _instant(org.next_poll),
    ),
    _Gauge(
        "backupd_last_snapshot_timestamp_seconds",
        "When the newest archived backup was taken.",
        lambda org, _: _instant(org.newest.taken.at) if org.newest else None,
    ),
    _Gauge(
        "backupd_last_verified_timestamp_seconds",
        "When the newest snapshot was last read and checked.",
        lambda org, _: _instant(org.last_verified_at),
    ),
    _Gauge(
        "backupd_job_expiry_timestamp_seconds",
        "When the first links die that are not archived yet.",
        lambda org, _: _instant(org.next_expiry),
    ),
    _Gauge(
        "backupd_unfinished_jobs",
        "Jobs that are not archived in full.",
        lambda org, _: float(len(org.under_way)),
    ),
    _Gauge(
        "backupd_unfinished_files",
        "Files of these jobs that are not whole yet.",
        lambda org, _: float(sum(len(job.missing) for job in org.under_way)),
    ),
    _Gauge(
        "backupd_snapshots",
        "Snapshots in the archive.",
        lambda org, _: float(org.totals.snapshots if org.totals else 0),
    ),
    _Gauge(
        "backupd_archive_files", "Zips in the archive.", lambda org, _: float(org.totals.files if org.totals else 0)
    ),
    _Gauge("backupd_archive_bytes", "Bytes of these zips.", lambda org, _: float(org.totals.size if org.totals else 0)),
    _Gauge(
        "backupd_damaged_snapshots",
        "Snapshots with known damage.",
        lambda org, _: float(org.totals.damaged if org.totals else 0),
    ),
)


class Gauges(Collector):
    """Gives the overview that it was last shown."""

    def __init__(self) -> None:
        self._found: Overview | None = None

    def show(self, found: Overview | None) -> None:
        """Tell this from now on."""
        self._found = found

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Say which metrics there are, without values."""
        yield from (GaugeMetricFamily(gauge.name, gauge.text, labels=("org",)) for gauge in _OF_ORGS)
        yield _states(None)
        yield _alarms(None)
        yield from _of_all(None)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give all values."""
        found = self._found
        if found is None:
            return
        for gauge in _OF_ORGS:
            yield _family(gauge, found)
        yield _states(found)
        yield _alarms(found)
        yield from _of_all(found)


def _family(gauge: _Gauge, found: Overview) -> GaugeMetricFamily:
    family = GaugeMetricFamily(gauge.name, gauge.text, labels=("org",))
    for org in _told(found):
        value = gauge.value(org, found.now)
        if value is not None:
            family.add_metric((org.org,), value)
    return family


def _states(found: Overview | None) -> GaugeMetricFamily:
    family = GaugeMetricFamily("backupd_state", "1 for the state that the org is in.", labels=("org", "state"))
    for org in _told(found):
        state = org.judge(found.now).state if found else None
        for each in State:
            family.add_metric((org.org, str(each)), float(each is state))
    return family


def _alarms(found: Overview | None) -> GaugeMetricFamily:
    family = GaugeMetricFamily("backupd_alarms", "Alarms that stand.", labels=("org", "condition"))
    for org in _told(found):
        for condition, count in Counter(str(a.finding.condition) for a in org.alarms if a.stands).items():
            family.add_metric((org.org, condition), float(count))
    return family


def _of_all(found: Overview | None) -> Iterator[GaugeMetricFamily]:
    free, every = found.free if found else None, found.every.total_seconds() if found else None
    yield GaugeMetricFamily("backupd_archive_free_bytes", "Bytes free on the archive's disk.", value=free)
    yield GaugeMetricFamily("backupd_poll_interval_seconds", "Time between two polls, as set.", value=every)


def _told(found: Overview | None) -> tuple[OrgStatus, ...]:
    """Leave out orgs that only lie in the archive: nobody polls them, and none of their alarms would ever end."""
    return tuple(org for org in found.orgs if org.configured) if found else ()
