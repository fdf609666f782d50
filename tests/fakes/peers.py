"""Where other programs judge a zip of the corpus differently than backupd does, and why we stay with our answer."""

_WARNS = "it only warns, and its exit status says so"
_NO_LZMA = "it does not know LZMA"

REFUSED_BY_OTHERS: dict[str, dict[str, str]] = {
    "empty": {"unzip": _WARNS},
    "zip64 empty": {"unzip": _WARNS, "7zz": "it does not open a zip64 end record without members"},
    "name b''": {"unzip": "it warns that it takes an empty local name for a disagreement"},
    "name of 65535 bytes": {"unzip": "it warns that it cuts such a name"},
    "utf-8 flag in one header, name ascii": {"unzip": _WARNS},
    "descriptor flag in one header": {"7zz": "it expects the flag in both headers; the data and both sizes are there"},
    "folder deflated to no bytes": {"unzip": "it inflates nothing and finds no end; there is nothing to lose"},
    "zip64 end with data": {"zipfile": "it looks for the record at a fixed distance, the format allows data behind it"},
    "zip64 locator counts no disk": {"unzip": "it wants the number 1; some writers count from 0"},
    **{
        f"lzma without end mark, descriptor{known}": {
            "unzip": _NO_LZMA,
            "7zz": "it wants an end mark there; the length is listed",
        }
        for known in ("", ", sizes known before")
    },
    "lzma without end mark": {"unzip": _NO_LZMA},
    "lzma": {"unzip": _NO_LZMA},
    "lzma wants 67108864 bytes": {"unzip": _NO_LZMA},
    "lzma, megabytes": {"unzip": _NO_LZMA},
    **{f"lzma, descriptor {form}": {"unzip": _NO_LZMA} for form in ("signed", "bare", "signed64", "bare64")},
}
"""Whole zips that another program refuses: case, program, reason."""

ACCEPTED_BY_OTHERS: dict[str, str] = {
    "not_a_zip": "they look for a zip behind other bytes, for self-extracting programs; the vendor makes none",
    "truncated": "they read a cut comment as it is, or never look at a local header; bytes are missing all the same",
    "trailing_bytes": "they look for the end record from the end; a file with bytes too many is not what was made",
    "gap": "they look only where the central directory points; what lies between may be a member that was lost",
    "crc": "7zz and unzip do not read descriptors, and zipfile takes the central directory's word for everything",
    "size": "as for crc; and bytes behind the end of deflated data are passed over",
    "damaged_data": "zipfile takes the central directory's sizes, and does not mind data that never ends",
    "header": "they read an extra field only where they need it, and look into one header only",
    "directory": "unzip believes the local header, zipfile the directory; here both must say the same",
    "overlap": "they do not look whether two members share bytes (newer versions of zipfile do)",
    "end_record": "they take from the end record what they need, and do not count",
    "ambiguous_end": "they take the first or the last end record; which content is the zip's, they disagree on",
    "zip64": "they read the zip64 records only where a field refers to them",
    "multi_disk": "they pass over the numbers of disks",
    "encrypted": "they read the flag in one header only",
    "unsupported_method": "they pass over the flag or the properties that we do not",
    "unsupported_version": "they pass over the version that is needed, at least in one header",
    "ratio": "they have no limits",
    "total_size": "they have no limits",
    "too_many_members": "they have no limits",
}
"""Zips we refuse and another program accepts: our reason, why they differ."""


def unexplained(case: str, program: str, *, ours: str | None, theirs: bool) -> bool:
    """Tell whether a program's answer differs from ours without a line in the tables."""
    if theirs == (ours is None):
        return False
    if ours is None:
        return program not in REFUSED_BY_OTHERS.get(case, {})
    return ours not in ACCEPTED_BY_OTHERS
