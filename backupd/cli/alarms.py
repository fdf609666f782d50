"""`backupd alarms`: what is wrong for longer than a moment, and the word of a person who knows of it."""

import sys
from typing import Annotated, Literal

from cyclopts import Parameter

from backupd.app import Library, open_library, open_records
from backupd.cli import answers, table
from backupd.cli.options import Handed, Json, Org
from backupd.cli.reading import reading
from backupd.cli.session import Session
from backupd.cli.table import Cell, Column
from backupd.core.alarms import Alarm, acknowledge
from backupd.core.conditions import advice
from backupd.core.errors import UsageError
from backupd.core.figures import instant

_COLUMNS = (Column("ORG"), Column("KEY"), Column("SINCE"), Column("WHAT IS WRONG"))
_Action = Annotated[Literal["acknowledge"] | None, Parameter(help="Say that you know of it: it is told no more.")]
_Key = Annotated[str | None, Parameter(help="Which alarm, as the list names it.")]


async def alarms(
    action: _Action = None, key: _Key = None, /, *, org: Org = None, as_json: Json = False, invocation: Handed
) -> int:
    """List the alarms that stand, or acknowledge one."""
    if action is None:
        return await _list(org, as_json=as_json, invocation=invocation)
    if key is None:
        raise UsageError("alarms acknowledge: the alarm's key is missing", advice="`backupd alarms` lists the keys.")
    session = Session(invocation)
    async with open_library(session.load(), session.around(), read_only=False) as library:
        where = [name for name, _ in await _standing(library, org, key)]
        if len(where) != 1:
            raise _not_one(key, where)
        await _acknowledge(where[0], key, session, library)
    if not invocation.quiet:
        sys.stdout.write(f"{where[0]}: {key} is acknowledged.\n")
    return 0


async def _list(org: str | None, *, as_json: bool, invocation: Handed) -> int:
    async with reading(invocation, org=org) as opened:
        found = await _standing(opened.library, org)
    if as_json:
        answers.write({"alarms": [{"org": name, **answers.alarm(alarm)} for name, alarm in found]})
    else:
        table.write(_COLUMNS, [_row(name, alarm) for name, alarm in found])
    return 0


async def _standing(library: Library, org: str | None, key: str | None = None) -> list[tuple[str, Alarm]]:
    orgs = (org,) if org is not None else await library.archive.orgs()
    return [
        (name, alarm)
        for name in orgs
        for alarm in (await library.catalog.watched.alarms(name)).values()
        if key in {None, alarm.finding.key}
    ]


async def _acknowledge(org: str, key: str, session: Session, library: Library) -> None:
    around = session.around()
    async with library.archive.lock(org, what="alarms acknowledge"):
        journal, _ = await open_records(org, library, around)
        fact = acknowledge(await library.catalog.watched.alarms(org), key)
        if fact is not None:
            await library.catalog.record(org, await journal.append(fact))


def _not_one(key: str, where: list[str]) -> UsageError:
    if where:
        orgs = ", ".join(where)
        return UsageError(f"the alarm {key!r} stands for several orgs: {orgs}", advice="Add --org NAME.")
    return UsageError(f"there is no alarm {key!r}", advice="`backupd alarms` lists those that stand.")


def _row(org: str, alarm: Alarm) -> table.Row:
    finding = alarm.finding
    known = " (acknowledged)" if alarm.acknowledged else ""
    text = f"{finding.text}{known}. {advice(finding.condition)}".rstrip()
    return org, finding.key, instant(alarm.raised_at), Cell(text, "doubtful" if alarm.acknowledged else "bad")
