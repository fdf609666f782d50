"""Which snapshots stay: a pure judgement over one org's snapshots, with the reasons for each.

Each rule stands alone, and a snapshot stays if one of them keeps it; without any rule, all stay. Periods are those of
UTC, by when the backup was taken; `keep_within` counts back from the newest sound snapshot, so that nothing goes only
because new backups stopped. Only a sound snapshot (all files, last check passed) uses up a rule's number: one that is
partial, damaged or could not be read never takes the place of a sound one, but is kept beside it. Deletes nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import groupby, takewhile
from operator import itemgetter
from typing import NamedTuple

from backupd.core.model import JobId
from backupd.core.times import shortened, to_fixed_text, to_text

_YOUNG = timedelta(days=7)  # until then its links may live, and nobody has had time to look at it
_SKEW = timedelta(hours=1)
_LONG_AGO = datetime(1, 1, 2, tzinfo=UTC)  # nothing is older, however long a rule is
_COUNTING = frozenset({"last_verified", "keep_last", "keep_daily", "keep_weekly", "keep_monthly", "keep_yearly"})
_DAY, _MONTH, _YEAR = slice(10), slice(7), slice(4)  # how the text of an instant begins
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

    taken_text: str  # each text of an instant is a fixed one (`core.times`): they sort, and begin alike in a day
    archived_text: str
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
    def taken_at(self) -> datetime:
        """When the backup was taken."""
        return datetime.fromisoformat(self.taken_text)

    @property
    def archived_at(self) -> datetime:
        """When its files were complete."""
        return datetime.fromisoformat(self.archived_text)

    @property
    def is_sound(self) -> bool:
        """Whether it holds every file of its job and was found whole."""
        return self.verified is True and not self.partial


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a snapshot stays or goes: `rule` is a stable word, `text` is for people."""

    rule: str
    text: str


class Verdict(NamedTuple):
    """What is to be done with neighbours in age, all for the very same reasons."""

    keeps: bool
    reasons: tuple[Reason, ...]
    snapshots: tuple[Standing, ...]  # newest first


@dataclass(frozen=True, slots=True)
class Pruning:
    """What is to be done with every snapshot. After a refusal nothing is dropped."""

    snapshots: Sequence[Standing]  # newest first
    reasons: Mapping[int, tuple[Reason, ...]]  # why those stay that do, by their index
    against: tuple[Reason, ...] = ()  # why the others go: each rule says why it does not keep them
    refusal: Reason | None = None

    @property
    def verdicts(self) -> Iterator[Verdict]:
        """What is to be done, newest first."""
        for reasons, run in groupby(range(len(self.snapshots)), self.reasons.get):
            snapshots = tuple(map(self.snapshots.__getitem__, run))
            yield Verdict(keeps=reasons is not None, reasons=reasons or self.against, snapshots=snapshots)

    @property
    def drops(self) -> tuple[Standing, ...]:
        """What goes, oldest first: a pruning that is interrupted has then dropped what is least missed."""
        return tuple(self.snapshots[i] for i in reversed(range(len(self.snapshots))) if i not in self.reasons)

    @property
    def bearers(self) -> tuple[Standing, ...]:
        """The sound snapshots whose being there is why others may go: each uses up a rule's number. Newest first."""
        counting = (i for i in sorted(self.reasons) if any(each.rule in _COUNTING for each in self.reasons[i]))
        return tuple(self.snapshots[i] for i in counting if self.snapshots[i].is_sound)

    def refused(self, reason: Reason) -> "Pruning":
        """Give the pruning that drops nothing, for this reason."""
        held = {i: tuple(each for each in told if each.rule == "held") for i, told in self.reasons.items()}
        return Pruning(self.snapshots, {i: (*held.get(i, ()), reason) for i in range(len(self.snapshots))}, (), reason)


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
        return _pruning(ordered, (*keepers, everything))
    refusal = clock or _doubt(ordered)
    if refusal is not None:
        everything = _Keeper(refusal.rule, "", dict.fromkeys(range(len(ordered)), refusal.text))
        return _pruning(ordered, (*keepers, everything), refusal)
    keepers.extend(_guards(ordered, now))
    keepers.extend(_rules(ordered, rules))
    return _pruning(ordered, keepers)


