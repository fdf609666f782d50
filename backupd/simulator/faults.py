"""What goes wrong now and then: a rule says at which requests, an effect says what happens.

A rule counts: it lets `skip` matching requests pass, then acts on `times` of them, or on all that follow (`always`), or
on all for a while (`lasting`). The first rule that acts on a request wins. In a scenario or over the control interface
a rule is one flat table: `{do = "drop", after = 4000, file = "Data_001.zip", times = 1}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Literal

from backupd.simulator.effects import EFFECTS, Effect
from backupd.simulator.reading import ScenarioError, read

Operation = Literal["details", "urls", "history", "schedule", "cancel", "token", "download", "api", "*"]


@dataclass(frozen=True, slots=True)
class Rule:
    """At which requests a fault acts."""

    on: Operation = "download"
    file: str = "*"  # a pattern over the file's name, for downloads
    kind: Literal["data", "attachments"] | None = None
    times: int = 1
    skip: int = 0
    always: bool = False  # whatever `times` says
    lasting: timedelta | None = None  # counted from the first request it acts on; whatever `times` says

    def matches(self, operation: str, file: str, kind: str) -> bool:
        """Say whether the rule is about such a request."""
        named = self.on in ("*", operation) or (self.on == "api" and operation not in ("token", "download"))
        return named and fnmatchcase(file, self.file) and self.kind in (None, kind)


@dataclass(frozen=True, slots=True)
class Fault:
    """An effect and the rule for it."""

    effect: Effect
    rule: Rule = Rule()


def read_fault(value: object, where: str) -> Fault:
    """Make a fault out of one flat table, or raise ScenarioError."""
    if not isinstance(value, Mapping):
        raise ScenarioError(f'{where}: a table with a key "do" is wanted here')
    table = dict(value)
    name = table.pop("do", None)
    if name not in EFFECTS:
        raise ScenarioError(f"{where}.do: {name!r} is not known; use one of " + ", ".join(sorted(EFFECTS)))
    rule_keys = {field.name for field in fields(Rule)}
    rule = read(Rule, {key: item for key, item in table.items() if key in rule_keys}, where)
    effect = read(EFFECTS[name], {key: item for key, item in table.items() if key not in rule_keys}, where)
    return Fault(effect, rule)


@dataclass(slots=True)
class _Standing:
    """A fault and how often it has been met."""

    fault: Fault
    met: int = 0
    since: datetime | None = None

    def acts(self, now: datetime) -> bool:
        """Count one more request, and say whether the fault acts on it."""
        rule, self.met = self.fault.rule, self.met + 1
        if self.met <= rule.skip:
            return False
        self.since = self.since or now
        if rule.lasting is not None:
            return now < self.since + rule.lasting
        return rule.always or self.met <= rule.skip + rule.times


class FaultBook:
    """The faults of one organisation."""

    def __init__(self, faults: tuple[Fault, ...] = ()) -> None:
        """Start with these."""
        self._standing = [_Standing(fault) for fault in faults]

    def add(self, fault: Fault) -> None:
        """Let one more fault act from now on."""
        self._standing.append(_Standing(fault))

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self._standing.clear()

    def meet(self, operation: str, now: datetime, *, file: str = "", kind: str = "") -> Effect | None:
        """Count a request against the rules and give what is to go wrong with it."""
        for standing in self._standing:
            if standing.fault.rule.matches(operation, file, kind) and standing.acts(now):
                return standing.fault.effect
        return None
