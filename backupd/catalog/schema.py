"""The tables. Another version is not migrated, but rebuilt: nothing here is the only copy of anything.

Instants are text in one fixed form, in UTC, so that they sort as they follow each other. What is acted on is sealed
(`catalog.sealing`); a seal is the last column of its table.
"""

from datetime import UTC, datetime

from backupd.core.times import to_fixed_text

VERSION = 9
PAGE = 16_384  # bytes: what is read of all snapshots takes three quarters of the time that it takes in pages of 4 KB

TABLES = """
CREATE TABLE orgs (
    org TEXT PRIMARY KEY, zgid TEXT, read_to INTEGER NOT NULL, head TEXT NOT NULL,
    began_at TEXT,     -- the journal's first line
    reconciled_at TEXT, -- the vendor's history was read to its end
    live INTEGER NOT NULL DEFAULT 0, seal INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY,
    org TEXT NOT NULL, zgid TEXT NOT NULL, job TEXT NOT NULL,
    path TEXT NOT NULL UNIQUE, folder TEXT NOT NULL,
    taken_at TEXT NOT NULL, taken_basis TEXT NOT NULL,
    expires_at TEXT NOT NULL, first_seen_at TEXT NOT NULL, archived_at TEXT NOT NULL,
    revision INTEGER NOT NULL, files INTEGER NOT NULL, size INTEGER NOT NULL,
    manifest_sha256 TEXT NOT NULL,
    journal_sha256 TEXT NOT NULL DEFAULT '', -- of the manifest, as the journal recorded it last
    journal_revision INTEGER NOT NULL DEFAULT 0,
    problem TEXT,
    missing INTEGER NOT NULL DEFAULT 0, -- files of the job that could not be had: it is partial
    scrubbed_at TEXT,
    other INTEGER NOT NULL DEFAULT 0,   -- what else in its folder was not as it should be when it was last read
    damaged INTEGER NOT NULL DEFAULT 0, -- that (a manifest that cannot be read too), and its damaged files
    unread INTEGER NOT NULL DEFAULT 0,  -- files that could not be read to their end when that was last tried
    listed BLOB NOT NULL DEFAULT x'', -- what lists show and retention judges by, once more, in one piece
    list_seal INTEGER NOT NULL DEFAULT 0, -- of that
    files_seal INTEGER NOT NULL DEFAULT 0, seal INTEGER NOT NULL DEFAULT 0,
    UNIQUE (org, zgid, job)
);
CREATE INDEX snapshots_by_job ON snapshots (job);
CREATE INDEX snapshots_by_folder ON snapshots (folder);
CREATE INDEX snapshots_by_age ON snapshots (taken_at, path, org, listed, list_seal); -- lists need no look at the rows
CREATE INDEX snapshots_of_org_by_age ON snapshots (org, taken_at, path);
CREATE INDEX snapshots_damaged ON snapshots (org) WHERE damaged > 0;
CREATE INDEX snapshots_unrecorded ON snapshots (org) WHERE journal_revision < revision;
CREATE INDEX snapshots_summed ON snapshots (org, files, size, damaged, problem, taken_at, archived_at);

CREATE TABLE files (
    snapshot INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    size INTEGER NOT NULL, sha256 TEXT NOT NULL, members INTEGER NOT NULL, unpacked_size INTEGER NOT NULL,
    verified_at TEXT NOT NULL,
    read_at TEXT NOT NULL,              -- when it was last read to its end
    damaged INTEGER NOT NULL DEFAULT 0, -- it was not as recorded then, or could not be read for long
    unread_since TEXT, unread_at TEXT,  -- when reading it failed, first and last; null: the last try did not fail
    PRIMARY KEY (snapshot, kind, name)
) WITHOUT ROWID;
CREATE INDEX files_by_reading ON files (read_at);
CREATE INDEX files_unread ON files (unread_at) WHERE unread_at IS NOT NULL;
CREATE INDEX files_damaged ON files (snapshot) WHERE damaged = 1;

CREATE TABLE jobs (
    org TEXT NOT NULL, zgid TEXT NOT NULL, job TEXT NOT NULL,
    first_seen_at TEXT NOT NULL, expires_at TEXT NOT NULL,
    open INTEGER NOT NULL DEFAULT 1,   -- a link of it is neither archived nor given up
    linked INTEGER NOT NULL DEFAULT 1, -- its links are still kept
    missed_at TEXT, missed_files INTEGER, missed_saved INTEGER,
    told_expires_at TEXT, told_step INTEGER, -- the last step of its deadline that was told, in seconds
    dropped_at TEXT, dropped_path TEXT, -- its snapshot was taken out of the archive by rule
    links_seal INTEGER NOT NULL DEFAULT 0, seal INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (org, zgid, job)
) WITHOUT ROWID;
CREATE INDEX jobs_open ON jobs (org) WHERE open = 1;
CREATE INDEX jobs_dropped ON jobs (org, dropped_at) WHERE dropped_at IS NOT NULL;
CREATE INDEX jobs_missed ON jobs (org, missed_at) WHERE missed_at IS NOT NULL;
CREATE INDEX jobs_by_first_sight ON jobs (org, first_seen_at);
CREATE INDEX jobs_linked ON jobs (org, expires_at) WHERE linked = 1 AND open = 0;

CREATE TABLE links (
    org TEXT NOT NULL, zgid TEXT NOT NULL, job TEXT NOT NULL,
    kind TEXT NOT NULL, name TEXT NOT NULL, url BLOB NOT NULL,
    PRIMARY KEY (org, zgid, job, kind, name)
) WITHOUT ROWID;

CREATE TABLE holds (
    org TEXT NOT NULL, zgid TEXT NOT NULL, job TEXT NOT NULL, reason TEXT NOT NULL, since TEXT NOT NULL,
    PRIMARY KEY (org, zgid, job)
) WITHOUT ROWID;

CREATE TABLE alarms (
    org TEXT NOT NULL, key TEXT NOT NULL, condition TEXT NOT NULL, text TEXT NOT NULL,
    extent INTEGER NOT NULL, stays INTEGER NOT NULL,
    raised_at TEXT NOT NULL, told_at TEXT NOT NULL,
    unsteady INTEGER NOT NULL, acknowledged INTEGER NOT NULL,
    cleared_at TEXT, -- kept then, so that what was told of once is known
    PRIMARY KEY (org, key)
) WITHOUT ROWID;
CREATE INDEX alarms_standing ON alarms (org) WHERE cleared_at IS NULL;

CREATE TABLE history (
    org TEXT NOT NULL, id TEXT NOT NULL, at TEXT, entry TEXT NOT NULL,
    PRIMARY KEY (org, id)
) WITHOUT ROWID;
CREATE INDEX history_by_time ON history (org, at);
"""


def to_column(instant: datetime) -> str:
    """Write an instant as its column holds it."""
    return to_fixed_text(instant)


def from_column(text: str) -> datetime:
    """Read an instant from its column."""
    return datetime.fromisoformat(text).astimezone(UTC)
