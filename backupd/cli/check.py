"""`backupd check`: a doctor for settings, archive and credentials; each finding is OK, WARNING or FAILED."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from backupd.app import Surroundings, open_vendor
from backupd.archive.glance import look_at_disk
from backupd.archive.locking import holder
from backupd.cli import answers, table
from backupd.cli.failures import joined
from backupd.cli.options import Handed, Json
from backupd.cli.session import Session
from backupd.cli.table import Cell, Column, Mood
from backupd.core.errors import BackupdError, ConfigurationError
from backupd.core.exits import Exit, worst
from backupd.core.figures import counted, size, span
from backupd.core.names import STATE
from backupd.settings import Settings, require_root

_COLUMNS = (Column("CHECK"), Column("RESULT"), Column("WHAT WAS FOUND"))
_CLOCK_SLACK = timedelta(minutes=5)  # beyond it the vendor's expiry dates mislead us


class Result(StrEnum):
    """How a finding is."""

    OK = "OK"
    WARNING = "WARNING"
    FAILED = "FAILED"


_MOODS: Mapping[Result, Mood] = {Result.OK: "good", Result.WARNING: "doubtful", Result.FAILED: "bad"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look showed."""

    subject: str
    result: Result
    text: str
    remedy: str = ""
    exit_status: Exit = Exit.OK


async def check(*, as_json: Json = False, invocation: Handed) -> int:
    """Examine settings, archive and credentials."""
    findings = [finding async for finding in _examine(Session(invocation))]
    status = worst(finding.exit_status for finding in findings)
    if as_json:
        answers.write({"exit_status": int(status), "findings": [_document(finding) for finding in findings]})
        return status
    table.write(_COLUMNS, [_row(finding) for finding in findings if not invocation.quiet or finding.exit_status])
    return status


async def _examine(session: Session) -> AsyncIterator[Finding]:
    try:
        settings = session.load()
    except ConfigurationError as error:
        for problem in error.problems:
            yield Finding("settings", Result.FAILED, problem, error.advice, error.exit_status)
        return
    yield Finding("settings", Result.OK, f"{counted(len(settings.orgs), 'org')}: {', '.join(sorted(settings.orgs))}")
    for finding in await asyncio.to_thread(lambda: list(_archive(settings))):
        yield finding
    for org in settings.orgs:
        async for finding in _credentials(org, settings, session.around()):
            yield finding


def _archive(settings: Settings) -> Iterator[Finding]:
    root, min_free = settings.archive.root, settings.archive.min_free
    try:
        require_root(root, require_mount=settings.archive.require_mount, writable=True)
        space = look_at_disk(root)
    except BackupdError as error:
        yield _failed("archive", error)
        return
    yield Finding("archive", Result.OK, f"{root} can be read and written")
    if space.apart:
        text = f"{', '.join(space.apart)} lie on another file system than {root}"
        yield Finding("file system", Result.FAILED, text, "Keep the whole archive on one.", Exit.CONFIG)
    if space.free < min_free:
        text = f"{size(space.free)} free, less than the {size(min_free)} that archive.min_free wants"
        yield Finding("space", Result.FAILED, text, "Free some space, or lower archive.min_free.", Exit.ARCHIVE)
    else:
        yield Finding("space", Result.OK, f"{size(space.free)} free")
    for org in settings.orgs:
        yield Finding(f"lock {org}", Result.OK, holder(root / STATE, org) or "nobody holds it")


async def _credentials(org: str, settings: Settings, around: Surroundings) -> AsyncIterator[Finding]:
    """Ask for a token if none is alive, and make the two calls of a poll."""
    subject = f"vendor {org}"
    try:
        async with open_vendor(settings, around, org) as vendor:
            schedule = await vendor.schedule()
            offers = await vendor.offers()
            skew = vendor.clock_skew()
    except BackupdError as error:
        yield _failed(subject, error)
        return
    plan = f"schedule {schedule.status}" if schedule else "nothing scheduled"
    links = sum(len(job.links) for job in offers.jobs)
    yield Finding(subject, Result.OK, f"credentials accepted; {plan}, {counted(links, 'link')} offered")
    for link in offers.refused:
        text = f"the link of {link.name}: {link.reason}"
        yield Finding(subject, Result.WARNING, text, "Add its host to download_hosts, after checking it.")
    if skew is not None and abs(skew) > _CLOCK_SLACK:
        text = f"the vendor's clock differs from ours by {span(abs(skew))}"
        yield Finding(f"clock {org}", Result.WARNING, text, "Let this machine keep its time by NTP.")


def _failed(subject: str, error: BackupdError) -> Finding:
    return Finding(subject, Result.FAILED, str(error), error.advice, error.exit_status)


def _row(finding: Finding) -> table.Row:
    return finding.subject, Cell(finding.result, _MOODS[finding.result]), joined(finding.text, finding.remedy)


def _document(finding: Finding) -> answers.Document:
    return {
        "subject": finding.subject,
        "result": str(finding.result),
        "text": finding.text,
        "remedy": finding.remedy,
        "exit_status": int(finding.exit_status),
    }
