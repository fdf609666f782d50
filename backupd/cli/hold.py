"""`backupd hold`: snapshots that a person wants kept, whatever the rules say."""

import sys
from typing import Annotated, Literal

from cyclopts import Parameter

from backupd.app import Library, open_library, open_records
from backupd.cli import answers, table
from backupd.cli.options import SNAPSHOT, Handed, Json, Org
from backupd.cli.reading import find, reading
from backupd.cli.session import Session
from backupd.cli.table import Column
from backupd.core.errors import UsageError
from backupd.core.facts import HoldLifted, HoldSet
from backupd.core.figures import instant
from backupd.core.listing import Hold, SnapshotRow

_COLUMNS = (Column("ORG"), Column("SNAPSHOT"), Column("SINCE"), Column("REASON"))
_Action = Annotated[
    Literal["add", "remove", "list"], Parameter(help="Hold a snapshot, let it go, or list what is held.")
]
_Snapshot = Annotated[str | None, Parameter(help=f"Which one: {SNAPSHOT}.")]
_Reason = Annotated[str | None, Parameter(metavar="TEXT", help="With `add`: why it must stay.")]


async def hold(
    action: _Action = "list",
    snapshot: _Snapshot = None,
    /,
    *,
    reason: _Reason = None,
    org: Org = None,
    as_json: Json = False,
    invocation: Handed,
) -> int:
    """Keep a snapshot whatever the rules say, let the rules have it again, or list what is held."""
    if action == "list":
        return await _list(org, as_json=as_json, invocation=invocation)
    if snapshot is None:
        raise UsageError(f"hold {action}: no snapshot is named", advice="`backupd list` lists them.")
    if (action == "add") != bool(reason and reason.strip()):
        problem = "it needs a --reason" if action == "add" else "it takes no --reason"
        raise UsageError(f"hold {action}: {problem}", advice="See `backupd hold --help`.")
    session = Session(invocation)
    async with open_library(session.load(), session.around(), read_only=False) as library:
        row = await find(library.catalog, snapshot)
        await _change(row, reason, session, library)
    if not invocation.quiet:
        sys.stdout.write(f"{row.path} is {'held' if reason else 'held no more'}.\n")
    return 0


async def _change(row: SnapshotRow, reason: str | None, session: Session, library: Library) -> None:
    async with library.archive.lock(row.org, what="hold"):
        journal, catalog = await open_records(row.org, library, session.around())
        held = {hold.job for hold in await catalog.later.holds(row.org)}
        if reason is None and row.job not in held:
            raise UsageError(f"{row.path} is not held", advice="`backupd hold list` lists what is.")
        fact = HoldLifted(row.job) if reason is None else HoldSet(row.job, reason.strip())
        await catalog.record(row.org, await journal.append(fact))


async def _list(org: str | None, *, as_json: bool, invocation: Handed) -> int:
    async with reading(invocation, org=org) as opened:
        holds = await opened.library.catalog.later.holds(org)
    if as_json:
        answers.write({"holds": [_document(hold) for hold in holds]})
    else:
        rows = [(each.org, _name(each), instant(each.since), each.reason) for each in holds]
        table.write(_COLUMNS, rows)
    return 0


def _name(held: Hold) -> str:
    return held.path.name if held.path else f"job {held.job}"


def _document(held: Hold) -> answers.Document:
    return {
        "org": held.org,
        "path": str(held.path) if held.path else None,
        "job_id": held.job.job,
        "reason": held.reason,
        "since": answers.instant(held.since),
    }
