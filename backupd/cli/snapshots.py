"""`backupd list` and `backupd show`: what is in the archive."""

import sys
from collections.abc import AsyncIterator
from typing import Annotated

from cyclopts import Parameter

from backupd.catalog import Catalog, FileRow, SnapshotRow
from backupd.cli import answers, table
from backupd.cli.options import SNAPSHOT, Handed, Json, Org
from backupd.cli.reading import find, reading
from backupd.cli.table import Cell, Column
from backupd.core.figures import counted, instant, size
from backupd.core.manifest import Manifest, ManifestFile
from backupd.core.model import TakenBasis
from backupd.core.names import path_in_snapshot

_PAGE = 1000  # snapshots held in memory at once
_DATE = 10  # characters that an instant begins with
_SNAPSHOTS = (
    Column("ORG"),
    Column("SNAPSHOT", whole=True),
    Column("FILES", right=True, whole=True, spare=True),
    Column("SIZE", right=True, whole=True),
    Column("ARCHIVED", whole=True, spare=True),
    Column("STATE"),
)
_FACTS = (Column("", whole=True), Column(""))
_FILES = (
    Column("FILE"),
    Column("SIZE", right=True, whole=True),
    Column("MEMBERS", right=True, whole=True),
    Column("UNPACKED", right=True, whole=True, spare=True),
    Column("TRIES", right=True, whole=True, spare=True),
    Column("VERIFIED"),
)
_BASIS = {
    TakenBasis.HISTORY: "as the vendor's history says",
    TakenBasis.EXPIRY: "as the expiry of its links tells",
    TakenBasis.FIRST_SEEN: "when it was first seen",
}


async def list_(*, org: Org = None, as_json: Json = False, invocation: Handed) -> int:
    """List the snapshots, newest first."""
    async with reading(invocation, org=org) as opened:
        pages = _pages(opened.library.catalog, org)
        if as_json:
            await answers.write_list("snapshots", (map(answers.snapshot, page) async for page in pages))
            return 0
        titles = True
        async for page in pages:
            table.write(_SNAPSHOTS, [_row(row) for row in page], titles=titles)
            titles = False
    return 0


async def show(
    snapshot: Annotated[str, Parameter(help=f"Which one: {SNAPSHOT}.")],
    /,
    *,
    as_json: Json = False,
    invocation: Handed,
) -> int:
    """Show one snapshot: its files, checksums and times."""
    async with reading(invocation) as opened:
        row = await find(opened.library.catalog, snapshot)
        manifest = await opened.library.archive.read(row.path)
        readings = {reading.file: reading for reading in await opened.library.catalog.files(row.path)}
        folder = opened.library.root / row.path
    if as_json:
        more = {"readings": [answers.reading(each) for each in readings.values()]}
        document = {"folder": str(folder), **more, "manifest": answers.manifest(manifest)}
        answers.write({**answers.snapshot(row), **document})
        return 0
    table.write(_FACTS, [*_facts(row, manifest), ("Folder", str(folder))], titles=False)
    sys.stdout.write("\n")
    table.write(_FILES, [_file(entry, readings.get(entry.file)) for entry in manifest.files])
    sys.stdout.write("\nSHA-256\n")
    for entry in manifest.files:
        sys.stdout.write(f"{path_in_snapshot(entry.file)}\n  {entry.received.sha256}\n")
    return 0


async def _pages(catalog: Catalog, org: str | None) -> AsyncIterator[tuple[SnapshotRow, ...]]:
    page = await catalog.snapshots(org, limit=_PAGE)
    while page:
        yield page
        page = await catalog.snapshots(org, limit=_PAGE, after=page[-1])


def _row(row: SnapshotRow) -> table.Row:
    state = _state(row)
    archived = row.archived_text[:_DATE]
    return row.org, row.folder, str(row.files), size(row.size), archived, state if state == "ok" else Cell(state, "bad")


def _state(row: SnapshotRow) -> str:
    state = answers.state(row)
    return f"{state}, partial" if row.missing else state


def _facts(row: SnapshotRow, manifest: Manifest) -> tuple[tuple[str, str], ...]:
    schedule = manifest.schedule
    return (
        ("Snapshot", row.place),
        ("Taken", f"{instant(manifest.taken.at)}, {_BASIS[manifest.taken.basis]}"),
        (
            "Archived",
            f"{instant(manifest.archived_at)}, revision {manifest.revision}, by backupd {manifest.tool_version}",
        ),
        ("Links", f"first seen {instant(manifest.first_seen_at)}, valid until {instant(manifest.expires_at)}"),
        ("Content", f"{counted(len(manifest.files), 'file')}, {size(manifest.size)}"),
        *((("Missing", ", ".join(map(str, manifest.missing))),) if manifest.partial else ()),
        ("Schedule", f"{schedule.rrule or 'without a rule'}, {schedule.status}" if schedule else "not known"),
        ("State", _state(row) + (f", read again {instant(row.scrubbed_at)}" if row.scrubbed_at else "")),
    )


def _file(entry: ManifestFile, found: FileRow | None) -> table.Row:
    received = entry.received
    return (
        str(path_in_snapshot(entry.file)),
        size(received.size),
        f"{received.checked.members:,}",
        size(received.checked.unpacked_size),
        str(received.attempts),
        _verified(found) if found else "",
    )


def _verified(found: FileRow) -> Cell:
    at = instant(found.read_at or found.verified_at)
    return Cell(f"damaged {at}", "bad") if found.damaged else Cell(at)
