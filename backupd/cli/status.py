"""`backupd status`: at a glance, whether each org is safe, what is under way or in danger, and what was missed."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated

from cyclopts import Parameter

from backupd.app import open_survey
from backupd.cli import answers, table
from backupd.cli.options import Handed, Json
from backupd.cli.reading import reading
from backupd.cli.table import Cell, Column, Mood
from backupd.core.exits import Exit
from backupd.core.figures import ago, counted, instant, size, span
from backupd.core.overview import OrgStatus, Overview, State, UnderWay

_COLUMNS = (Column("ORG"), Column("WHAT", whole=True), Column("HOW IT IS"))
_CHECK = Parameter(help="Exit with 3 if an org is not safe, as /healthz does with 503.")
_MOODS: Mapping[State, Mood] = {
    State.PROTECTED: "good",
    State.UNDER_WAY: "doubtful",
    State.IN_DANGER: "bad",
    State.UNPROTECTED: "bad",
}


async def status(*, check: Annotated[bool, _CHECK] = False, as_json: Json = False, invocation: Handed) -> int:
    """Say whether each org is safe, and what is under way."""
    async with reading(invocation) as opened:
        found = await open_survey(opened.settings, opened.library).overview()
    verdict = Exit.DAMAGE if check and not found.is_healthy else Exit.OK
    if as_json:
        answers.write(_document(found))
        return verdict
    shown = [org for org in found.orgs if not invocation.quiet or _MOODS[org.judge(found.now).state] == "bad"]
    rows = [row for org in shown for row in _org_rows(org, found)]
    if not invocation.quiet:
        rows += _archive_rows(found)
    table.write_groups(_COLUMNS, rows)
    return verdict


def _org_rows(org: OrgStatus, found: Overview) -> Iterator[table.Row]:
    found_so = org.judge(found.now)
    state = f"{found_so.state}: {found_so.reason}" if found_so.reason else str(found_so.state)
    since = f", since {instant(found_so.since)}" if found_so.since else ""
    yield org.org, "state", Cell(f"{state}{since}", _MOODS[found_so.state])
    for alarm in org.alarms:
        known = ", acknowledged" if alarm.acknowledged else ""
        words = f"{alarm.finding.text}, since {instant(alarm.raised_at)}{known}"
        yield org.org, "alarm", Cell(words, "doubtful" if alarm.acknowledged else "bad")
    if org.newest:
        partial = f", partial: {org.newest.missing} missing" if org.newest.missing else ""
        yield org.org, "newest", f"{org.newest.path}, taken {ago(org.newest.taken.at, found.now)}{partial}"
    for job in org.under_way:
        yield org.org, "under way", Cell(_words(job, found.now), "doubtful")
    for missed in org.missed:
        saved = f"{missed.saved} of {counted(missed.files, 'file')} saved"
        yield org.org, "missed", Cell(f"job {missed.job}, expired {instant(missed.expired_at)}, {saved}", "bad")
    if org.totals:
        totals = org.totals
        bad = f", {totals.damaged} damaged" if totals.damaged else ""
        yield org.org, "archived", f"{_amount(totals.snapshots, totals.files, totals.size)}{bad}"
    if org.last_verified_at and org.all_read_since:
        newest, every = ago(org.last_verified_at, found.now), ago(org.all_read_since, found.now)
        yield org.org, "verified", f"the newest {newest}, the file that waits longest {every}"
    if org.pulse.last_success_at:
        failing = f"; failing since {instant(org.pulse.failing_since)}" if org.pulse.failing_since else ""
        words = f"succeeded {ago(org.pulse.last_success_at, found.now)}{failing}"
        yield org.org, "last poll", Cell(words, "doubtful" if failing else "plain")
    if not org.configured:
        yield org.org, "next poll", "never: not in the settings"
    elif org.next_poll:
        yield org.org, "next poll", ago(org.next_poll, found.now)


def _archive_rows(found: Overview) -> Iterator[table.Row]:
    yield table.ALL, "archive", str(found.root)
    yield table.ALL, "holds", f"{_amount(found.snapshots, found.files, found.size)}; {size(found.free)} free"
    runs = f"runs as process {found.daemon}" if found.daemon else "none runs, or it is out of sight"
    yield table.ALL, "daemon", f"{runs}; set to poll every {span(found.every)}"


def _words(job: UnderWay, now: datetime) -> str:
    got = f", {size(job.received)} in hand" if job.received is not None else ""
    missing = f"{len(job.missing)} of {counted(job.files, 'file')} missing{got}"
    die = "died" if job.expires_at <= now else "die"
    return f"job {job.job}: {missing}, links {die} {ago(job.expires_at, now)}"


def _amount(snapshots: int, files: int, bytes_: int) -> str:
    return f"{counted(snapshots, 'snapshot')}, {counted(files, 'file')}, {size(bytes_)}"


def _document(found: Overview) -> answers.Document:
    return {
        "at": answers.instant(found.now),
        "archive": {
            "root": str(found.root),
            "snapshots": found.snapshots,
            "files": found.files,
            "size": found.size,
            "free": found.free,
        },
        "poll_every": found.every.total_seconds(),
        "service": {"pid": found.daemon} if found.daemon else None,
        "orgs": [_org_document(org, found.now) for org in found.orgs],
    }


def _org_document(org: OrgStatus, now: datetime) -> answers.Document:
    judgement = org.judge(now)
    return {
        "org": org.org,
        "configured": org.configured,
        "state": str(judgement.state),
        "reason": judgement.reason,
        "since": answers.instant(judgement.since),
        "newest": answers.snapshot(org.newest) if org.newest else None,
        "snapshots": org.totals.snapshots if org.totals else 0,
        "files": org.totals.files if org.totals else 0,
        "size": org.totals.size if org.totals else 0,
        "damaged": org.totals.damaged if org.totals else 0,
        "under_way": [answers.under_way(job) for job in org.under_way],
        "missed": [answers.missed(job) for job in org.missed],
        "alarms": [answers.alarm(alarm) for alarm in org.alarms],
        "last_verified_at": answers.instant(org.last_verified_at),
        "all_read_since": answers.instant(org.all_read_since),
        "last_success_at": answers.instant(org.pulse.last_success_at),
        "failing_since": answers.instant(org.pulse.failing_since),
        "next_poll_at": answers.instant(org.next_poll),
    }
