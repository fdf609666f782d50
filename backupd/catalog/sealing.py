"""Seals: a checksum beside what cycles and rules act on, since SQLite does not notice a bit that turned over.

A row's seal covers its columns and its files or links; a snapshot has a second one, over a copy in one piece of the
columns that are read of all snapshots at once. An org's seal covers which of them its cycles go by, so that one that
is not found any more is noticed too. Each change sees first that what it changes is sound. Seals are plain numbers in
columns of their own: other programs read the tables as ever.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from marshal import dumps, loads
from typing import Any
from zlib import crc32

from backupd.core.model import JobId

LISTED = (
    "org, zgid, job, path, taken_at, taken_basis, first_seen_at, archived_at, revision, files, size, manifest_sha256,"
    " problem, scrubbed_at, damaged, missing, unread"
)
"""The columns of `snapshots` that are kept once more in one piece: what lists show and retention judges by."""

_OF_SNAPSHOT = "SELECT * FROM snapshots WHERE org = ? AND zgid = ? AND job = ?"
_OF_SNAPSHOT_TOO = "SELECT 1 FROM snapshots INDEXED BY snapshots_by_job WHERE org = ? AND zgid = ? AND job = ?"
_OF_JOB = "SELECT * FROM jobs WHERE org = ? AND zgid = ? AND job = ?"
_OF_ORG = "SELECT * FROM orgs WHERE org = ?"
_LISTED_OF = f"SELECT {LISTED} FROM snapshots WHERE id = ?"  # noqa: S608  ours
_FILES = "SELECT * FROM files WHERE snapshot = ? ORDER BY kind, name"
_LINKS = "SELECT * FROM links WHERE org = ? AND zgid = ? AND job = ? ORDER BY kind, name"
# CROSS JOIN keeps the order: SQLite knows of no figures, and would go through all snapshots to find few files.
_DAMAGED = "files INDEXED BY files_damaged CROSS JOIN snapshots ON snapshots.id = files.snapshot"
_WITH_JOB = f"{_DAMAGED} LEFT JOIN jobs USING (org, zgid, job)"
_LIVE = tuple(  # asked as the answers are: by the same indexes; few rows, however many snapshots there are
    f"SELECT {what} ORDER BY 1, 2, 3"
    for what in (
        "zgid, job, seal FROM jobs INDEXED BY jobs_open WHERE org = ? AND open = 1",
        "zgid, job, seal FROM jobs INDEXED BY jobs_missed WHERE org = ? AND missed_at IS NOT NULL",
        "id, seal, 0 FROM snapshots INDEXED BY snapshots_damaged WHERE org = ? AND damaged > 0",
        f"files.*, linked FROM {_WITH_JOB} WHERE org = ? AND files.damaged = 1",
        "* FROM holds WHERE org = ?",
        "* FROM alarms INDEXED BY alarms_standing WHERE org = ? AND cleared_at IS NULL",
    )
)

_OTHERWISE = "it is not as it was written"
_FORM = 2  # of marshal: the last that goes by values alone, and not by which of them are one object in memory

Row = dict[str, Any]
Values = tuple[Any, ...]
Key = tuple[str, str, str]  # org, zgid, job


def sound(rows: sqlite3.Cursor) -> Iterator[Row]:
    """Yield whole rows of a sealed table, by column. Raises ValueError at one that is not as it was written."""
    names = _names(rows)[:-1]
    return (dict(zip(names, values, strict=True)) for values in _whole(rows))


def sound_list(db: sqlite3.Connection, which: str, parameters: Sequence[object]) -> Iterator[Values]:
    """Yield what is LISTED of snapshots. Raises ValueError at one that is not as it was written.

    From the copy: one column takes a third of the time of many.
    """
    for listed, seal in db.execute(f"SELECT listed, list_seal FROM snapshots {which}", parameters):  # noqa: S608  ours
        if seal != crc32(listed):
            raise ValueError(_OTHERWISE)
        yield loads(listed)  # noqa: S302  written here, and just as it was


def sound_snapshot(db: sqlite3.Connection, org: str, job: JobId) -> tuple[Row, list[Row]] | None:
    """Return the row of a job's snapshot and those of its files. Raises ValueError if they are not as written."""
    for row in sound(db.execute(_OF_SNAPSHOT, (org, job.zgid, job.job))):
        return row, _parts(db.execute(_FILES, (row["id"],)), row["files_seal"])
    if db.execute(_OF_SNAPSHOT_TOO, (org, job.zgid, job.job)).fetchone():
        message = "one index of it finds a snapshot that another does not"
        raise ValueError(message)
    return None


