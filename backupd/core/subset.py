"""A part of all archived files, `N/T`: T parts cover everything, and each file is in exactly one, always the same.

A digest of the file's identity decides, so that files that come or go move no other one between two runs; the parts are
then equal but for chance.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath

from backupd.core.model import FileId

_ADVICE = "is not a part; write N/T with N from 1 to T, such as 1/4"
_FORM = re.compile(r"(\d{1,6})/(\d{1,6})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Subset:
    """Part `part` (1 … `parts`) of `parts`. Raises ValueError with what to write instead."""

    part: int = 1
    parts: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.part <= self.parts:
            raise ValueError(_ADVICE)

    @classmethod
    def parse(cls, text: str) -> "Subset":
        """Read `N/T`. Raises ValueError with what to write instead."""
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise ValueError(_ADVICE)
        return cls(int(match[1]), int(match[2]))

    def holds(self, snapshot: PurePosixPath, file: FileId) -> bool:
        """Tell whether a file belongs to this part; `snapshot` is its folder, relative to the archive root."""
        digest = sha256(f"{snapshot}/{file}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % self.parts == self.part - 1

    def __str__(self) -> str:
        return f"{self.part}/{self.parts}"
