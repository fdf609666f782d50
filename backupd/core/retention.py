"""Which snapshots stay: a pure judgement over one org's snapshots, with the reasons for each.

Each rule stands alone, and a snapshot stays if one of them keeps it; without any rule, all stay. Periods are those of
UTC, by when the backup was taken; `keep_within` counts back from the newest sound snapshot, so that nothing goes only
because new backups stopped. Only a sound snapshot (all files, last check passed) uses up a rule's number: one that is
partial, damaged or could not be read never takes the place of a sound one, but is kept beside it. Deletes nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from backupd.core.model import JobId
from backupd.core.times import to_text

_YOUNG = timedelta(days=7)  # until then its links may live, and nobody has had time to look at it
_SKEW = timedelta(hours=1)
_NEWEST = 3  # damage among so many of the newest snapshots stops all pruning


@dataclass(frozen=True, slots=True)
class Rules:
    """One org's rules; None: no such rule. Raises ValueError for a rule that would keep nothing."""

    keep_last: int | None = None
    keep_daily: int | None = None
    keep_weekly: int | None = None
    keep_monthly: int | None = None
    keep_yearly: int | None = None
    keep_within: timedelta | None = None

    def __post_init__(self) -> None:
        for rule in fields(self):
            value = getattr(self, rule.name)
            if value is not None and value <= (timedelta(0) if rule.name == "keep_within" else 0):
                message = f"{rule.name} would keep nothing"
                raise ValueError(message)

    @property
    def is_empty(self) -> bool:
        """Whether there is no rule at all, so that everything stays."""
        return all(getattr(self, rule.name) is None for rule in fields(self))


@dataclass(frozen=True, slots=True)
class Standing:
    """A snapshot as it stands in the archive."""

    path: PurePosixPath
    job: JobId
    taken_at: datetime
    archived_at: datetime
    verified: bool | None  # the last check, publishing's own included; None: it could not be read
    partial: bool
    size: int  # bytes

    @property
    def is_sound(self) -> bool:
        """Whether it holds every file of its job and was found whole."""
        return self.verified is True and not self.partial


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a snapshot stays or goes: `rule` is a stable word, `text` is for people."""

    rule: str
    text: str


@dataclass(frozen=True, slots=True)
class Keep:
    """The snapshot stays, for each of these reasons."""

    snapshot: Standing
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Drop:
    """The snapshot goes: each rule says why it does not keep it."""

    snapshot: Standing
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Pruning:
    """What is to be done with every snapshot, newest first. After a refusal nothing is dropped."""

    verdicts: tuple[Keep | Drop, ...]
    refusal: Reason | None = None

    @property
    def drops(self) -> tuple[Drop, ...]:
        """What goes, oldest first: a pruning that is interrupted has then dropped what is least missed."""
        return tuple(verdict for verdict in reversed(self.verdicts) if isinstance(verdict, Drop))


def judge(
    snapshots: Iterable[Standing],
    rules: Rules,
    *,
    holds: Mapping[JobId, str],
    now: datetime,
    skew: timedelta | None,
) -> Pruning:
    """Judge one org's snapshots. `holds`: each held job's reason; `skew`: our clock less the vendor's, if known."""
    ordered = sorted(snapshots, key=_newest_first, reverse=True)
    keepers = [_Keeper("held", "", lambda each: f"it is held: {holds[each.job]}" if each.job in holds else None)]
    if rules.is_empty:
        everything = _Keeper("no_rule", "", lambda _: "there is no retention rule")
        return Pruning(tuple(_verdicts(ordered, [*keepers, everything])))
    refusal = _refusal(ordered, now, skew)
    if refusal is not None:
        everything = _Keeper(refusal.rule, "", lambda _: refusal.text)
        return Pruning(tuple(_verdicts(ordered, [*keepers, everything])), refusal)
    keepers.extend(_guards(ordered, now))
    keepers.extend(_rules(ordered, rules))
    return Pruning(tuple(_verdicts(ordered, keepers)))


@dataclass(frozen=True, slots=True)
class _Keeper:
    """What may keep a snapshot: why it does, or (said of each that goes) why not; empty: not worth saying."""

    name: str
    why_not: str
    why: Callable[[Standing], str | None]


