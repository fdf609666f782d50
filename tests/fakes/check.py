"""A check of a zip that believes everything, or rejects when told to, and notices bytes that are out of place."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from backupd.core.errors import ZipRejected
from backupd.core.model import Checked


@dataclass
class FakeCheck:
    """Finds one member as large as the file, and fails the test if it was fed other bytes than the file holds."""

    name: str
    reject_after: int | None = None  # bytes
    reject_at_end: bool = False
    fed: int = 0
    finished: bool = False
    _seen: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def feed(self, block: bytes | bytearray | memoryview) -> None:
        self._seen.update(block)
        self.fed += len(block)
        if self.reject_after is not None and self.fed > self.reject_after:
            raise ZipRejected(f"{self.name}: its structure is wrong", reason="structure")

    def finish(self, path: Path) -> Checked:
        self.finished = True
        assert self._seen.digest() == hashlib.sha256(path.read_bytes()).digest(), "fed out of order"
        if self.reject_at_end:
            raise ZipRejected(f"{self.name}: a member is damaged", reason="crc", member="Data/Leads_001.csv")
        return Checked(members=1, unpacked_size=self.fed)


@dataclass
class FakeChecks:
    """Makes them, and keeps them to be looked at."""

    reject_after: int | None = None
    reject_at_end: bool = False
    made: list[FakeCheck] = field(default_factory=list)

    def __call__(self, name: str) -> FakeCheck:
        check = FakeCheck(name, self.reject_after, self.reject_at_end)
        self.made.append(check)
        return check
