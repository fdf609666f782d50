"""Where one file grows in staging, as the archive gives it to the downloader."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one growing file; both paths are in one folder that exists."""

    part: Path  # the bytes; complete, hashed and checked when `fetch` returns
    resume: Path  # the downloader's own record of what is there; without it the part counts for nothing
