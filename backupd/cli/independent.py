"""A second opinion for the demo: a snapshot checked by common tools and the standard library, nothing of our own.

`sha256sum` and `unzip` are asked if they are installed; without them `hashlib` and `zipfile` read the same files.
"""

import hashlib
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path


def second_opinion(snapshot: Path) -> Iterator[tuple[str, bool]]:
    """Yield what was asked and whether the answer was good. Blocking."""
    yield "hashlib over SHA256SUMS", all(_matches(snapshot, line) for line in _lines(snapshot))
    if shutil.which("sha256sum"):
        yield "sha256sum -c SHA256SUMS", _run(snapshot, "sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS")
    zips = sorted(snapshot.glob("*/*.zip"))
    if shutil.which("unzip"):
        yield f"unzip -t on {len(zips)} zips", all(_run(snapshot, "unzip", "-tqq", str(path)) for path in zips)
    else:
        yield f"zipfile over {len(zips)} zips", all(_is_whole(path) for path in zips)


def _lines(snapshot: Path) -> list[str]:
    return (snapshot / "SHA256SUMS").read_text(encoding="utf-8").splitlines()


def _matches(snapshot: Path, line: str) -> bool:
    digest, _, name = line.partition("  ")
    with (snapshot / name).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == digest


def _is_whole(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return archive.testzip() is None


def _run(folder: Path, *command: str) -> bool:
    done = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)  # noqa: S603  # fixed words and paths of ours
    return done.returncode == 0
