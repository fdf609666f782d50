"""`backupd reconcile`: the vendor's history against the archive, run by run, and the gaps by name."""

from backupd.app import Library, Surroundings, open_library, open_records, open_vendor, telling
from backupd.bell import Bell
from backupd.cli import answers, table
from backupd.cli.options import Handed, Json, Offline, Org
from backupd.cli.session import Session
from backupd.cli.table import Cell, Column, Mood
from backupd.core.errors import RunsMissing, UsageError
from backupd.core.figures import counted, instant
from backupd.core.reconcile import Reconciled, Row, Verdict
from backupd.history import Historian, compare, newly_lost, read_all
from backupd.settings import Settings

_COLUMNS = (Column("ORG"), Column("RUN"), Column("VERDICT"), Column("JOB"), Column("SNAPSHOT"))
_WORDS = {
    Verdict.ARCHIVED: "archived",
    Verdict.DROPPED: "archived, and dropped by rule since",
    Verdict.MISSED: "MISSED: its links expired",
    Verdict.SUPERSEDED: "MISSED: a newer one hid its links",
    Verdict.OBTAINABLE: "not archived yet, and still obtainable",
    Verdict.NOT_DUE: "too new to be judged",
    Verdict.BEFORE: "before this archive began",
    Verdict.FAILED: "failed at the vendor",
    Verdict.UNDATED: "of an unknown time",
    Verdict.NO_RUN: "no run",
}
_MOODS: dict[Verdict, Mood] = {
    Verdict.ARCHIVED: "good",
    Verdict.MISSED: "bad",
    Verdict.SUPERSEDED: "bad",
    Verdict.FAILED: "doubtful",
    Verdict.OBTAINABLE: "doubtful",
}


async def reconcile(*, org: Org = None, offline: Offline = False, as_json: Json = False, invocation: Handed) -> int:
    """Compare the vendor's history with the archive: what is archived, what is missing, and why."""
    session = Session(invocation)
    settings = session.load()
    orgs = _chosen(settings, org)
    async with (
        telling(settings, session.around()) as around,  # what is news here is none to the next cycle
        open_library(settings, around, read_only=offline) as library,
    ):
        found = {
            name: await (
                compare(name, library.catalog, library.clock) if offline else _ask(name, settings, around, library)
            )
            for name in orgs
        }
    if as_json:
        answers.write(_document(found))
    else:
        table.write(_COLUMNS, [row for name, runs in found.items() for row in _rows(name, runs, gaps=invocation.quiet)])
    gaps = sum(len(runs.gaps) for runs in found.values())
    if gaps:
        raise RunsMissing(f"{counted(gaps, 'backup')} that the vendor made {'is' if gaps == 1 else 'are'} not archived")
    return 0


async def _ask(org: str, settings: Settings, around: Surroundings, library: Library) -> Reconciled:
    """Read the vendor's history, and keep what is new in it. Only for that the org's lock is taken."""
    async with open_vendor(settings, around, org) as vendor:
        entries = await read_all(vendor)
    async with library.archive.lock(org, what="reconcile"):
        journal, _ = await open_records(org, library, around)
        runs = await Historian(org, journal, library.catalog, around.clock, around.tell).take_in(entries)
        bell = Bell(org, journal, library.catalog, around.clock, around.tell)
        await bell.ring(await newly_lost(org, library.catalog, runs), looked=frozenset())
    return runs


def _chosen(settings: Settings, org: str | None) -> tuple[str, ...]:
    if org is not None and org not in settings.orgs:
        raise UsageError(f"there is no org {org!r}", advice=f"Configured are: {', '.join(sorted(settings.orgs))}.")
    return (org,) if org is not None else tuple(settings.orgs)


def _rows(org: str, runs: Reconciled, *, gaps: bool) -> list[table.Row]:
    return [_row(org, row) for row in runs.rows if row.is_gap or not (gaps or row.verdict is Verdict.NO_RUN)]


def _row(org: str, row: Row) -> table.Row:
    when = instant(row.at) if row.at else "unknown"
    verdict = Cell(_WORDS[row.verdict], _MOODS.get(row.verdict, "plain"))
    job = row.job
    return org, when, verdict, str(job.job) if job else "", str(job.path) if job and job.path else ""


def _document(found: dict[str, Reconciled]) -> answers.Document:
    return {
        "orgs": [
            {"org": org, "gaps": len(runs.gaps), "runs": [_run(row) for row in runs.rows]}
            for org, runs in found.items()
        ]
    }


def _run(row: Row) -> answers.Document:
    return {
        "verdict": str(row.verdict),
        "gap": row.is_gap,
        "at": answers.instant(row.at),
        "history_id": row.entry.id if row.entry else None,
        "state": row.entry.state if row.entry else None,
        "action": row.entry.action if row.entry else None,
        "job_id": row.job.job.job if row.job else None,
        "path": str(row.job.path) if row.job and row.job.path else None,
    }
