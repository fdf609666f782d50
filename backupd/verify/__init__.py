"""Is this zip whole? Length, structure, every CRC, sha256; off the event loop.

`new_check` gives the check that reads along while a file arrives; `check_file` and `read_again` read an archived one.
docs/zip-checks.md lists what is accepted and what is refused, with the words that say why.
"""

from backupd.core.check import Check, NewCheck
from backupd.verify.limits import ZipLimits
from backupd.verify.passing import PassingCheck
from backupd.verify.reading import Damaged, FileReading, Missing, Unreadable, Whole, check_file, read_again

__all__ = [
    "Damaged",
    "FileReading",
    "Missing",
    "Unreadable",
    "Whole",
    "ZipLimits",
    "check_file",
    "new_check",
    "read_again",
]


def new_check(limits: ZipLimits) -> NewCheck:
    """Return the maker of checks with these limits, for whoever receives files."""

    def start(name: str) -> Check:
        return PassingCheck(name, limits)

    return start
