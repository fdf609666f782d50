"""Reading archived files again in a process of its own, which takes only what nobody else wants of processor and disk.

A process rather than a thread: an idle thread that holds the interpreter's lock would hold up the daemon with it. The
scheduling class `SCHED_IDLE` needs no privilege, and the kernel gives its reads and writes the idle class as well.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, assert_never

from backupd.core.errors import ArchiveError, ZipRejected
from backupd.core.model import Checked
from backupd.verify.limits import ZipLimits
from backupd.verify.reading import Damaged, FileReading, Missing, Unreadable, Whole, check_file

_PACKAGE = Path(__file__).parents[2]


async def read_apart(path: Path, limits: ZipLimits, *, name: str) -> FileReading:
    """As `read_again`, by an idle process; when it is cancelled, that process is ended."""
    order = {"path": str(path), "name": name, "limits": [limits.max_ratio, limits.max_total, limits.max_members]}
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "backupd.verify.apart",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(),
        )
    except OSError as error:
        return Unreadable(ArchiveError(f"{path}: no process could be started to read it: {error.strerror}"))
    try:
        answer, _ = await process.communicate(json.dumps(order).encode())
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    try:
        return reading_from(json.loads(answer))
    except (ValueError, KeyError, TypeError):
        return Unreadable(ArchiveError(f"{path}: the process that read it ended with status {process.returncode}"))


def reading_to(reading: FileReading) -> Mapping[str, Any]:
    """Write what a reading found as JSON values."""
    match reading:
        case Whole(size, sha256, checked):
            found = {"members": checked.members, "unpacked_size": checked.unpacked_size}
            return {"found": "whole", "size": size, "sha256": sha256, **found}
        case Damaged(size, sha256, why):
            told = {"why": str(why), "reason": why.reason, "member": why.member}
            return {"found": "damaged", "size": size, "sha256": sha256, **told}
        case Missing():
            return {"found": "missing"}
        case Unreadable(why):
            return {"found": "unreadable", "why": str(why)}
        case _:
            assert_never(reading)


def reading_from(found: Mapping[str, Any]) -> FileReading:
    """Read what a reading found. Raises KeyError, TypeError or ValueError."""
    match found["found"]:
        case "whole":
            checked = Checked(int(found["members"]), int(found["unpacked_size"]))
            return Whole(int(found["size"]), str(found["sha256"]), checked)
        case "damaged":
            why = ZipRejected(str(found["why"]), reason=str(found["reason"]), member=found["member"])
            return Damaged(int(found["size"]), str(found["sha256"]), why)
        case "missing":
            return Missing()
        case "unreadable":
            return Unreadable(ArchiveError(str(found["why"])))
        case other:
            raise ValueError(other)


def _environment() -> dict[str, str]:
    """Hand on what a Python needs, and none of our settings: they hold secrets."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BACKUPD_")}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, (str(_PACKAGE), kept.get("PYTHONPATH"))))}


def _be_idle() -> None:
    with suppress(OSError):
        os.nice(19)
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _main() -> None:
    _be_idle()
    order = json.load(sys.stdin)
    reading = check_file(Path(order["path"]), ZipLimits(*order["limits"]), name=order["name"])
    json.dump(reading_to(reading), sys.stdout)


if __name__ == "__main__":
    _main()
