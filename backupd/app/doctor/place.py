"""Looks at where the archive lies: modes, owner, disk, records, locks."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from backupd.app.library import open_journal
from backupd.app.surroundings import Surroundings
from backupd.archive import is_mount_point, require_root, trial
from backupd.archive.glance import look_at_disk
from backupd.archive.locking import held_since, holder
from backupd.catalog.glance import look
from backupd.core.diagnosis import modes
from backupd.core.diagnosis import place as rules
from backupd.core.diagnosis.finding import Finding, ok, refused
from backupd.core.errors import BackupdError
from backupd.core.names import CATALOG, STATE
from backupd.settings import Settings
from backupd.settings.provenance import Provenance


def owns(root: Path) -> bool:
    """Tell whether the archive belongs to the user who asks. Blocking."""
    found = trial.access(root)
    return found is not None and found.uid == os.geteuid()


def examine_place(settings: Settings, found: Provenance) -> list[Finding]:
    """Look at modes and disk. Blocking."""
    root = settings.archive.root
    access = trial.access(root)
    try:
        require_root(root, settings.root_set_in(), require_mount=settings.archive.require_mount, writable=False)
        if access is None:
            return []
        return list(_examine(settings, found, access))
    except BackupdError as error:
        return [refused("archive", error)]


async def examine_records(settings: Settings, around: Surroundings) -> list[Finding]:
    """Look at catalog, journals and locks; nothing if there is no archive, which is told elsewhere."""
    root = settings.archive.root
    if not os.access(root, os.R_OK | os.X_OK):
        return []
    findings = [await _catalog(settings)]
    for org in settings.orgs:
        try:
            journal = await open_journal(root, org, around, read_only=True)
            findings.append(rules.journal(org, await journal.verify_chain(), journal.head))
        except BackupdError as error:
            findings.append(refused("journal", error, org=org))
    now, state = around.clock.now(), root / STATE
    return findings + [rules.lock(org, holder(state, org), held_since(state, org), now) for org in settings.orgs]


def _examine(settings: Settings, found: Provenance, access: modes.Access) -> Iterator[Finding]:
    root = settings.archive.root
    holdings = modes.Holdings(
        trial.access(found.file) if found.file else None,
        found.secrets_in_file,
        () if found.process.in_container else _accesses(found.secret_files),
        access,
        trial.org_folders(root),
        trial.private_places(root),
    )
    yield from modes.examine(holdings, modes.User(access.uid, access.gid))
    yield rules.user(root, _name_of(access.uid), us=os.geteuid(), owners=access.uid)
    yield rules.mount(root, is_mount=is_mount_point(root), required=settings.archive.require_mount)
    yield from _disk(settings)


def _disk(settings: Settings) -> Iterator[Finding]:
    root = settings.archive.root
    try:
        require_root(root, settings.root_set_in(), require_mount=False, writable=True)
        space = look_at_disk(root)
        unreached = (*space.apart, *trial.try_renames(root)) if not space.apart else space.apart
    except BackupdError as error:
        yield refused("archive", error)
        return
    yield ok("archive", f"{root} can be read and written")
    kind = trial.kind_of_file_system(root)
    yield rules.file_system(root, unreached, kind, catalog_apart=settings.catalog.path is not None)
    yield rules.space(space.free, settings.archive.min_free)


async def _catalog(settings: Settings) -> Finding:
    root = settings.archive.root
    path = settings.catalog.path or root / CATALOG
    try:
        seen = await look(path)
    except BackupdError as error:
        return refused("catalog", error)
    return rules.catalog(path, seen.problem, seen.snapshots, is_new=not path.exists() and not trial.org_folders(root))


def _accesses(paths: tuple[Path, ...]) -> list[modes.Access]:
    return [found for found in map(trial.access, paths) if found is not None]


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
