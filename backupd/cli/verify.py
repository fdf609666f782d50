"""`backupd verify`: snapshots read again, to see whether they are intact and complete."""

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated

from cyclopts import Parameter

from backupd.app import Library
from backupd.cli import answers
from backupd.cli.auditing import Audit, Auditor
from backupd.cli.failures import printable
from backupd.cli.meter import Meter
from backupd.cli.options import SNAPSHOT, Handed, Json
from backupd.cli.reading import find, reading
from backupd.core.audit import Outcome
from backupd.core.errors import ArchiveError, RecordDamaged, UsageError
from backupd.core.figures import counted, size
from backupd.core.subset import Subset
from backupd.settings import Settings
from backupd.verify import ZipLimits

_PAGE = 1000  # snapshots held in memory at once
_ALL = Parameter(name="--all", help="Every snapshot.")
_SUBSET = Parameter(
    metavar="N/T", help="Part N of T of all files; T runs read everything, each file once. For cron: one part a night."
)
_MARKS = {Outcome.OK: "ok", Outcome.FAILED: "FAILED", Outcome.INCONCLUSIVE: "INCONCLUSIVE"}


@dataclass(slots=True)
class _Tally:
    """What all audits came to."""

    snapshots: int = 0
    files: int = 0
    size: int = 0
    failed: int = 0
    inconclusive: int = 0

    def add(self, audit: Audit) -> None:
        self.snapshots += 1
        self.files += audit.files
        self.size += audit.size
        self.failed += audit.outcome is Outcome.FAILED
        self.inconclusive += audit.outcome is Outcome.INCONCLUSIVE

    @property
    def outcome(self) -> Outcome:
        if self.failed:
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
        with Meter(sys.stderr, expected // part.parts, wanted=not invocation.quiet) as meter:
            auditor = Auditor(opened.library.root, _limits(opened.settings), part, meter.advance)
            audits = (await auditor.audit(path) async for path in paths)
            tally = _Tally()
            if as_json:
                await _write_json(audits, tally, subset)
            else:
                await _write_lines(audits, tally, quiet=invocation.quiet)
    _raise_if_bad(tally)
    return 0


def _subset(text: str | None) -> Subset:
    try:
        return Subset() if text is None else Subset.parse(text)
    except ValueError as error:
        raise UsageError(f"verify --subset: {text} {error}") from error


def _limits(settings: Settings) -> ZipLimits:
    limits = settings.verify
    return ZipLimits(limits.max_ratio, limits.max_total, limits.max_members)


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


async def _write_lines(audits: AsyncIterator[Audit], tally: _Tally, *, quiet: bool) -> None:
    async for audit in audits:
        tally.add(audit)
        for finding in audit.findings:
            _say(f"{_MARKS[finding.outcome]:<14}{audit.path}: {finding.name}: {finding.problem}")
        if not audit.findings and not quiet:
            _say(f"{_MARKS[Outcome.OK]:<14}{audit.path}: {counted(audit.files, 'file')}, {size(audit.size)}")
    if not quiet:
        read = f"{counted(tally.snapshots, 'snapshot')}, {counted(tally.files, 'file')}, {size(tally.size)} read again"
        bad = (
            f"{tally.failed} failed, {tally.inconclusive} inconclusive" if tally.outcome is not Outcome.OK else "all ok"
        )
        _say(f"{read}: {bad}")


async def _write_json(audits: AsyncIterator[Audit], tally: _Tally, subset: str | None) -> None:
    async def documents() -> AsyncIterator[answers.Document]:
        async for audit in audits:
            tally.add(audit)
            yield answers.audit(audit)

    def rest() -> answers.Document:
        return {"outcome": str(tally.outcome), "subset": subset, "files": tally.files, "size": tally.size}

    await answers.write_list("snapshots", documents(), rest)


def _say(line: str) -> None:
    sys.stdout.write(printable(line) + "\n")
    sys.stdout.flush()


def _raise_if_bad(tally: _Tally) -> None:
    if tally.failed:
        raise RecordDamaged(
            f"verify: {counted(tally.failed, 'snapshot')} of {tally.snapshots} not as archived",
            advice="Restore the named files from another copy of the archive.",
        )
    if tally.inconclusive:
        raise ArchiveError(
            f"verify: {counted(tally.inconclusive, 'snapshot')} of {tally.snapshots} not read to the end",
            advice="Check the disk that holds the archive and who may read it, then verify again.",
        )
