"""Alarms about damage, rung where it is found: whether or not cycles run for the org."""

from datetime import datetime

from backupd.bell import Bell
from backupd.catalog import Catalog
from backupd.core.alarms import Change, judge
from backupd.core.clock import Clock
from backupd.core.conditions import Condition
from backupd.core.events import Tell
from backupd.core.observation import damage_found
from backupd.core.ports import Journal

_LOOKED = frozenset({str(Condition.DAMAGED)})


async def alarm_changes(org: str, catalog: Catalog, now: datetime) -> tuple[Change, ...]:
    """Say what is to be told about damage by now."""
    findings = damage_found(await catalog.watched.damaged(org), now)
    return judge(await catalog.watched.alarms(org), findings, looked=_LOOKED, now=now)


async def ring(org: str, journal: Journal, catalog: Catalog, clock: Clock, tell: Tell) -> None:
    """Tell what is damaged, as a cycle's watch does. Call under the org's lock. Raises ArchiveError."""
    findings = damage_found(await catalog.watched.damaged(org), clock.now())
    await Bell(org, journal, catalog, clock, tell).ring(findings, looked=_LOOKED)
