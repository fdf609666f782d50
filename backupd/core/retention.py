"""Which snapshots stay: a pure judgement over one org's snapshots, with the reasons for each.

Each rule stands alone, and a snapshot stays if one of them keeps it; without any rule, all stay. Periods are those of
UTC, by when the backup was taken; `keep_within` counts back from the newest sound snapshot, so that nothing goes only
because new backups stopped. Only a sound snapshot (all files, last check passed) uses up a rule's number: one that is
partial, damaged or could not be read never takes the place of a sound one, but is kept beside it. Deletes nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from backupd.core.model import JobId
from backupd.core.times import to_text

_YOUNG = timedelta(days=7)  # until then its links may live, and nobody has had time to look at it
_SKEW = timedelta(hours=1)
_LONG_AGO = datetime(1, 1, 2, tzinfo=UTC)  # nothing is older, however long a rule is
_COUNTING = frozenset({"last_verified", "keep_last", "keep_daily", "keep_weekly", "keep_monthly", "keep_yearly"})
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


class Standing(NamedTuple):
    """A snapshot as it stands in the archive. There may be very many: a flat tuple, which sorts by age."""

    taken_at: datetime
    archived_at: datetime
    path: str  # relative to the archive root
    zgid: str
    job_id: str
    verified: bool | None  # the last check, publishing's own included; None: it could not be read
    partial: bool
    size: int  # bytes

    @property
    def job(self) -> JobId:
        """The job that it is of."""
        return JobId(self.zgid, self.job_id)

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

    @property
    def bearers(self) -> tuple[Standing, ...]:
        """The sound snapshots whose being there is why others may go: each uses up a rule's number. Newest first."""
        kept = [verdict for verdict in self.verdicts if isinstance(verdict, Keep) and verdict.snapshot.is_sound]
        return tuple(each.snapshot for each in kept if any(reason.rule in _COUNTING for reason in each.reasons))

    def refused(self, reason: Reason) -> "Pruning":
        """Give the pruning that drops nothing, for this reason."""
        return Pruning(tuple(Keep(each.snapshot, (*_held(each), reason)) for each in self.verdicts), reason)


def judge(
    snapshots: Iterable[Standing],
    rules: Rules,
    *,
    holds: Mapping[JobId, str],
    now: datetime,
    skew: timedelta | None,
) -> Pruning:
    """Judge one org's snapshots. `holds`: each held job's reason; `skew`: our clock less the vendor's, if known."""
    ordered = sorted(snapshots, reverse=True)
    held = {i: f"it is held: {holds[each.job]}" for i, each in enumerate(ordered) if each.job in holds} if holds else {}
    keepers = [_Keeper("held", "", held)]
    clock = _wrong_clock(ordered, now, skew)  # what lies in the trash stays then, too
    if clock is None and (rules.is_empty or not ordered):
        everything = _Keeper("no_rule", "", dict.fromkeys(range(len(ordered)), "there is no retention rule"))
        return Pruning(_verdicts(ordered, (*keepers, everything)))
    refusal = clock or _doubt(ordered)
    if refusal is not None:
        everything = _Keeper(refusal.rule, "", dict.fromkeys(range(len(ordered)), refusal.text))
        return Pruning(_verdicts(ordered, (*keepers, everything)), refusal)
    keepers.extend(_guards(ordered, now))
    keepers.extend(_rules(ordered, rules))
    return Pruning(_verdicts(ordered, keepers))


def _held(verdict: Keep | Drop) -> Iterator[Reason]:
    return (reason for reason in verdict.reasons if reason.rule == "held")


@dataclass(frozen=True, slots=True)
class _Keeper:
    """What keeps snapshots: which and why, by their index; and why not the others (empty: not worth saying)."""

    name: str
    why_not: str
    kept: Mapping[int, str]


def _verdicts(ordered: Sequence[Standing], keepers: Sequence[_Keeper]) -> tuple[Keep | Drop, ...]:
    reasons: dict[int, list[Reason]] = {}
    for keeper in keepers:
        for index, text in keeper.kept.items():
            reasons.setdefault(index, []).append(Reason(keeper.name, text))
    against = tuple(Reason(keeper.name, keeper.why_not) for keeper in keepers if keeper.why_not)
    return tuple(
        Keep(each, tuple(reasons[index])) if index in reasons else Drop(each, against)
        for index, each in enumerate(ordered)
    )


