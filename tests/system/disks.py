"""Disks of our own, to fill up and to cut the power of. Needs root, mount, and mkfs.ext4."""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SHUTDOWN = 0x8004587D  # FS_IOC_SHUTDOWN
_LOSE_WHAT_IS_NOT_SYNCED = (2).to_bytes(4, "little")  # its own journal included
_HARSH = "loop,data=writeback,noauto_da_alloc,commit=300"  # nothing reaches the disk as a favour


def do(*command: str | Path) -> None:
    """Run a tool, which must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{command}: {done.stderr}"


@contextmanager
def tmpfs(folder: Path, options: str) -> Iterator[Path]:
    """Mount a file system in memory."""
    folder.mkdir()
    do("mount", "-t", "tmpfs", "-o", f"{options},mode=0700", "tmpfs", folder)
    try:
        yield folder
    finally:
        do("umount", "--lazy", folder)  # a program may still be there, if the test has failed


class Ext4:
    """An ext4 in a file, mounted so that nothing survives a power cut but what was synced."""

    def __init__(self, folder: Path, *, size: int = 64_000_000) -> None:
        self.path = folder
        self._image = folder.with_suffix(".img")
        with self._image.open("wb") as file:
            file.truncate(size)
        do("mkfs.ext4", "-q", "-F", self._image)
        folder.mkdir()
        self.mount()

    def mount(self) -> None:
        do("mount", "-o", _HARSH, self._image, self.path)

    def unmount(self) -> None:
        do("umount", self.path)

    def sync(self) -> None:
        """Let everything be on the disk."""
        do("sync", "--file-system", self.path)

    def cut_power(self) -> None:
        """Let everything be lost that was not synced; from now on nothing can be read or written, until a mount."""
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, _SHUTDOWN, _LOSE_WHAT_IS_NOT_SYNCED)
        finally:
            os.close(folder)

    def clear(self) -> None:
        """Let go of it."""
        subprocess.run(["umount", "--lazy", self.path], capture_output=True, check=False)
        self._image.unlink()