def _verdicts(ordered: Sequence[Standing], keepers: Sequence[_Keeper]) -> Iterator[Keep | Drop]:
    against = tuple(Reason(keeper.name, keeper.why_not) for keeper in keepers if keeper.why_not)
    for each in ordered:
        reasons = tuple(Reason(keeper.name, text) for keeper in keepers if (text := keeper.why(each)) is not None)
        yield Keep(each, reasons) if reasons else Drop(each, against)


def _newest_first(snapshot: Standing) -> tuple[datetime, datetime, str]:
    return snapshot.taken_at, snapshot.archived_at, str(snapshot.path)


def _refusal(ordered: Sequence[Standing], now: datetime, skew: timedelta | None) -> Reason | None:
    """Say why nothing may be pruned now, whatever the rules are."""
    newest = max((max(each.taken_at, each.archived_at) for each in ordered), default=now)
    if now < newest:
        return Reason("clock", f"the clock is behind the newest snapshot ({to_text(newest)}): nothing is dropped")
    if skew is not None and abs(skew) > _SKEW:
        return Reason("clock", "the clock is more than an hour off the vendor's: nothing is dropped")
    damaged = [each for each in ordered[:_NEWEST] if each.verified is False]
    if damaged:
        return Reason("damage", f"{damaged[0].path}, one of the newest, is damaged: nothing is dropped")
    if not any(each.is_sound for each in ordered):
        return Reason("damage", "no snapshot is known to be whole: nothing is dropped")
    return None


def _guards(ordered: Sequence[Standing], now: datetime) -> tuple[_Keeper, ...]:
    """What no rule can drop."""
    last = next(each for each in ordered if each.is_sound)
    young = "it is younger than 7 days"
    return (
        _Keeper(
            "last_verified", "", lambda each: "it is the newest that is known to be whole" if each is last else None
        ),
        _Keeper("young", "", lambda each: young if now - max(each.taken_at, each.archived_at) < _YOUNG else None),
    )


def _rules(ordered: Sequence[Standing], rules: Rules) -> Iterator[_Keeper]:
    for name, count, unit, period in (
        ("keep_last", rules.keep_last, "", _itself),
        ("keep_daily", rules.keep_daily, "day", _day),
        ("keep_weekly", rules.keep_weekly, "week", _week),
        ("keep_monthly", rules.keep_monthly, "month", _month),
        ("keep_yearly", rules.keep_yearly, "year", _year),
    ):
        if count is not None:
            yield _counted(name, _chosen(ordered, count, period), count, unit)
    if rules.keep_within is not None:
        since = next(each for each in ordered if each.is_sound).taken_at - rules.keep_within
        text, why_not = f"it was taken since {to_text(since)}", f"it was taken before {to_text(since)}"
        yield _Keeper("keep_within", why_not, lambda each: text if each.taken_at >= since else None)


def _counted(name: str, chosen: Mapping[PurePosixPath, str], count: int, unit: str) -> _Keeper:
    if not unit:
        text = f"it is one of the newest {count}"
        return _Keeper(name, f"it is not one of the newest {count}", lambda each: text if each.path in chosen else None)
    why_not = f"it is not the newest of one of the last {count} {unit}s that have one"
    return _Keeper(name, why_not, lambda each: _newest_of(chosen.get(each.path)))


def _newest_of(period: str | None) -> str | None:
    return None if period is None else f"it is the newest of {period}"


def _chosen(ordered: Sequence[Standing], count: int, period: Callable[[Standing], str]) -> Mapping[PurePosixPath, str]:
    """Choose one snapshot of each period, by path, until `count` sound ones are chosen; a sound one wins its period."""
    best: dict[str, Standing] = {}
    for each in ordered:
        name = period(each)
        if name not in best or (each.is_sound and not best[name].is_sound):
            best[name] = each
    chosen: dict[PurePosixPath, str] = {}
    for name, each in best.items():  # newest first, as they came
        if count == 0:
            break
        chosen[each.path] = name
        count -= each.is_sound
    return chosen


def _itself(snapshot: Standing) -> str:
    return str(snapshot.path)


def _day(snapshot: Standing) -> str:
    return f"{snapshot.taken_at.astimezone(UTC):%Y-%m-%d}"


def _week(snapshot: Standing) -> str:
    return f"{snapshot.taken_at.astimezone(UTC):%G-W%V}"


def _month(snapshot: Standing) -> str:
    return f"{snapshot.taken_at.astimezone(UTC):%Y-%m}"


def _year(snapshot: Standing) -> str:
    return f"{snapshot.taken_at.astimezone(UTC):%Y}"
