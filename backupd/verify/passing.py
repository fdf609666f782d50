"""Checking a zip while it arrives: from its first byte to its last, nothing kept but numbers.

Members are read in the order in which they lie, each unpacked down to its CRC, then the central directory is read and
compared. What lies in the order of the file needs no memory; what only the central directory can tell (where a stored
member of unknown size ends, which of two disagreeing headers to blame) is looked up on disk at the end.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from backupd.core.model import Checked
from backupd.core.zipformat import DIRECTORY_STARTS, LOCAL, RECORDS, Entry, ZipFault
from backupd.verify.blame import rejected
from backupd.verify.directory import read_directory
from backupd.verify.disk import check_on_disk
from backupd.verify.inlet import Block, Inlet, Steps
from backupd.verify.ledger import Ledger
from backupd.verify.limits import ZipLimits
from backupd.verify.member import NotInPassing, Place, read_data, read_header
from backupd.verify.tally import beyond_members

if TYPE_CHECKING:
    from backupd.core.errors import ZipRejected


class PassingCheck:
    """The check of one zip as it streams by; implements `core.check.Check`."""

    def __init__(self, file: str, limits: ZipLimits) -> None:
        self._file = file
        self._limits = limits
        self._inlet = Inlet()
        self._place = Place()
        key = Ledger.new_key()
        self._found = Ledger(key)
        self._listed = Ledger(key)
        self._size = 0  # bytes fed
        self._unpacked = 0
        self._verdict: ZipRejected | None = None
        self._whole = False  # the last byte that belongs to the zip was seen
        self._on_disk = False  # the rest is for the look at the file
        self._steps = self._read()

    def feed(self, block: Block) -> None:
        """Take the next bytes. Raises ZipRejected as soon as they cannot become a whole zip any more."""
        if self._verdict is not None:
            raise self._verdict
        if self._on_disk or not len(block):
            return
        self._size += len(block)
        self._inlet.put(block)
        try:
            next(self._steps)
        except NotInPassing:
            self._on_disk = True
        except ZipFault as fault:
            self._verdict = rejected(self._file, fault, self._place)
            raise self._verdict from None
        finally:
            self._inlet.drop()

    def finish(self, path: Path) -> Checked:
        """Say what was found. Raises ZipRejected, and ArchiveError if `path` is needed and cannot be read."""
        if self._verdict is not None:
            raise self._verdict
        if not self._on_disk and not self._whole:
            fault = ZipFault("truncated", f"it ends after {self._size} bytes, before the zip does")
            self._verdict = rejected(self._file, fault, self._place)
            raise self._verdict
        if self._on_disk or not self._found.agrees_with(self._listed):
            return check_on_disk(path, self._file, self._limits)
        return Checked(self._found.count, self._unpacked)

    def _read(self) -> Steps[None]:
        inlet = self._inlet
        signature = yield from inlet.take(4)
        if signature not in RECORDS:
            raise ZipFault("not_a_zip", "it does not begin as a zip does")
        while signature == LOCAL:
            signature = yield from self._read_member()
        self._place.leave()
        if signature not in DIRECTORY_STARTS:
            raise ZipFault("gap", f"the bytes at offset {inlet.offset - 4} belong to no member")
        yield from read_directory(inlet, signature, self._place, self._list)
        self._whole = True
        yield from inlet.expect_nothing()

    def _read_member(self) -> Steps[bytes]:
        self._place.enter(self._found.count + 1)
        if self._place.number > self._limits.max_members:
            raise beyond_members(self._limits)
        local = yield from read_header(self._inlet, self._place)
        found, signature = yield from read_data(self._inlet, local, None, self._limits, self._unpacked)
        self._found.add(found)
        self._unpacked += found.unpacked
        return signature

    def _list(self, entry: Entry) -> None:
        if self._listed.count == self._found.count:
            raise ZipFault(
                "directory", f"the central directory lists more than the {self._found.count} members there are"
            )
        self._listed.add(entry)