def sound_job(db: sqlite3.Connection, org: str, job: JobId) -> tuple[Row, list[Row]] | None:
    """Return a job's row and those of its links. Raises ValueError if they are not as written."""
    key = (org, job.zgid, job.job)
    for row in sound(db.execute(_OF_JOB, key)):
        return row, _parts(db.execute(_LINKS, key), row["links_seal"])
    return None


def sound_org(db: sqlite3.Connection, org: str) -> Row | None:
    """Return the org's row, if there is one. Raises ValueError if it, or what its cycles go by, is not as written."""
    for row in sound(db.execute(_OF_ORG, (org,))):
        if row["live"] != _live(db, org):
            message = "what was to be found in it is not found"
            raise ValueError(message)
        return row
    return None


def seal_org(db: sqlite3.Connection, org: str) -> None:
    """Seal an org, as what is known of it stands now."""
    db.execute("UPDATE orgs SET live = ? WHERE org = ?", (_live(db, org), org))
    row = db.execute(_OF_ORG, (org,)).fetchone()
    if row is not None:
        db.execute("UPDATE orgs SET seal = ? WHERE org = ?", (_checksum(row[:-1]), org))


def seal_job(db: sqlite3.Connection, org: str, job: JobId) -> None:
    """Seal all that is known of a job, as it stands now."""
    key = (org, job.zgid, job.job)
    for row in db.execute(_OF_SNAPSHOT, key).fetchall():
        _seal_snapshot(db, row)
    for row in db.execute(_OF_JOB, key).fetchall():
        _seal_job(db, row)


def seal_next(db: sqlite3.Connection, table: str, after: Key, limit: int) -> Key | None:
    """Seal rows of `snapshots` or `jobs` that follow a key, which begins with empty texts; None: there are no more."""
    seal, first = (_seal_snapshot, 1) if table == "snapshots" else (_seal_job, 0)
    query = f"SELECT * FROM {table} WHERE (org, zgid, job) > (?, ?, ?) ORDER BY org, zgid, job LIMIT ?"  # noqa: S608  ours
    rows = db.execute(query, (*after, limit)).fetchall()
    for row in rows:
        seal(db, row)
    return rows[-1][first : first + 3] if rows else None


def _names(rows: sqlite3.Cursor) -> list[str]:
    return [column[0] for column in rows.description]


def _whole(rows: sqlite3.Cursor) -> Iterator[Values]:
    for row in rows:
        values = row[:-1]
        if row[-1] != _checksum(values):
            raise ValueError(_OTHERWISE)
        yield values


def _seal_snapshot(db: sqlite3.Connection, row: Values) -> None:
    listed = dumps(db.execute(_LISTED_OF, (row[0],)).fetchone(), _FORM)
    values = (listed, crc32(listed), _checksum(db.execute(_FILES, (row[0],)).fetchall()))
    seal = _checksum((*row[:-4], *values))
    setting = "UPDATE snapshots SET listed = ?, list_seal = ?, files_seal = ?, seal = ? WHERE id = ?"
    db.execute(setting, (*values, seal, row[0]))


def _seal_job(db: sqlite3.Connection, row: Values) -> None:
    key = row[:3]
    links = _checksum(db.execute(_LINKS, key).fetchall())
    seal = _checksum((*row[:-2], links))
    db.execute("UPDATE jobs SET links_seal = ?, seal = ? WHERE org = ? AND zgid = ? AND job = ?", (links, seal, *key))


def _parts(rows: sqlite3.Cursor, seal: int) -> list[Row]:
    names = _names(rows)
    found = rows.fetchall()
    if seal != _checksum(found):
        message = "its parts are not as they were written"
        raise ValueError(message)
    return [dict(zip(names, row, strict=True)) for row in found]


def _live(db: sqlite3.Connection, org: str) -> int:
    return _checksum([db.execute(query, (org,)).fetchall() for query in _LIVE])


def _checksum(values: Any) -> int:
    return crc32(dumps(values, _FORM))  # half the time of a repr; should Python change the form, catalogs are made anew
