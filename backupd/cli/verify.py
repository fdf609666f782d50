"""`backupd verify`: snapshots read again, to see whether they are intact and complete."""

import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Annotated

from cyclopts import Parameter

from backupd.app import Library, open_journal
from backupd.cli import answers
from backupd.cli.meter import Meter
from backupd.cli.noting import Notes
from backupd.cli.options import SNAPSHOT, Handed, Json
from backupd.cli.reading import Reading, find, reading
from backupd.cli.shown import printable
from backupd.core.audit import Outcome
from backupd.core.errors import ArchiveError, RecordDamaged, UsageError
from backupd.core.figures import counted, size
from backupd.core.model import JobId
from backupd.core.names import CHECKSUMS, JOURNAL, MANIFEST
from backupd.core.records import ArchivedJob
from backupd.core.subset import Subset
from backupd.upkeep import terms_of
from backupd.upkeep.auditing import Audit, Auditor
from backupd.verify import FileReading, read_again

_WORKERS = len(os.sched_getaffinity(0))
_PAGE = 1000  # snapshots held in memory at once
_ALL = Parameter(name="--all", help="Every snapshot.")
_SUBSET = Parameter(
    metavar="N/T", help="Part N of T of all files; T runs read everything, each file once. For cron: one part a night."
)
_STRAYED = "the catalog was made from other lines of it: they were changed, or its end is lost"
_MARKS = {Outcome.OK: "ok", Outcome.FAILED: "FAILED", Outcome.INCONCLUSIVE: "INCONCLUSIVE"}


@dataclass(frozen=True, slots=True)
class _Journal:
    """What came of reading an org's journal."""

    org: str
    lines: int
    problem: str  # empty: every line follows the one before it


@dataclass(slots=True)
class _Tally:
    """What all audits came to."""

    snapshots: int = 0
    files: int = 0
    size: int = 0
    failed: int = 0
    inconclusive: int = 0
    gaps: int = 0  # of these: only a record lacks something
    failed_journals: list[_Journal] = field(default_factory=list)

    def add(self, audit: Audit) -> None:
        self.snapshots += 1
        self.files += audit.files
        self.size += audit.size
        self.failed += audit.outcome is Outcome.FAILED
        self.inconclusive += audit.outcome is Outcome.INCONCLUSIVE
        names = {finding.name for finding in audit.findings}
        self.gaps += audit.outcome is Outcome.INCONCLUSIVE and names <= {MANIFEST, CHECKSUMS}

    @property
    def outcome(self) -> Outcome:
        if self.failed or self.failed_journals:
            return Outcome.FAILED
        return Outcome.INCONCLUSIVE if self.inconclusive else Outcome.OK


