"""Steps on the disk that hold: each is fsynced before the next one may stand on it. Blocking; for threads.

Every change goes through one call of `os`, so that tests can cut the program off before each of them.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import file_digest
from pathlib import Path
from typing import TypeVar

from backupd.core.diskerrors import archive_error

PUBLIC_FOLDER = 0o750  # operators of the group may look at snapshots
PRIVATE_FOLDER = 0o700
PUBLISHED_FILE = 0o440  # nothing that is published is ever written to
PRIVATE_FILE = 0o600

_T = TypeVar("_T")


@contextmanager
def reporting(path: Path) -> Iterator[None]:
    """Turn what the system says into our error; `path` is named if the system does not name one itself."""
    try:
        yield
    except OSError as error:
        raise archive_error(error.filename if isinstance(error.filename, str) else path, error) from error


def sync_folder(folder: Path) -> None:
    """Let the names in a folder survive a power cut."""
    _sync(folder, os.O_DIRECTORY)


def sync_file(path: Path) -> None:
    """Let a file's bytes survive a power cut."""
    _sync(path, 0)


def make_folder(folder: Path, mode: int) -> None:
    """Make a folder with exactly this mode, if it is not there; its parent's names are fsynced either way."""
    make_folders(folder.parent, [folder.name], mode)


def make_folders(parent: Path, names: Iterable[str], mode: int) -> None:
    """Make folders side by side, as `make_folder` does, with one fsync."""
    for folder in [parent / name for name in names]:
        with suppress(FileExistsError):
            folder.mkdir(mode)
        if folder.stat().st_mode & 0o777 != mode:  # the umask may have taken bits
            folder.chmod(mode)
    sync_folder(parent)


def put(path: Path, content: bytes, *, mode: int, scratch: Path) -> None:
    """Write a small file in one step: all of the new content is there, or all of the old; never a part.

    It is written in `scratch`, a folder of its own on the same file system, so that no half file shows beside `path`.
    """
    new = scratch / f"{path.name}.new"
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    new.replace(path)
    sync_folder(path.parent)


def move(source: Path, target: Path) -> None:
    """Give a file or folder its new place, in one step; both folders are fsynced."""
    source.rename(target)
    sync_folder(target.parent)
    sync_folder(source.parent)


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    path.unlink(missing_ok=True)


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that is in it, if it is there; it follows no links."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            remove_tree(Path(entry.path))
        else:
            remove(Path(entry.path))
    folder.rmdir()


def remove_empty(folder: Path) -> None:
    """Remove a folder, if it is there and holds nothing but empty folders; its parent's names are fsynced."""
    if not folder.is_dir():
        return
    for entry in list(folder.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            remove_empty(entry)
    if not any(folder.iterdir()):
        folder.rmdir()
        sync_folder(folder.parent)


def sha256_of(path: Path) -> str:
    """Read a file and return its hash."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


async def in_thread(path: Path, work: Callable[[], _T]) -> _T:
    """Do blocking work in a thread, with the system's errors as ours.

    When cancelled it still waits for the work's end: the org's lock is let go afterwards, and not before.
    """

    def reported() -> _T:
        with reporting(path):
            return work()

    task = asyncio.ensure_future(asyncio.to_thread(reported))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        raise


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
