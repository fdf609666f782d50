"""`backupd schedule`: the vendor's standing order, shown, created and cancelled. What spends quota is asked first."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from cyclopts import Parameter

from backupd.app import open_vendor
from backupd.cli import answers, asking, ordering, table
from backupd.cli.options import Handed, Json
from backupd.cli.ordering import Done, Orders
from backupd.cli.session import Session
from backupd.cli.shown import printable
from backupd.cli.table import Column
from backupd.core import rrule
from backupd.core.errors import UsageError
from backupd.core.figures import instant
from backupd.core.model import Schedule
from backupd.settings import Settings

_FREE, _FREE_ULTIMATE = 2, 4  # backups a month
_COLUMNS = (Column("WHAT"), Column("HOW IT IS"))
_ADD_YES = "Add --yes to do it without being asked."

_Org = Annotated[str | None, Parameter(metavar="NAME", help="The org; needed if there are several.")]
_Yes = Annotated[bool, Parameter(help="Do it without asking.")]
_Weekly = Annotated[str | None, Parameter(metavar="DAY", help="Every week on this day, such as `tue`.")]
_Monthly = Annotated[
    str | None, Parameter(metavar="DAY", help="Every month on this day: 1 to 31, or `1thu` for the first Thursday.")
]
_Every = Annotated[int | None, Parameter(metavar="N", help="Every N weeks or months (1 to 52).")]
_Rule = Annotated[str | None, Parameter(name="--rrule", metavar="RULE", help="The vendor's own form of a rule.")]


async def show(*, org: _Org = None, as_json: Json = False, invocation: Handed) -> int:
    """Show what the vendor has scheduled."""
    async with _vendor(org, invocation) as (name, vendor):
        found = await vendor.schedule()
    if as_json:
        answers.write({"org": name, "schedule": _document(found)})
    elif found is None:
        sys.stdout.write(f"{name}: nothing is scheduled at the vendor.\n")
    else:
        table.write(_COLUMNS, [("org", name), *_rows(found)])
    return 0


async def create(
    *,
    weekly: _Weekly = None,
    monthly: _Monthly = None,
    every: _Every = None,
    rule: _Rule = None,
    org: _Org = None,
    yes: _Yes = False,
    as_json: Json = False,
    invocation: Handed,
) -> int:
    """Order a backup: at once, or again and again by a rule. Each backup spends one of the month's."""
    wanted = _wanted(weekly, monthly, every, rule)
    async with _vendor(org, invocation) as (name, vendor):
        before = await vendor.schedule()
        if not yes:
            what = "a backup at once" if wanted is None else f"backups {rrule.in_words(wanted)}"
            sys.stderr.write(f"{name}: the vendor shows {_shown(before)}.\n{_quota(wanted)}\n")
            if not asking.confirm(printable(f"Order {what}?"), otherwise=_ADD_YES):
                return _left("nothing was ordered")
        done = await ordering.create(vendor, wanted, before)
    if as_json:
        answers.write({"org": name, "rrule": wanted, **_outcome(done)})
    elif not invocation.quiet:
        what = "a backup is being made" if wanted is None else f"backups are made {rrule.in_words(wanted)}"
        sys.stdout.write(printable(f"{name}: ordered; {what}{_how(done)}.") + "\n")
    return 0


async def cancel(*, org: _Org = None, yes: _Yes = False, as_json: Json = False, invocation: Handed) -> int:
    """End the vendor's schedule. Backups that were made stay, and their links live on."""
    async with _vendor(org, invocation) as (name, vendor):
        before = await vendor.schedule()
        if before is None:
            done = Done(None, nothing_to_do=True)
        else:
            if not yes and not asking.confirm(f"{name}: cancel {_shown(before)}?", otherwise=_ADD_YES):
                return _left("nothing was cancelled")
            done = await ordering.cancel(vendor, before)
    if as_json:
        answers.write({"org": name, "nothing_to_do": done.nothing_to_do, **_outcome(done)})
    elif not invocation.quiet:
        what = "nothing to cancel; no schedule stands" if done.nothing_to_do else "cancelled"
        sys.stdout.write(f"{name}: {what}{_how(done)}.\n")
    return 0


@asynccontextmanager
async def _vendor(org: str | None, invocation: Handed) -> AsyncIterator[tuple[str, Orders]]:
    session = Session(invocation)
    settings = session.load()
    name = the_org(settings, org)
    async with open_vendor(settings, session.around(), name) as vendor:
        yield name, vendor


def the_org(settings: Settings, org: str | None) -> str:
    """Return the org that is meant. Raises UsageError."""
    known = ", ".join(sorted(settings.orgs))
    if org is None and len(settings.orgs) > 1:
        raise UsageError("there are several orgs", advice=f"Name one with --org: {known}.")
    name = next(iter(settings.orgs)) if org is None else org
    if name not in settings.orgs:
        raise UsageError(f"there is no org {name!r}", advice=f"Configured are: {known}.")
    return name


def _wanted(weekly: str | None, monthly: str | None, every: int | None, rule: str | None) -> str | None:
    if sum(one is not None for one in (weekly, monthly, rule)) > 1:
        raise UsageError("--weekly, --monthly and --rrule exclude each other", advice="Keep one of them.")
    if every is not None and weekly is None and monthly is None:
        raise UsageError("--every goes with --weekly or --monthly", advice="Add one of them.")
    times = 1 if every is None else every
    if weekly is not None:
        return rrule.weekly(weekly, times)
    if monthly is not None:
        return rrule.monthly(monthly, times)
    return None if rule is None else rrule.given(rule)


def _quota(wanted: str | None) -> str:
    most = rrule.most_a_month(wanted)
    text = f"{_FREE} backups a month are free ({_FREE_ULTIMATE} in the Ultimate edition); more are bought."
    if most is not None and most > _FREE:
        return f"{text}\nThis rule makes up to {most} a month."
    return f"{text}\nThis spends one of them." if wanted is None else text


def _left(what: str) -> int:
    sys.stderr.write(f"backupd: {what}\n")
    return 0


def _shown(found: Schedule | None) -> str:
    if found is None:
        return "no schedule"
    following = f", next {instant(found.next_at)}" if found.next_at else ""
    return printable(f"a schedule: {found.status}, {rrule.in_words(found.rrule)}{following}")


def _how(done: Done) -> str:
    lost = " (the answer was lost on the way; the vendor's schedule shows it)" if done.answer_lost else ""
    following = f"; next {instant(done.schedule.next_at)}" if done.schedule and done.schedule.next_at else ""
    return lost + following


def _rows(found: Schedule) -> list[tuple[str, str]]:
    return [
        ("status", found.status),
        ("made", rrule.in_words(found.rrule)),
        ("rule", found.rrule or "none"),
        ("next", instant(found.next_at) if found.next_at else "none"),
        ("since", instant(found.started_at) if found.started_at else "not told"),
        ("id", found.id),
    ]


def _outcome(done: Done) -> answers.Document:
    return {"answer_lost": done.answer_lost, "schedule": _document(done.schedule)}


def _document(found: Schedule | None) -> answers.Document | None:
    if found is None:
        return None
    return {
        "id": found.id,
        "status": found.status,
        "rrule": found.rrule,
        "next_at": answers.instant(found.next_at),
        "started_at": answers.instant(found.started_at),
    }