@dataclass(frozen=True, slots=True)
class _Keeper:
    """What keeps snapshots: which and why, by their index; and why not the others (empty: not worth saying)."""

    name: str
    why_not: str
    kept: Mapping[int, str]


def _pruning(ordered: Sequence[Standing], keepers: Sequence[_Keeper], refusal: Reason | None = None) -> Pruning:
    reasons: dict[int, tuple[Reason, ...]] = {}
    for keeper in keepers:
        told = {text: Reason(keeper.name, text) for text in set(keeper.kept.values())}
        for index, text in keeper.kept.items():
            reasons[index] = (*reasons.get(index, ()), told[text])
    against = tuple(Reason(keeper.name, keeper.why_not) for keeper in keepers if keeper.why_not)
    return Pruning(ordered, reasons, against, refusal)


def _wrong_clock(ordered: Sequence[Standing], now: datetime, skew: timedelta | None) -> Reason | None:
    """Say why it cannot be told now how old anything is."""
    newest = max([each.archived_text for each in ordered] + [each.taken_text for each in ordered[:1]], default="")
    if to_fixed_text(now) < newest:
        return Reason("clock", f"the clock is behind the newest snapshot ({shortened(newest)}): nothing is dropped")
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
    born_after = to_fixed_text(now - _YOUNG)
    young = [i for i, each in enumerate(ordered) if each.archived_text > born_after or each.taken_text > born_after]
    yield _Keeper("young", "", dict.fromkeys(young, "it is younger than 7 days"))


def _rules(ordered: Sequence[Standing], rules: Rules) -> Iterator[_Keeper]:
    if rules.keep_last is not None:
        chosen = _chosen(ordered, rules.keep_last)
        text = f"one of the newest {rules.keep_last}"
        yield _Keeper("keep_last", f"it is not {text}", dict.fromkeys(chosen, f"it is {text}"))
    for name, count, unit, period, form in (
        ("keep_daily", rules.keep_daily, "day", itemgetter(_DAY), "%Y-%m-%d"),
        ("keep_weekly", rules.keep_weekly, "week", lambda text: _week(text[_DAY]), "%G-W%V"),
        ("keep_monthly", rules.keep_monthly, "month", itemgetter(_MONTH), "%Y-%m"),
        ("keep_yearly", rules.keep_yearly, "year", itemgetter(_YEAR), "%Y"),
    ):
        if count is not None:
            chosen = _chosen(ordered, count, period)
            why_not = f"it is not the newest of one of the newest {count} {unit}s"
            texts = {index: f"it is the newest of {ordered[index].taken_at:{form}}" for index in chosen}
            yield _Keeper(name, why_not, texts)
    if rules.keep_within is not None:
        newest = ordered[_last_sound(ordered)].taken_at
        since = newest - min(rules.keep_within, newest - _LONG_AGO)
        first = to_fixed_text(since)
        within = takewhile(lambda index: ordered[index].taken_text >= first, range(len(ordered)))
        text = f"it was taken since {to_text(since)}"
        yield _Keeper("keep_within", f"it was taken before {to_text(since)}", dict.fromkeys(within, text))


def _chosen(ordered: Sequence[Standing], count: int, period: Callable[[str], object] | None = None) -> list[int]:
    """Choose one of each period, newest first, until `count` sound ones are chosen; a sound one wins its period.

    Without periods each stands for itself. Returns indexes. Looks at no more snapshots than that takes.
    """
    chosen: list[int] = []
    current: object = None
    sound = False  # the last one that was chosen
    for index, each in enumerate(ordered):
        mine = period(each.taken_text) if period else index
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


@lru_cache  # of neighbours many are of one day
def _week(day: str) -> tuple[int, int]:
    return date.fromisoformat(day).isocalendar()[:2]
