"""What goes wrong now and then: a rule says at which requests, an effect says what happens.

A rule counts: it lets `skip` matching requests pass, then acts on `times` of them, or on all that follow (`always`).
The first rule that acts on a request wins. In a scenario or over the control interface a rule is one flat table:
`{do = "drop", after = 4000, file = "Data_001.zip", times = 1}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any, Literal

from backupd.simulator.reading import ScenarioError, read

Operation = Literal["details", "urls", "history", "schedule", "cancel", "token", "download", "api", "*"]


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer with an error instead of doing what was asked."""

    status: int = 500
    code: str = "INTERNAL_ERROR"
    message: str = "Internal Server Error"
    form: Literal["flat", "wrapped", "html", "empty", "oauth"] = "flat"
    reason: str | None = None  # the HTTP reason phrase, where the file server puts its codes
    retry_after: timedelta | None = None
    retry_after_in: Literal["header", "details", "neither"] = "header"
    www_authenticate: str | None = None


@dataclass(frozen=True, slots=True)
class Revoke:
    """End every live access token of the organisation just before this request is looked at."""


@dataclass(frozen=True, slots=True)
class Hang:
    """Do not answer for so long, or never."""

    seconds: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Lists:
    """Write both lists of links so, whatever they hold."""

    form: Literal["null", "missing", "empty"] = "null"


@dataclass(frozen=True, slots=True)
class Drop:
    """End the connection after so many bytes of this answer's body: orderly, or with a reset that may lose some."""

    after: int
    how: Literal["close", "reset"] = "close"


@dataclass(frozen=True, slots=True)
class Stall:
    """Send so many bytes of the body, then nothing for so long, or until the client goes away."""

    after: int
    seconds: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Trickle:
    """Send the body in pieces of `piece` bytes with a pause after each."""

    piece: int = 1000
    pause: timedelta = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Flip:
    """Turn over one bit of the byte at this offset of the file; a negative one counts from the end."""

    offset: int
    bit: int = 0


@dataclass(frozen=True, slots=True)
class Shorten:
    """Serve the file without its last bytes, all headers agreeing with that."""

    by: int


@dataclass(frozen=True, slots=True)
class Lengthen:
    """Serve the file with bytes after its end, all headers agreeing with that."""

    by: int


@dataclass(frozen=True, slots=True)
class Misstate:
    """Announce a Content-Length that is off by so much: more than is sent, or (negative) less than is sent."""

    by: int


@dataclass(frozen=True, slots=True)
class Instead:
    """Serve something else as the file, with status 200."""

    what: Literal["html", "json", "empty-zip", "nothing"] = "html"


@dataclass(frozen=True, slots=True)
class Serve:
    """Serve the file in another way: the fields of `Serving`; None leaves one as it is."""

    range: Literal["206", "ignored", "200-with-content-range", "416", "wrong-content-range", "other-range"] | None = (
        None
    )
    etag: Literal["strong", "weak", "changing", "none"] | None = None
    last_modified: Literal["yes", "changing", "none"] | None = None
    length: bool | None = None
    accept_ranges: bool | None = None
    gzip: bool | None = None
    redirect: str | None = None
    redirect_status: Literal[301, 302, 303, 307, 308] | None = None


Effect = (
    Refuse | Revoke | Hang | Lists | Drop | Stall | Trickle | Flip | Shorten | Lengthen | Misstate | Instead | Serve
)
EFFECTS: dict[str, type[Any]] = {kind.__name__.lower(): kind for kind in Effect.__args__}


@dataclass(frozen=True, slots=True)
class Rule:
    """At which requests a fault acts."""

    on: Operation = "download"
    file: str = "*"  # a pattern over the file's name, for downloads
    kind: Literal["data", "attachments"] | None = None
    times: int = 1
    skip: int = 0
    always: bool = False  # whatever `times` says

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


class FaultBook:
    """The faults of one organisation, and how often each has been met."""

    def __init__(self, faults: tuple[Fault, ...] = ()) -> None:
        """Start with these."""
        self._faults = list(faults)
        self._met = [0] * len(self._faults)

    def add(self, fault: Fault) -> None:
        """Let one more fault act from now on."""
        self._faults.append(fault)
        self._met.append(0)

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self._faults.clear()
        self._met.clear()

    def meet(self, operation: str, *, file: str = "", kind: str = "") -> Effect | None:
        """Count a request against the rules and give what is to go wrong with it."""
        for index, fault in enumerate(self._faults):
            rule = fault.rule
            if not rule.matches(operation, file, kind):
                continue
            self._met[index] += 1
            spent = not rule.always and self._met[index] > rule.skip + rule.times
            if self._met[index] > rule.skip and not spent:
                return fault.effect
        return None
