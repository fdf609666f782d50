"""Who looks after the archive: gives the pruner and the scrubber of an org, and the chores of the daemon."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from backupd.archive import Archive
from backupd.catalog import Catalog
from backupd.core.clock import Clock
from backupd.core.events import Tell
from backupd.core.ports import Journal
from backupd.upkeep.chores import Chore
from backupd.upkeep.pruning import Pruner
from backupd.upkeep.scrubbing import Scrubber
from backupd.upkeep.terms import Terms
from backupd.verify import FileReading
from backupd.verify.apart import read_apart

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_AFTER_START = timedelta(minutes=5)  # the first cycles come first

Skew = Callable[[], timedelta | None]


def unknown() -> timedelta | None:
    """Say that the vendor's clock was not seen."""
    return None


@dataclass(frozen=True, slots=True)
class Caretaker:
    """Looks after one archive."""

    root: Path
    archive: Archive
    catalog: Catalog
    open_records: Callable[[str], Awaitable[tuple[Journal, Catalog]]]  # of an org; called under its lock
    clock: Clock
    tell: Tell

    def pruner(self, org: str, terms: Terms, skew: Skew = unknown) -> Pruner:
        """Give who prunes an org."""
        return Pruner(
            org,
            terms.rules,
            terms.trash_for,
            self.archive,
            lambda: self.open_records(org),
            self.clock,
            self.tell,
            skew,
        )

    def scrubber(self, org: str, terms: Terms) -> Scrubber:
        """Give who reads an org's files again."""

        async def read(path: Path, name: str) -> FileReading:
            return await read_apart(path, terms.limits, name=name)

        return Scrubber(
            org,
            self.root,
            terms.scrub_every,
            _HOUR,
            self.archive,
            self.catalog,
            lambda: self.open_records(org),
            read,
            self.clock,
            self.tell,
        )

    def chores(self, org: str, terms: Terms, skew: Skew, *, pruned: bool) -> Iterator[Chore]:
        """Give what the daemon does for an org beside the cycles. Not `pruned`: nothing of it is dropped."""
        if pruned:
            yield Chore("prune", org, _AFTER_START, _DAY, self.pruner(org, terms, skew).run)
        yield Chore("scrub", org, 2 * _AFTER_START, _HOUR, self.scrubber(org, terms).run)
