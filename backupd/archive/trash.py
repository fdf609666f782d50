"""Taking snapshots out of the archive: one rename into `.trash`, which is emptied later. Blocking; for threads.

A note beside it says what was decided, from before the rename until the journal tells it: after a crash the next start
writes the missing line. Use under the org's lock.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path, PurePosixPath

from backupd.archive.disk import (
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    make_folder,
    make_folders,
    move,
    put,
    remove,
    remove_tree,
    sync_folder,
)
from backupd.core.model import JobId
from backupd.core.names import TRASH, trash_name, trashed_at
from backupd.core.records import Dropping
from backupd.core.times import from_text, to_text

_NOTES = "notes"
_GOING = "emptying"  # what is in there is not whole any more


def drop(root: Path, dropping: Dropping) -> None:
    """Move a snapshot into the trash, if it is still there, and leave a note of it. Raises OSError."""
    make_folder(root / TRASH, PRIVATE_FOLDER)
    make_folders(root / TRASH, (_NOTES, _GOING), PRIVATE_FOLDER)
    put(_note(root, dropping), _to_json(dropping), mode=PRIVATE_FILE, scratch=root / TRASH / _GOING)
    if (root / dropping.path).exists():
        move(root / dropping.path, root / TRASH / trash_name(dropping.at, dropping.path))


def forget(root: Path, dropping: Dropping) -> None:
    """Remove the note of a drop."""
    remove(_note(root, dropping))


def unfinished(root: Path, org: str) -> tuple[Dropping, ...]:
    """Return the drops of an org with a note; one whose rename did not happen is as if never begun."""
    found = []
    for note, dropping in _notes(root):
        if dropping.path.parts[0] != org:
            continue
        if (root / dropping.path).exists():
            remove(note)
        else:
            found.append(dropping)
    return tuple(found)


def empty(root: Path, org: str, before: datetime) -> int:
    """Remove what an org threw away before then, and what an earlier emptying left; return how many things."""
    trash, going = root / TRASH, root / TRASH / _GOING
    if not trash.is_dir():
        return 0
    make_folder(going, PRIVATE_FOLDER)
    kept = {trash_name(dropping.at, dropping.path) for _, dropping in _notes(root)}
    count = 0
    for path in sorted(trash.iterdir()):
        at = trashed_at(path.name, org)
        if at is not None and at < before and path.name not in kept:
            move(path, going / path.name)
            count += 1
    for path in sorted(going.iterdir()):
        if trashed_at(path.name, org) is not None:
            _remove(path)
    sync_folder(going)
    return count


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.chmod(PRIVATE_FOLDER)
        remove_tree(path)
    else:
        remove(path)


def _note(root: Path, dropping: Dropping) -> Path:
    return root / TRASH / _NOTES / f"{trash_name(dropping.at, dropping.path)}.json"


def _notes(root: Path) -> Iterator[tuple[Path, Dropping]]:
    with suppress(FileNotFoundError):
        for note in sorted((root / TRASH / _NOTES).iterdir()):
            with suppress(ValueError, KeyError, TypeError):
                yield note, _from_json(note.read_bytes())


def _to_json(dropping: Dropping) -> bytes:
    document = {
        "path": str(dropping.path),
        "zgid": dropping.job.zgid,
        "job_id": dropping.job.job,
        "revision": dropping.revision,
        "manifest_sha256": dropping.manifest_sha256,
        "rules": list(dropping.rules),
        "at": to_text(dropping.at),
    }
    return json.dumps(document, indent=2).encode("ascii") + b"\n"


def _from_json(text: bytes) -> Dropping:
    document = json.loads(text)
    return Dropping(
        PurePosixPath(document["path"]),
        JobId(document["zgid"], document["job_id"]),
        int(document["revision"]),
        str(document["manifest_sha256"]),
        tuple(str(rule) for rule in document["rules"]),
        from_text(document["at"]),
    )
