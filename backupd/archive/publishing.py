"""Carrying out what was decided to exist: the one rename of a new snapshot, or adding files to a published one.

Each step may be the last before a crash; carrying the same intention out again finishes the work and changes nothing
that is finished. At every step `sha256sum -c SHA256SUMS` passes in the published folder. Blocking; for threads.
"""

import os
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path, PurePosixPath

from backupd.archive.disk import (
    PRIVATE_FOLDER,
    PUBLIC_FOLDER,
    PUBLISHED_FILE,
    make_folder,
    move,
    put,
    sha256_of,
    sync_file,
    sync_folder,
)
from backupd.archive.growth import SCRATCH, TREE, Intention
from backupd.archive.reading import checksums, manifest_bytes, read_now
from backupd.core.errors import ArchiveError
from backupd.core.manifest import Manifest, ManifestFile
from backupd.core.model import JobId
from backupd.core.names import CHECKSUMS, MANIFEST, TRASH, path_in_snapshot, trash_name
from backupd.core.records import PublishedSnapshot


def published_at(root: Path, path: PurePosixPath, job: JobId) -> Manifest | None:
    """Return the manifest of the job's snapshot at `path`, or None if nothing is there.

    Raises ArchiveError if something else is there, RecordDamaged if its manifest cannot be read.
    """
    folder = root / path
    if not folder.exists():
        return None
    if not (folder / MANIFEST).exists():
        raise ArchiveError(f"{folder}: a folder that is not ours has the name of a snapshot", advice=_FOREIGN)
    manifest = read_now(root, path)
    if manifest.job != job:
        raise ArchiveError(f"{folder}: it is the snapshot of another job", advice=_FOREIGN)
    return manifest


def damaged(folder: Path, manifest: Manifest, entries: Iterable[ManifestFile]) -> tuple[ManifestFile, ...]:
    """Return those of `entries` that a published snapshot lists and whose file in it is not as listed, or is gone."""
    listed = {entry.file: entry.received.sha256 for entry in manifest.files}
    return tuple(
        entry for entry in entries if _sha256_if_any(folder / path_in_snapshot(entry.file)) != listed[entry.file]
    )


def carry_out(root: Path, staging: Path, intention: Intention) -> PublishedSnapshot:
    """Make the intention true, from whatever a crash left of an earlier try. Raises OSError or ArchiveError."""
    path, manifest = intention.path, intention.manifest
    there = published_at(root, path, manifest.job)
    if there is None:
        _publish(root / path, staging, manifest)
    elif there.revision < manifest.revision:
        _add(root, staging, intention)
    else:
        manifest = there
        _complete(root / path, staging, manifest)
    digest = sha256_of(root / path / MANIFEST)
    return PublishedSnapshot(path, manifest, digest, intention.added, intention.healed)


def _publish(target: Path, staging: Path, manifest: Manifest) -> None:
    """Make the whole tree ready in staging, then give it its name."""
    tree, scratch = staging / TREE, staging / SCRATCH
    for entry in manifest.files:
        _seal(tree / path_in_snapshot(entry.file))
    for kind in {entry.file.kind for entry in manifest.files}:
        sync_folder(tree / kind)
    text = manifest_bytes(manifest)
    put(tree / MANIFEST, text, mode=PUBLISHED_FILE, scratch=scratch)
    put(tree / CHECKSUMS, checksums(manifest, _digest(text)), mode=PUBLISHED_FILE, scratch=scratch)
    tree.chmod(PUBLIC_FOLDER)
    sync_folder(tree)
    make_folder(target.parent.parent, PUBLIC_FOLDER)
    make_folder(target.parent, PUBLIC_FOLDER)
    move(tree, target)


def _add(root: Path, staging: Path, intention: Intention) -> None:
    """Rename files into a published folder, then let its records follow."""
    target, manifest, scratch = root / intention.path, intention.manifest, staging / SCRATCH
    if intention.healed:
        kept = tuple(entry for entry in manifest.files if entry.file not in intention.added)
        listed = checksums(replace(manifest, files=kept), None)
        put(target / CHECKSUMS, listed, mode=PUBLISHED_FILE, scratch=scratch)
    for entry in manifest.files:
        if entry.file in intention.healed:
            _put_aside(entry, root, staging, intention)
        if entry.file in intention.added:
            _bring_in(entry, target, staging / TREE)
    text = manifest_bytes(manifest)
    put(target / CHECKSUMS, checksums(manifest, None), mode=PUBLISHED_FILE, scratch=scratch)
    put(target / MANIFEST, text, mode=PUBLISHED_FILE, scratch=scratch)
    put(target / CHECKSUMS, checksums(manifest, _digest(text)), mode=PUBLISHED_FILE, scratch=scratch)


def _put_aside(entry: ManifestFile, root: Path, staging: Path, intention: Intention) -> None:
    """Move a damaged file into the trash, to make room for the whole one, unless an earlier try did."""
    name = path_in_snapshot(entry.file)
    place = root / intention.path / name
    if os.path.lexists(place) and (staging / TREE / name).exists():
        make_folder(root / TRASH, PRIVATE_FOLDER)
        what = f"{entry.file.kind}_{intention.manifest.revision - 1}_{entry.file.name}"
        move(place, root / TRASH / trash_name(entry.verified_at, intention.path, f"{what[:_SHORT]}.damaged"))


def _bring_in(entry: ManifestFile, target: Path, tree: Path) -> None:
    """Rename one file into the published folder, unless an earlier try did."""
    source, place = tree / path_in_snapshot(entry.file), target / path_in_snapshot(entry.file)
    if not place.exists():
        _seal(source)
        make_folder(place.parent, PUBLIC_FOLDER)
        move(source, place)
    elif source.exists() or sha256_of(place) != entry.received.sha256:
        raise ArchiveError(f"{place}: a file that the snapshot does not list is in the way", advice=_FOREIGN)
    else:
        sync_folder(place.parent)


def _complete(target: Path, staging: Path, manifest: Manifest) -> None:
    """Finish what may be missing behind the manifest: its line in SHA256SUMS, and the names' way to the disk."""
    sums = target / CHECKSUMS
    expected = checksums(manifest, sha256_of(target / MANIFEST))
    if not sums.exists() or sums.read_bytes() != expected:
        put(sums, expected, mode=PUBLISHED_FILE, scratch=staging / SCRATCH)
    sync_folder(target)
    sync_folder(target.parent)


def _sha256_if_any(file: Path) -> str | None:
    try:
        return None if file.is_symlink() else sha256_of(file)
    except OSError:
        return None  # what the disk does not give back is damaged


def _digest(text: bytes) -> str:
    return sha256(text).hexdigest()


def _seal(file: Path) -> None:
    file.chmod(PUBLISHED_FILE)
    sync_file(file)


_SHORT = 30  # characters: with the snapshot's name before them the whole stays a name for any file system
_FOREIGN = "Move it out of the archive; backupd never overwrites what it did not put there."
