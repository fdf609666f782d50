"""Checking a zip that lies on disk, member by member as the central directory lists them, by several workers.

Accepts exactly what the check in passing accepts: members that fill the file from its first byte to the central
directory without gap or overlap, each header equal to its entry. Members in the directory's order take no memory;
another order takes some forty bytes a member.
"""

from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from backupd.core.model import Checked
from backupd.core.zipformat import LOCAL, LOCAL_SIZE, RECORDS, ZipFault
from backupd.verify.blame import rejected
from backupd.verify.inlet import Ended, Inlet, Steps, run
from backupd.verify.layout import Extent, Layout, extents, survey
from backupd.verify.limits import ZipLimits
from backupd.verify.member import LOOK_AHEAD, Place, read_data, read_header
from backupd.verify.source import Source

if TYPE_CHECKING:
    from backupd.core.errors import ZipRejected


class DiskCheck:
    """The check of one zip on disk. Any number of threads may `work` on it; `verdict` is for when all have returned."""

    def __init__(self, source: Source, file: str, limits: ZipLimits) -> None:
        self._source = source
        self._file = file
        self._limits = limits
        self._lock = Lock()
        self._layout: Layout | None = None
        self._rejections: list[tuple[int, ZipRejected]] = []
        self._open = True
        self._place = Place()
        self._extents = self._all_extents()

    def work(self) -> None:
        """Check members until there is none left, or one is damaged. Raises ArchiveError if the file cannot be read."""
        try:
            while (extent := self._next()) is not None:
                place = Place(extent.number, extent.entry.name)
                try:
                    self._check(extent, place)
                except ZipFault as fault:
                    self._reject(fault, place)
        finally:
            self._open = False

    def verdict(self) -> Checked:
        """Return what was found. Raises ZipRejected, for the first damaged member, whatever the number of workers."""
        if self._rejections:
            raise min(self._rejections, key=lambda rejection: rejection[0])[1]
        if self._layout is None:
            message = f"{self._file} was not checked"
            raise RuntimeError(message)
        return Checked(self._layout.members, self._layout.unpacked)

    def _all_extents(self) -> Iterator[Extent]:
        if self._source.read(0, 4) not in RECORDS:
            what = "it is empty" if not self._source.size else "it does not begin as a zip does"
            raise ZipFault("not_a_zip" if self._source.size >= len(LOCAL) else "truncated", what)
        self._layout = survey(self._source, self._limits, self._place)
        yield from extents(self._source, self._layout, self._place)

    def _next(self) -> Extent | None:
        with self._lock:
            if not self._open:
                return None
            try:
                return next(self._extents, None)
            except ZipFault as fault:
                self._reject(fault, self._place)
                return None

    def _reject(self, fault: ZipFault, place: Place) -> None:
        self._open = False
        self._rejections.append((place.number, rejected(self._file, fault, place)))

    def _check(self, extent: Extent, place: Place) -> None:
        listed = extent.entry
        if listed.offset + len(LOCAL) + LOCAL_SIZE + len(listed.name) + listed.packed > extent.end:
            raise ZipFault("overlap", "its bytes belong to another member as well")
        inlet = Inlet(listed.offset)
        blocks = self._source.blocks(listed.offset, min(extent.end + LOOK_AHEAD, self._source.size))
        try:
            run(self._read(inlet, extent, place), inlet, blocks)
        except Ended:
            raise ZipFault("size", "its data does not end where the next member begins") from None

    def _read(self, inlet: Inlet, extent: Extent, place: Place) -> Steps[None]:
        listed = extent.entry
        if (yield from inlet.take(4)) != LOCAL:
            raise ZipFault("directory", f"there is no member at offset {listed.offset}, where it is listed")
        local = yield from read_header(inlet, place)
        found, _ = yield from read_data(inlet, local, listed, self._limits, 0)
        if found.key() != listed.key():
            raise ZipFault("directory", "its local header and the central directory disagree on it")
        behind = inlet.offset - len(LOCAL)
        if behind > extent.end:
            raise ZipFault("overlap", "its descriptor belongs to another member as well")
        if behind < extent.end:
            raise ZipFault("gap", f"the bytes at offset {behind} belong to no member")


def check_on_disk(path: Path, file: str, limits: ZipLimits) -> Checked:
    """Check the zip at `path` in this thread. Raises ZipRejected, and ArchiveError if it cannot be read."""
    with Source(path) as source:
        check = DiskCheck(source, file, limits)
        check.work()
        return check.verdict()
