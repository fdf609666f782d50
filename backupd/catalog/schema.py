"""The tables. Another version is not migrated, but rebuilt: nothing here is the only copy of anything.

Instants are text in one fixed form, in UTC, so that they sort as they follow each other.
"""

from datetime import UTC, datetime

VERSION = 1

TABLES = """
CREATE TABLE orgs (org TEXT PRIMARY KEY, zgid TEXT, read_to INTEGER NOT NULL, head TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY,
    org TEXT NOT NULL, zgid TEXT NOT NULL, job TEXT NOT NULL,
    path TEXT NOT NULL UNIQUE, folder TEXT NOT NULL,
    taken_at TEXT NOT NULL, taken_basis TEXT NOT NULL,
    expires_at TEXT NOT NULL, first_seen_at TEXT NOT NULL, archived_at TEXT NOT NULL,
    revision INTEGER NOT NULL, files INTEGER NOT NULL, size INTEGER NOT NULL,
    manifest_sha256 TEXT NOT NULL,
    journal_sha256 TEXT NOT NULL DEFAULT '', -- of the manifest, as the journal recorded it last
    problem TEXT,
    scrubbed_at TEXT, damaged INTEGER NOT NULL DEFAULT 0,
    UNIQUE (org, zgid, job)
);
CREATE INDEX snapshots_by_job ON snapshots (job);
CREATE INDEX snapshots_by_folder ON snapshots (folder);
CREATE INDEX snapshots_by_age ON snapshots (taken_at, path);
CREATE INDEX snapshots_of_org_by_age ON snapshots (org, taken_at, path);
CREATE INDEX snapshots_summed ON snapshots (org, files, size, damaged, problem, taken_at, archived_at);

CREATE TABLE files (
    snapshot INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    size INTEGER NOT NULL, sha256 TEXT NOT NULL, members INTEGER NOT NULL, unpacked_size INTEGER NOT NULL,
    verified_at TEXT NOT NULL,
    PRIMARY KEY (snapshot, kind, name)
) WITHOUT ROWID;

CREATE TABLE jobs (
    org TEXT NOT NULL, zgid TEXT NOT NULL, job TEXT NOT NULL,
    first_seen_at TEXT NOT NULL, expires_at TEXT NOT NULL,
    open INTEGER NOT NULL DEFAULT 1,   -- a link of it is neither archived nor given up
    linked INTEGER NOT NULL DEFAULT 1, -- its links are still kept
    missed_at TEXT, missed_files INTEGER, missed_saved INTEGER,
    PRIMARY KEY (org, zgid, job)
) WITHOUT ROWID;
CREATE INDEX jobs_open ON jobs (org) WHERE open = 1;
CREATE INDEX jobs_missed ON jobs (org, missed_at) WHERE missed_at IS NOT NULL;
CREATE INDEX jobs_linked ON jobs (org, expires_at) WHERE linked = 1;

CREATE TABLE links (
    org TEXT NOT NULL, zgid TEXT NOT NULL, job TEXT NOT NULL,
    kind TEXT NOT NULL, name TEXT NOT NULL, url BLOB NOT NULL,
    PRIMARY KEY (org, zgid, job, kind, name)
) WITHOUT ROWID;

CREATE TABLE history (
    org TEXT NOT NULL, id TEXT NOT NULL, at TEXT, entry TEXT NOT NULL,
    PRIMARY KEY (org, id)
) WITHOUT ROWID;
CREATE INDEX history_by_time ON history (org, at);
"""


def to_column(instant: datetime) -> str:
    """Write an instant as its column holds it."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def from_column(text: str) -> datetime:
    """Read an instant from its column."""
    return datetime.fromisoformat(text).astimezone(UTC)
