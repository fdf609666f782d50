"""One writer an org: a lock that the kernel lets go when its holder dies, and a note that says who holds it."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from backupd.archive.disk import PRIVATE_FILE, in_thread, put
from backupd.core.clock import Clock
from backupd.core.errors import ArchiveBusy
from backupd.core.times import from_text, to_text


@asynccontextmanager
async def hold(state: Path, org: str, *, what: str, clock: Clock) -> AsyncIterator[None]:
    """Be the one writer of an org until the end of the block. Raises ArchiveBusy at once, or ArchiveError."""
    from filelock import FileLock, Timeout

    lock = FileLock(
        state / f"{org}.lock",
        mode=PRIVATE_FILE,
        thread_local=False,  # taken and let go in threads of a pool
        fallback_to_soft=False,  # a mere file would outlive a holder that was killed
    )
    note = state / f"{org}.holder"
    text = json.dumps({"pid": os.getpid(), "what": what, "since": to_text(clock.now())}) + "\n"

    def acquire() -> None:
        try:
            lock.acquire(blocking=False)
        except Timeout as error:
            raise ArchiveBusy(f"{org}: {_holder(note)} holds the lock of this archive") from error
        try:
            put(note, text.encode(), mode=PRIVATE_FILE, scratch=state)
        except BaseException:
            lock.release()
            raise

    def release() -> None:
        note.unlink(missing_ok=True)
        lock.release()

    await in_thread(state, acquire)
    try:
        yield
    finally:
        await in_thread(state, release)


def holder(state: Path, org: str) -> str | None:
    """Say who holds an org's lock, going by the note and without touching the lock; None if it seems to be free."""
    note = state / f"{org}.holder"
    try:
        os.kill(json.loads(note.read_bytes())["pid"], 0)
    except PermissionError:
        pass  # the process of another user, or a note that is not for us to read
    except (OSError, ValueError, TypeError, KeyError, OverflowError):
        return None
    return _holder(note)


def held_since(state: Path, org: str) -> datetime | None:
    """Say since when an org's lock is held, going by the note as `holder` does; None if that cannot be read."""
    try:
        return from_text(json.loads((state / f"{org}.holder").read_bytes())["since"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _holder(note: Path) -> str:
    """Say who holds the lock, as far as the note tells: it may be missing for a moment."""
    try:
        told = json.loads(note.read_bytes())
        return f"another backupd ({told['what']}, process {told['pid']}, since {told['since']})"
    except (OSError, ValueError, TypeError, KeyError):
        return "another backupd"
