"""Saying what is wrong with a zip without telling what is in it.

Members are named after persons' files, so a name is shown only where the vendor chose it: tables and metadata. All
others are a number (as listed by `unzip -l`, from 1) and the vendor's folder.
"""

import re

from backupd.core.errors import ZipRejected
from backupd.core.zipformat import ZipFault
from backupd.verify.member import Place

_VENDORS_OWN = re.compile(rb"(?:Data|Metadata)/[A-Za-z0-9_ -]{1,100}\.csv")
_FOLDERS = (b"Attachments/", b"Data/", b"Metadata/", b"RecordImages/")


def label(number: int, name: bytes | None) -> str:
    """Name a member: `member 3 (Data/Leads_001.csv)`, `member 17 (Attachments/…)`, or just its number."""
    if name is not None:
        if _VENDORS_OWN.fullmatch(name):
            return f"member {number} ({name.decode()})"
        for folder in _FOLDERS:
            if name.startswith(folder):
                return f"member {number} ({folder.decode()}…)"
    return f"member {number}"


def rejected(file: str, fault: ZipFault, place: Place) -> ZipRejected:
    """Build the error for a fault in the zip named `file`."""
    member = label(place.number, place.name) if place.number else None
    where = f"{file}: {member}" if member else file
    return ZipRejected(f"{where}: {fault}", reason=fault.reason, member=member)
