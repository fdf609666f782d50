"""Rings an org's alarms: what `core.alarms` decides is told, and then written into the journal.

In that order, so that what is broken off in between is told twice, and not never: the messages hold a second one back.

Used by `watch` after each cycle, by `upkeep` after each scrub, and by `backupd reconcile`. Under the org's lock only.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import assert_never

from backupd.core import events
from backupd.core.alarms import Alarms, Change, judge
from backupd.core.clock import Clock
from backupd.core.conditions import Finding, advice
from backupd.core.facts import AlarmCleared, AlarmRaised, AlarmTold
from backupd.core.ports import Catalog, Journal


@dataclass(frozen=True, slots=True)
class Bell:
    """The alarms of one org."""

    org: str
    journal: Journal
    catalog: Catalog
    clock: Clock
    tell: events.Tell

    async def ring(
        self, findings: Iterable[Finding], *, looked: AbstractSet[str], over: AbstractSet[str] = frozenset()
    ) -> None:
        """Tell at once what is new or worse, again what stands for a day, and what is over. Raises ArchiveError."""
        standing = await self.catalog.watched.alarms(self.org)
        changes = judge(standing, findings, looked=looked, now=self.clock.now(), over=over)
        if changes:
            for change in changes:
                self.tell(self._event(change, standing))
            await self.catalog.record(self.org, await self.journal.append(*changes))

    def _event(self, change: Change, standing: Alarms) -> events.Event:
        match change:
            case AlarmRaised(key, condition, text, extent):
                return events.AlarmWasRaised(self.org, key, condition, text, advice(condition), extent)
            case AlarmTold(key, text, extent):
                condition = str(standing[key].finding.condition)
                return events.AlarmWasRepeated(self.org, key, condition, text, advice(condition), extent)
            case AlarmCleared(key):
                finding = standing[key].finding
                return events.AlarmWasCleared(self.org, key, str(finding.condition), finding.text)
            case _:
                assert_never(change)
