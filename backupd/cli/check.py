"""`backupd check`: a doctor for all that archiving needs; each finding is OK, WARNING or FAILED with a remedy."""

import sys
from collections.abc import AsyncIterator, Mapping

from backupd.app.doctor import examine
from backupd.cli import answers, table
from backupd.cli.options import Handed, Json
from backupd.cli.session import Session
from backupd.cli.table import Cell, Column, Mood
from backupd.core.diagnosis.finding import Finding, Result, failed
from backupd.core.errors import ConfigurationError
from backupd.core.exits import worst

_COLUMNS = (Column("CHECK"), Column("RESULT"), Column("WHAT WAS FOUND"))
_GROUPED = (Column(""), Column("CHECK", whole=True), Column("RESULT", whole=True), Column("WHAT WAS FOUND"))
_MOODS: Mapping[Result, Mood] = {Result.OK: "good", Result.WARNING: "doubtful", Result.FAILED: "bad"}


async def check(*, as_json: Json = False, invocation: Handed) -> int:
    """Examine settings, credentials, line, disk and archive."""
    findings = [finding async for finding in _examine(Session(invocation))]
    status = worst(finding.exit_status for finding in findings)
    if as_json:
        answers.write({"exit_status": int(status), "findings": [_document(finding) for finding in findings]})
        return status
    shown = [finding for finding in findings if not invocation.quiet or finding.exit_status]
    if sys.stdout.isatty():
        by_org = sorted(shown, key=lambda finding: finding.org or "")
        table.write_groups(_GROUPED, [(finding.org or table.ALL, finding.check, *_row(finding)) for finding in by_org])
    else:
        table.write(_COLUMNS, [(finding.subject, *_row(finding)) for finding in shown])
    return status


async def _examine(session: Session) -> AsyncIterator[Finding]:
    try:
        settings = session.load()
    except ConfigurationError as error:
        for problem in error.problems:
            yield failed("settings", problem, error.advice, error.exit_status)
        return
    async for finding in examine(settings, session.around(), config=session.invocation.config):
        yield finding


def _row(finding: Finding) -> table.Row:
    return Cell(finding.result, _MOODS[finding.result]), Cell(finding.text, advice=finding.remedy)


def _document(finding: Finding) -> answers.Document:
    return {
        "subject": finding.subject,
        "check": finding.check,
        "org": finding.org,
        "result": str(finding.result),
        "text": finding.text,
        "remedy": finding.remedy,
        "exit_status": int(finding.exit_status),
    }
