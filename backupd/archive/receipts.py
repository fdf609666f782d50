"""The whole files of a job in staging, each with its receipt. Blocking; for threads.

A receipt is on the disk before its file leaves the slot: after a crash in between, the file is still known to be whole.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from backupd.archive.disk import PRIVATE_FILE, PUBLIC_FOLDER, make_folder, move, put, remove, sync_file
from backupd.archive.growth import RECEIPTS, SCRATCH, TREE, slot_in
from backupd.core.errors import ArchiveError
from backupd.core.manifest import ManifestFile, file_from_json, file_to_json
from backupd.core.model import FileId, Kind
from backupd.core.names import path_in_snapshot


class Receipts:
    """The whole files of one staging folder; `whole` is what is known of them."""

    def __init__(self, folder: Path) -> None:
        self.whole: dict[FileId, ManifestFile] = {}
        self._folder = folder

    def load(self, published: Path | None) -> tuple[str, ...]:
        """Read the receipts, finish what a crash left half-done, drop what has no receipt; return what was finished.

        `published` is where files may have gone already, if publishing had begun.
        """
        finished = []
        for kind in Kind:
            for receipt in sorted((self._folder / RECEIPTS / kind).glob("*.json")):
                entry = _read(receipt)
                if entry is not None and self._finish_accepting(entry):
                    finished.append(f"accept {entry.file}")
                if entry is not None and self._is_there(entry, published):
                    self.whole[entry.file] = entry
                else:
                    remove(receipt)  # it vouches for nothing: the file is fetched again
        self._drop_strays()
        return tuple(finished)

    def accept(self, entry: ManifestFile) -> None:
        """Take a file out of its slot. Raises ArchiveError if what lies there is not what was received."""
        if entry.file in self.whole:
            return
        part = slot_in(self._folder, entry.file).part
        if part.stat().st_size != entry.received.size:
            raise ArchiveError(f"{part}: it is not the file that was received, but {part.stat().st_size} bytes")
        sync_file(part)
        receipt = json.dumps(file_to_json(entry), indent=2).encode("ascii") + b"\n"
        put(self._receipt(entry.file), receipt, mode=PRIVATE_FILE, scratch=self._scratch(entry.file))
        self._take(entry.file)
        self.whole[entry.file] = entry

    def in_hand(self, files: Iterable[FileId]) -> tuple[ManifestFile, ...]:
        """Return those of these files that are whole and lie here, not in a published snapshot."""
        return tuple(self.whole[file] for file in files if file in self.whole and self._place(file).exists())

    def _finish_accepting(self, entry: ManifestFile) -> bool:
        """Bring a file with a receipt to its place, if it still lies in its slot; tell whether it did."""
        if self._place(entry.file).exists() or not _has(slot_in(self._folder, entry.file).part, entry.received.size):
            return False
        self._take(entry.file)
        return True

    def _is_there(self, entry: ManifestFile, published: Path | None) -> bool:
        if _has(self._place(entry.file), entry.received.size):
            self._clear_slot(entry.file)
            return True
        return published is not None and _has(published / path_in_snapshot(entry.file), entry.received.size)

    def _take(self, file: FileId) -> None:
        place = self._place(file)
        make_folder(place.parent, PUBLIC_FOLDER)
        move(slot_in(self._folder, file).part, place)
        self._clear_slot(file)

    def _clear_slot(self, file: FileId) -> None:
        slot = slot_in(self._folder, file)
        remove(slot.resume)
        remove(slot.part)

    def _drop_strays(self) -> None:
        known = {self._place(file) for file in self.whole}
        for kind in Kind:
            folder = self._folder / TREE / kind
            for place in sorted(folder.iterdir()) if folder.is_dir() else []:
                if place not in known:
                    remove(place)
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()  # a snapshot shows no empty kind

    def _place(self, file: FileId) -> Path:
        return self._folder / TREE / path_in_snapshot(file)

    def _receipt(self, file: FileId) -> Path:
        return self._folder / RECEIPTS / file.kind / f"{file.name}.json"

    def _scratch(self, file: FileId) -> Path:
        return self._folder / SCRATCH / file.kind


def _has(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _read(receipt: Path) -> ManifestFile | None:
    try:
        entry = file_from_json(json.loads(receipt.read_bytes()))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return entry if receipt.name == f"{entry.file.name}.json" and receipt.parent.name == entry.file.kind else None
