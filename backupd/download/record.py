"""The resume record: which bytes of a part file count, and of which version of the file.

JSON lines. The first is the head, and replaces an older record by a rename; each later one adds a fact and is one
append, so that a record costs little and lags behind the bytes by one block. What cannot be read ends the record there.

Bytes that were written but not fsynced are in the page cache: they outlive the process, not the machine. So they count
only within the boot that wrote them.
"""

import contextlib
import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from backupd.core.http import Version
from backupd.core.ranges import NOTHING, Ranges
from backupd.core.slot import Slot

FORMAT = "backupd.resume/1"
_UNREADABLE = (ValueError, LookupError, TypeError, OverflowError, RecursionError)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Story:
    """How a file was received so far, over all tries and processes."""

    attempts: int = 0  # requests
    resumed: int = 0  # bytes that the latest of them did not have to fetch again
    seconds: float = 0.0  # spent receiving


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known about a part file: its version, the bytes that count, and the story so far."""

    version: Version
    ranges: Ranges = NOTHING
    synced: Ranges = NOTHING
    story: Story = field(default_factory=Story)


def boot_id() -> str:
    """Return a word that changes with every boot; empty where the system has none, and then nothing unsynced counts."""
    with contextlib.suppress(OSError):
        return _BOOT_ID.read_text().strip()
    return ""


def read(slot: Slot, boot: str) -> Kept | None:
    """Return what counts of the part file, or None if nothing does. Never raises for a damaged record."""
    try:
        size = slot.part.stat().st_size
        lines = slot.resume.read_bytes().splitlines(keepends=True)
        kept, written_in = _head(json.loads(lines[0]))
    except (OSError, *_UNREADABLE):
        return None
    for line in lines[1:]:
        try:
            kept = _with_fact(kept, json.loads(line))
        except _UNREADABLE:
            break
    if not boot or boot != written_in:
        kept = replace(kept, ranges=kept.synced)
    if kept.ranges.stop > size or (kept.version.total is not None and kept.ranges.stop > kept.version.total):
        return None
    return replace(kept, synced=kept.synced.common(kept.ranges))


class Record:
    """A resume record that is being written. Facts may be added from any thread; each is one append."""

    def __init__(self, slot: Slot, boot: str) -> None:
        self._slot = slot
        self._boot = boot
        self._file = -1
        self._lasting = False

    def begin(self, kept: Kept, *, first: bool = False) -> None:
        """Replace the record by one that says this; `first`: there is none. Raises OSError.

        It lasts once `add_synced` was called.
        """
        fresh = self._slot.resume if first else self._slot.resume.with_name(self._slot.resume.name + ".new")
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, _line(_to_head(kept, self._boot)))
            if kept.synced.size:  # the old record lasts, so must the new one
                os.fsync(file)
            if not first:
                fresh.rename(self._slot.resume)
        except OSError:
            os.close(file)
            raise
        self.close()
        self._file = file

    def add_range(self, start: int, stop: int) -> None:
        """Say that these bytes are written."""
        os.write(self._file, b"[%d,%d]\n" % (start, stop))

    def add_synced(self, ranges: Ranges) -> None:
        """Say that these bytes are on the disk for good, and make that itself last."""
        os.write(self._file, _line({"synced": ranges.spans}))
        os.fsync(self._file)
        if not self._lasting:
            _sync_folder(self._slot.resume.parent)
            self._lasting = True

    def add_story(self, story: Story) -> None:
        """Say how often and how long was tried."""
        os.write(self._file, _line(_to_story(story)))

    def close(self) -> None:
        """Stop writing; the record stays."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def forget(slot: Slot) -> None:
    """Remove the record: from here on the part file is not data."""
    slot.resume.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _line(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _to_head(kept: Kept, boot: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "boot": boot,
        "etag": kept.version.etag,
        "last_modified": kept.version.last_modified,
        "total": kept.version.total,
        "dated": kept.version.dated,
        "ranges": kept.ranges.spans,
        "synced": kept.synced.spans,
        **_to_story(kept.story),
    }


def _to_story(story: Story) -> dict[str, Any]:
    return {"attempts": story.attempts, "resumed": story.resumed, "seconds": round(story.seconds, 3)}


def _head(head: Any) -> tuple[Kept, str]:
    if head["format"] != FORMAT:
        message = f"the format is not {FORMAT}"
        raise ValueError(message)
    version = Version(
        etag=_text(head["etag"]),
        last_modified=_text(head["last_modified"]),
        total=_number(head["total"]),
        dated=bool(head["dated"]),
    )
    kept = Kept(
        version=version,
        ranges=Ranges.of((int(start), int(stop)) for start, stop in head["ranges"]),
        synced=Ranges.of((int(start), int(stop)) for start, stop in head["synced"]),
        story=_story(head),
    )
    return kept, str(head["boot"])


def _with_fact(kept: Kept, fact: Any) -> Kept:
    match fact:
        case [int(start), int(stop)]:
            return replace(kept, ranges=kept.ranges.add(start, stop))
        case {"synced": spans}:
            return replace(kept, synced=Ranges.of((int(start), int(stop)) for start, stop in spans))
        case {"attempts": _}:
            return replace(kept, story=_story(fact))
        case _:
            message = "not a fact of a resume record"
            raise ValueError(message)


def _story(told: Any) -> Story:
    return Story(int(told["attempts"]), int(told["resumed"]), float(told["seconds"]))


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(value)
    return value


def _number(value: Any) -> int | None:
    if value is not None and type(value) is not int:
        raise TypeError(value)
    return value
