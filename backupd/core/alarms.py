"""Alarms: told at once, told again at most once a day, told when they clear; a pure state machine.

`core.conditions` says what is wrong now (findings); `judge` compares that with the alarms that stand and returns what
to tell, each as a fact for the journal. `after` folds those facts back into the alarms, so that the journal is the
state: it survives restarts, and a run from cron goes on where the last one stopped.

An alarm that comes back within a day of clearing is unsteady: from then on it is looked at once a day only, and told
again or cleared then. So one condition that comes and goes all the time is told three times a day at most.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from backupd.core.conditions import Finding
from backupd.core.facts import AlarmAcknowledged, AlarmCleared, AlarmRaised, AlarmTold, Fact

_DAY = timedelta(days=1)

Change = AlarmRaised | AlarmTold | AlarmCleared
"""What to tell, and to write into the journal."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm that stands, or (`cleared_at`) that cleared not long ago."""

    finding: Finding  # as it was last told
    raised_at: datetime
    told_at: datetime
    unsteady: bool = False
    acknowledged: bool = False  # not told again, but when it gets worse or clears
    cleared_at: datetime | None = None

    @property
    def stands(self) -> bool:
        """Whether it has not cleared."""
        return self.cleared_at is None


Alarms = Mapping[str, Alarm]
"""The alarms of one org, by key."""


def judge(
    alarms: Alarms,
    findings: Iterable[Finding],
    *,
    looked: AbstractSet[str],
    now: datetime,
    over: AbstractSet[str] = frozenset(),
) -> tuple[Change, ...]:
    """Return what changed, to be written down and told; `after` gives the new alarms.

    An alarm clears only if its condition is among those `looked` at: what could not be seen is not known to be over.
    `over` are the keys of alarms that are known to be over for good: these clear at once, and wait for no person.
    What one call returns belongs into one message.
    """
    present = {finding.key: finding for finding in findings}
    changes: list[Change] = []
    for key, finding in present.items():
        changes.extend(_while_present(alarms.get(key), finding, now))
    for key, alarm in alarms.items():
        if key in over and key not in present and alarm.stands:
            changes.append(AlarmCleared(key))
        elif key not in present and alarm.finding.condition in looked:
            changes.extend(_while_absent(alarm, now))
    return tuple(changes)


def acknowledge(alarms: Alarms, key: str) -> AlarmAcknowledged | None:
    """Return the fact that a person knows of an alarm; None if no such alarm stands, or it is known already."""
    alarm = alarms.get(key)
    return AlarmAcknowledged(key) if alarm is not None and alarm.stands and not alarm.acknowledged else None


def after(alarms: Alarms, facts: Iterable[tuple[datetime, Fact | None]]) -> Alarms:
    """Return the alarms as they are after more facts of the journal, each with its time; other facts change nothing."""
    folded = dict(alarms)
    latest = None
    for latest, fact in facts:
        if isinstance(fact, AlarmRaised | AlarmTold | AlarmCleared | AlarmAcknowledged):
            _fold(folded, fact, latest)
    if latest is None:
        return alarms
    return {key: alarm for key, alarm in folded.items() if alarm.stands or _within_a_day(alarm.cleared_at, latest)}


def _while_present(alarm: Alarm | None, finding: Finding, now: datetime) -> Iterator[Change]:
    if alarm is None or not alarm.stands:
        yield AlarmRaised(finding.key, str(finding.condition), finding.text, finding.extent, finding.stays)
    elif _is_worse(finding, alarm.finding) or not (alarm.acknowledged or _within_a_day(alarm.told_at, now)):
        yield AlarmTold(finding.key, finding.text, finding.extent, finding.stays)


def _while_absent(alarm: Alarm, now: datetime) -> Iterator[Change]:
    waits_for_a_person = alarm.finding.stays and not alarm.acknowledged
    if not alarm.stands or (alarm.unsteady and _within_a_day(alarm.told_at, now)):
        return
    if not waits_for_a_person:
        yield AlarmCleared(alarm.finding.key)
    elif not _within_a_day(alarm.told_at, now):
        yield AlarmTold(alarm.finding.key, alarm.finding.text, alarm.finding.extent, alarm.finding.stays)


def _fold(
    alarms: dict[str, Alarm], fact: AlarmRaised | AlarmTold | AlarmCleared | AlarmAcknowledged, at: datetime
) -> None:
    before = alarms.get(fact.key)
    if isinstance(fact, AlarmRaised):
        finding = Finding(fact.key, fact.condition, fact.text, fact.extent, fact.stays)
        unsteady = before is not None and _within_a_day(before.cleared_at, at)
        alarms[fact.key] = Alarm(finding, at, at, unsteady=unsteady)
    elif before is not None and before.stands:
        alarms[fact.key] = _changed(before, fact, at)


def _changed(alarm: Alarm, fact: AlarmTold | AlarmCleared | AlarmAcknowledged, at: datetime) -> Alarm:
    match fact:
        case AlarmTold():
            finding = replace(alarm.finding, text=fact.text, extent=fact.extent, stays=fact.stays)
            known = alarm.acknowledged and not _is_worse(finding, alarm.finding)
            return replace(alarm, finding=finding, told_at=at, acknowledged=known)
        case AlarmCleared():
            return replace(alarm, cleared_at=at)
        case AlarmAcknowledged():
            return replace(alarm, acknowledged=True)
        case _:
            assert_never(fact)


def _is_worse(finding: Finding, before: Finding) -> bool:
    return finding.extent > before.extent or (finding.stays and not before.stays)


def _within_a_day(then: datetime | None, now: datetime) -> bool:
    """Tell whether `then` is less than a day ago; what lies ahead, because the clock was set back, is not."""
    return then is not None and then <= now < then + _DAY
