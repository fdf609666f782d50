"""Who competes: backupd's downloader and check, and what operators put together from other tools."""

import json
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.server import Server

NEEDED = ("nginx", "aria2c", "curl", "wget", "rclone", "unzip", "sha256sum")
_SEVEN_ZIP = shutil.which("7zz") or shutil.which("7z") or "7zz"


@dataclass(frozen=True, slots=True)
class Course:
    """What all contestants of a round fetch."""

    server: Server
    files: list[Path]
    prefix: str = ""  # of the path at the server

    @property
    def base(self) -> str:
        """What the links begin with."""
        return f"{self.server.url}{self.prefix}"

    @property
    def urls(self) -> list[str]:
        """The links."""
        return [f"{self.base}/{path.name}" for path in self.files]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in self.files)


Command = Callable[[Course, Path], list[str]]


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way of fetching; with what ours may take of its time at most, where that was promised."""

    name: str
    command: Command
    wall: float | None = None
    cpu: float | None = None
    once: bool = False  # in the first round only: it is slow, and not noisy
    steps: bool = False  # it says what each step took, and nothing else counts: its start is no step


def backupd(files: int, connections: int, *options: str) -> Command:
    """Give our own downloader and check; for the options see `fetching.Task`."""

    def command(course: Course, out: Path) -> list[str]:
        task = {
            "authority": str(course.server.authority), "folder": str(out), "files": files, "connections": connections,
            "urls": course.urls, **dict.fromkeys(options, True),
        }  # fmt: skip
        return [sys.executable, "-m", "tests.bench.fetch", json.dumps(task)]

    return command


def floor(*options: str) -> Command:
    """Give the steps alone, as lean as they can be; for the options see `floor`."""

    def command(course: Course, out: Path) -> list[str]:
        arguments = [*options, str(course.server.authority), str(course.files[0].parent), str(out), *course.urls]
        return [sys.executable, "-m", "tests.bench.floor", *arguments]

    return command


def shell(script: str) -> Command:
    """Give a pipeline; it finds $CA, $OUT, $BASE, $LIST and $NAMES (files of links and of names) and $ZIP7."""

    def command(course: Course, out: Path) -> list[str]:
        links, names = out.parent / "links", out.parent / "names"
        links.write_text("".join(f"{url}\n" for url in course.urls))
        names.write_text("".join(f"{path.name}\n" for path in course.files))
        given = {
            "CA": course.server.authority, "OUT": out, "BASE": course.base, "LIST": links, "NAMES": names,
            "ZIP7": _SEVEN_ZIP,
        }  # fmt: skip
        setting = "".join(f"{name}={shlex.quote(str(value))}; " for name, value in given.items())
        return ["bash", "-euo", "pipefail", "-c", setting + script]

    return command


def aria2(files: int, connections: int) -> str:
    """Fetch so many files at once, each over so many connections."""
    return f"aria2c -q --ca-certificate=$CA -x16 -s{connections} -k1M -j{files} -d $OUT -i $LIST; "


def curl(files: int) -> str:
    """Fetch so many files at once, each over a connection that is used again."""
    listed = "sed 's/.*/url=\"&\"\\nremote-name/' $LIST"
    return f"cd $OUT; {listed} | curl -sS --parallel --parallel-max {files} --cacert $CA -K -; "


def wget(files: int) -> str:
    """Fetch so many files at once, a process each."""
    return f"xargs -a $LIST -P{files} -n1 wget -q --ca-certificate=$CA -P $OUT; "


def rclone(files: int, streams: int) -> str:
    """Fetch so many files at once, each in so many streams."""
    parallel = f"--transfers {files} --multi-thread-streams {streams} --multi-thread-cutoff 1M"
    source = "--http-url $BASE/ --files-from $NAMES --no-traverse :http: $OUT"
    return f"rclone copy -q --config /dev/null --ca-cert $CA {parallel} {source}; "


ONE_CORE = "sha256sum $OUT/*.zip >/dev/null; for zip in $OUT/*.zip; do unzip -tqq $zip; done"
ALL_CORES = (
    "ls $OUT/*.zip | xargs -P$(nproc) -n1 sha256sum >/dev/null; ls $OUT/*.zip | xargs -P$(nproc) -n1 $ZIP7 t -bso0"
)
