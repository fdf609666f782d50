"""How a cycle ended, as a value: for the exit status, the log and whoever judges how an org is."""

from dataclasses import dataclass

from backupd.core.errors import BackupdError
from backupd.core.exits import Exit, worst
from backupd.core.records import PublishedSnapshot


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was published, and every failure on the way. Success means: no failure at all."""

    published: tuple[PublishedSnapshot, ...]
    problems: tuple[BackupdError, ...]

    @property
    def exit_status(self) -> Exit:
        """The status that stands for all failures."""
        return worst(problem.exit_status for problem in self.problems)

    @property
    def result(self) -> str:
        """One word: `archived`, `nothing_new`, or the kind of the failure that counts most."""
        kinds = [problem.kind for problem in self.problems if problem.exit_status == self.exit_status]
        return kinds[0] if kinds else "archived" if self.published else "nothing_new"