def _wrong_clock(ordered: Sequence[Standing], now: datetime, skew: timedelta | None) -> Reason | None:
    """Say why it cannot be told now how old anything is."""
    newest = max((each.archived_at for each in ordered), default=now)
    newest = max([newest, *(each.taken_at for each in ordered[:1])])
    if now < newest:
        return Reason("clock", f"the clock is behind the newest snapshot ({to_text(newest)}): nothing is dropped")
    if skew is not None and abs(skew) > _SKEW:
        return Reason("clock", "the clock is more than an hour off the vendor's: nothing is dropped")
    return None


def _doubt(ordered: Sequence[Standing]) -> Reason | None:
    """Say why nothing may be pruned now, whatever the rules are."""
    damaged = [each for each in ordered[:_NEWEST] if each.verified is False]
    if damaged:
        return Reason("damage", f"{damaged[0].path}, one of the newest, is damaged: nothing is dropped")
    if not any(each.is_sound for each in ordered):
        return Reason("damage", "no snapshot is known to be whole: nothing is dropped")
    return None


def _guards(ordered: Sequence[Standing], now: datetime) -> Iterator[_Keeper]:
    """Say what no rule can drop."""
    yield _Keeper("last_verified", "", {_last_sound(ordered): "it is the newest that is known to be whole"})
    born_after = now - _YOUNG
    young = [i for i, each in enumerate(ordered) if each.archived_at > born_after or each.taken_at > born_after]
    yield _Keeper("young", "", dict.fromkeys(young, "it is younger than 7 days"))


def _rules(ordered: Sequence[Standing], rules: Rules) -> Iterator[_Keeper]:
    if rules.keep_last is not None:
        chosen = _chosen(ordered, rules.keep_last)
        text = f"one of the newest {rules.keep_last}"
        yield _Keeper("keep_last", f"it is not {text}", dict.fromkeys(chosen, f"it is {text}"))
    for name, count, unit, period, form in (
        ("keep_daily", rules.keep_daily, "day", datetime.toordinal, "%Y-%m-%d"),
        ("keep_weekly", rules.keep_weekly, "week", _week, "%G-W%V"),
        ("keep_monthly", rules.keep_monthly, "month", _month, "%Y-%m"),
        ("keep_yearly", rules.keep_yearly, "year", _year, "%Y"),
    ):
        if count is not None:
            chosen = _chosen(ordered, count, period)
            why_not = f"it is not the newest of one of the newest {count} {unit}s"
            texts = {index: f"it is the newest of {ordered[index].taken_at.astimezone(UTC):{form}}" for index in chosen}
            yield _Keeper(name, why_not, texts)
    if rules.keep_within is not None:
        newest = ordered[_last_sound(ordered)].taken_at
        since = newest - min(rules.keep_within, newest - _LONG_AGO)
        within = [index for index, each in enumerate(ordered) if each.taken_at >= since]
        text = f"it was taken since {to_text(since)}"
        yield _Keeper("keep_within", f"it was taken before {to_text(since)}", dict.fromkeys(within, text))


def _chosen(ordered: Sequence[Standing], count: int, period: Callable[[datetime], object] | None = None) -> list[int]:
    """Choose one of each period, newest first, until `count` sound ones are chosen; a sound one wins its period.

    Without periods each stands for itself. Returns indexes. Looks at no more snapshots than that takes.
    """
    chosen: list[int] = []
    current: object = None
    sound = False  # the last one that was chosen
    for index, each in enumerate(ordered):
        mine = period(each.taken_at.astimezone(UTC)) if period else index
        if not chosen or mine != current:
            count -= sound
            if count == 0:
                return chosen
            chosen.append(index)
            current, sound = mine, each.is_sound
        elif not sound and each.is_sound:
            chosen[-1], sound = index, True
    return chosen


def _last_sound(ordered: Sequence[Standing]) -> int:
    return next(index for index, each in enumerate(ordered) if each.is_sound)


def _week(at: datetime) -> tuple[int, int]:
    return at.isocalendar()[:2]


def _month(at: datetime) -> tuple[int, int]:
    return at.year, at.month


def _year(at: datetime) -> int:
    return at.year