async def verify(
    *snapshots: Annotated[str, Parameter(help=f"Which ones: {SNAPSHOT}.")],
    everything: Annotated[bool, _ALL] = False,
    subset: Annotated[str | None, _SUBSET] = None,
    as_json: Json = False,
    invocation: Handed,
) -> int:
    """Read snapshots again: each file, its checksum, its zip, and whether all is there and nothing else."""
    part = _subset(subset)
    if bool(snapshots) == (everything or subset is not None):
        message = "verify: name snapshots, or else ask for --all or for a --subset"
        raise UsageError(message, advice="See `backupd verify --help`.")
    async with reading(invocation) as opened:
        paths, expected = await _chosen(opened.library, snapshots)
        tally = _Tally()
        with Meter(sys.stderr, expected // part.parts, wanted=not invocation.quiet) as meter:
            auditor = _auditor(opened, part, meter)
            async with Notes(opened.settings, opened.around) as notes:
                audits = _noted(paths, auditor, notes)
                journals = [] if snapshots else await _journals(opened)
                tally.failed_journals = [journal for journal in journals if journal.problem]
                if as_json:
                    await _write_json(audits, tally, subset, journals)
                else:
                    await _write_lines(audits, tally, journals, quiet=invocation.quiet)
    for org, why in notes.refused.items():
        sys.stderr.write(printable(f"backupd: {org}: these results are not written down: {why}") + "\n")
    _raise_if_bad(tally)
    return 0


async def _noted(paths: AsyncIterator[PurePosixPath], auditor: Auditor, notes: Notes) -> AsyncIterator[Audit]:
    async for path in paths:
        audit = await auditor.audit(path)
        await notes.take(audit)
        yield audit


def _auditor(opened: Reading, part: Subset, meter: Meter) -> Auditor:
    limits, catalog = terms_of(opened.settings, "").limits, opened.library.catalog

    async def read(path: Path, name: str) -> FileReading:
        return await read_again(path, limits, name=name, workers=_WORKERS, progress=meter.advance)

    async def recall(org: str, job: JobId) -> ArchivedJob | None:
        return (await catalog.archived(org, [job])).get(job)

    return Auditor(opened.library.root, read, part.holds, recall, opened.around.clock.now())


async def _journals(opened: Reading) -> list[_Journal]:
    """Read every journal from its first line to its last."""
    found, strayed = [], opened.library.catalog.strayed
    for org in await opened.library.archive.orgs():
        journal = await open_journal(opened.library.root, org, opened.around, read_only=True)
        try:
            problem = f"{journal.path}: {_STRAYED}" if org in strayed else ""
            found.append(_Journal(org, await journal.verify_chain(), problem))
        except RecordDamaged as error:
            found.append(_Journal(org, 0, str(error)))
    return found


def _subset(text: str | None) -> Subset:
    try:
        return Subset() if text is None else Subset.parse(text)
    except ValueError as error:
        raise UsageError(f"verify --subset: {text} {error}") from error


async def _chosen(library: Library, names: tuple[str, ...]) -> tuple[AsyncIterator[PurePosixPath], int]:
    """Give the snapshots that are meant, and how many bytes their files have."""
    if not names:
        return _every(library), sum(org.size for org in await library.catalog.totals())
    rows = {row.path: row for row in [await find(library.catalog, name) for name in names]}
    return _each(tuple(rows)), sum(row.size for row in rows.values())


async def _each(paths: tuple[PurePosixPath, ...]) -> AsyncIterator[PurePosixPath]:
    for path in paths:
        yield path


async def _every(library: Library) -> AsyncIterator[PurePosixPath]:
    """Yield what lies in the archive, and then what should lie there and does not."""
    async for found in library.archive.snapshots():
        yield found.path
    page = await library.catalog.snapshots(limit=_PAGE)
    while page:
        for row in page:
            if not (library.root / row.path).is_dir():
                yield row.path
        page = await library.catalog.snapshots(limit=_PAGE, after=page[-1])


async def _write_lines(audits: AsyncIterator[Audit], tally: _Tally, journals: list[_Journal], *, quiet: bool) -> None:
    async for audit in audits:
        tally.add(audit)
        for finding in audit.findings:
            _say(f"{_MARKS[finding.outcome]:<14}{audit.path}: {finding.name}: {finding.problem}")
        if not audit.findings and not quiet:
            _say(f"{_MARKS[Outcome.OK]:<14}{audit.path}: {counted(audit.files, 'file')}, {size(audit.size)}")
    for journal in journals:
        if journal.problem:
            _say(f"{_MARKS[Outcome.FAILED]:<14}{journal.problem}")
        elif not quiet:
            _say(f"{_MARKS[Outcome.OK]:<14}{journal.org}/{JOURNAL}: {counted(journal.lines, 'line')}")
    if not quiet:
        read = f"{counted(tally.snapshots, 'snapshot')}, {counted(tally.files, 'file')}, {size(tally.size)} read again"
        bad = (
            f"{tally.failed} failed, {tally.inconclusive} inconclusive" if tally.outcome is not Outcome.OK else "all ok"
        )
        _say(f"{read}: {bad}")


async def _write_json(
    audits: AsyncIterator[Audit], tally: _Tally, subset: str | None, journals: list[_Journal]
) -> None:
    async def pages() -> AsyncIterator[tuple[answers.Document]]:
        async for audit in audits:
            tally.add(audit)
            yield (answers.audit(audit),)

    def rest() -> answers.Document:
        return {
            "journals": [
                {"org": journal.org, "lines": journal.lines, "problem": journal.problem or None} for journal in journals
            ],
            "outcome": str(tally.outcome),
            "subset": subset,
            "files": tally.files,
            "size": tally.size,
        }

    await answers.write_list("snapshots", pages(), rest)


def _say(line: str) -> None:
    sys.stdout.write(printable(line) + "\n")
    sys.stdout.flush()


def _raise_if_bad(tally: _Tally) -> None:
    if tally.failed:
        raise RecordDamaged(
            f"verify: {counted(tally.failed, 'snapshot')} of {tally.snapshots} not as archived",
            advice="Restore the named files from another copy of the archive.",
        )
    if tally.failed_journals:
        orgs = ", ".join(journal.org for journal in tally.failed_journals)
        raise RecordDamaged(
            f"verify: the journal of {orgs} is not as it was written",
            advice="Compare it with another copy of the archive; snapshots are not touched by it.",
        )
    if tally.inconclusive and tally.inconclusive == tally.gaps:
        raise RecordDamaged(
            f"verify: records of {counted(tally.gaps, 'snapshot')} of {tally.snapshots} lack something",
            advice="The files are as archived. The next cycle completes the records: verify again after it.",
        )
    if tally.inconclusive:
        raise ArchiveError(
            f"verify: {counted(tally.inconclusive, 'snapshot')} of {tally.snapshots} not read to the end",
            advice="Check the disk that holds the archive and who may read it, then verify again.",
        )
