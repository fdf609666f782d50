"""The rejected files of a job in staging: how often, when last, and the newest copy. Blocking; for threads."""

from datetime import datetime
from pathlib import Path

from backupd.archive.disk import PRIVATE_FILE, PRIVATE_FOLDER, make_folder, move, put, remove
from backupd.archive.growth import (
    REJECTED,
    REJECTIONS,
    SCRATCH,
    Rejected,
    rejected_from_json,
    rejected_to_json,
    slot_in,
)
from backupd.core.model import FileId, Kind
from backupd.core.patience import retry_rejected
from backupd.core.records import Rejection


class Rejections:
    """The rejections of one staging folder, counted over restarts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[FileId, Rejected] = {}

    def load(self) -> tuple[str, ...]:
        """Read the records, and finish putting aside a copy that a crash left in its slot; return what was finished."""
        finished = []
        for kind in Kind:
            for record in sorted((self._folder / REJECTIONS / kind).glob("*.json")):
                rejected = _read(record)
                if rejected is None:
                    continue  # the count begins anew; the next record takes this one's place
                file = FileId(kind, record.name.removesuffix(".json"))
                self._known[file] = rejected
                if rejected.moving:
                    self._put_aside(file, rejected)
                    finished.append(f"reject {file}")
        return tuple(finished)

    def add(self, file: FileId, *, reason: str, at: datetime) -> Rejection:
        """Count one more, and put the copy in the slot aside in place of an older one."""
        before = self._known.get(file)
        rejected = Rejected(1 + (before.count if before else 0), at, reason, moving=True)
        self._write(file, rejected)
        self._put_aside(file, rejected)
        return _told(rejected)

    def of(self, file: FileId) -> Rejection | None:
        """Return what is known of a file's rejections."""
        rejected = self._known.get(file)
        return _told(rejected) if rejected else None

    def _put_aside(self, file: FileId, rejected: Rejected) -> None:
        slot, aside = slot_in(self._folder, file), self._folder / REJECTED / file.kind
        remove(slot.resume)
        if slot.part.exists():
            make_folder(aside.parent, PRIVATE_FOLDER)
            make_folder(aside, PRIVATE_FOLDER)
            move(slot.part, aside / file.name)
        self._write(file, Rejected(rejected.count, rejected.last_at, rejected.reason, moving=False))

    def _write(self, file: FileId, rejected: Rejected) -> None:
        record = self._folder / REJECTIONS / file.kind / f"{file.name}.json"
        put(record, rejected_to_json(rejected), mode=PRIVATE_FILE, scratch=self._folder / SCRATCH / file.kind)
        self._known[file] = rejected


def _told(rejected: Rejected) -> Rejection:
    return Rejection(rejected.count, rejected.last_at, retry_rejected(rejected.count, rejected.last_at))


def _read(record: Path) -> Rejected | None:
    try:
        return rejected_from_json(record.read_bytes())
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
