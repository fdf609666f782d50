"""backupd as an operator has it, against the simulated vendor: real wiring, sockets and files; injected time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Literal

from backupd.app import Surroundings, open_app, open_library, open_records
from backupd.core.exits import Exit
from backupd.core.facts import Fact
from backupd.settings import load
from backupd.simulator import FileSpec, OrgSpec, RunSpec, Scenario, ScheduleSpec, Simulator, Vendor, ago
from backupd.simulator.zips import zip_stream
from tests.fakes.clock import FakeClock
from tests.fakes.records import Ear, checksums_hold, snapshots

JOB = "4876876000001594004"
SIZE = 60_000  # bytes a zip, roughly: a few blocks on the wire
NAMES = ("Data_001.zip", "Data_002.zip", "Attachments_001.zip")


class Operator:
    """Runs `--run-once` again and again on one archive; each run is built anew from its settings, as a process is."""

    def __init__(self, vendor: Vendor, clock: FakeClock, folder: Path) -> None:
        self.vendor = vendor
        self.clock = clock
        self.ear = Ear()
        self.root = folder / "archive"
        self.root.mkdir()
        self.config = folder / "backupd.toml"
        self.hosts = [vendor.url.partition("//")[2]]
        self.timeout = "10s"
        self.min_free = "0MB"
        self.archive_settings = ""  # more lines of [archive]
        self.poll_settings = ""  # lines of [poll]

    async def run_once(self) -> Exit:
        """Run one cycle."""
        self.write_settings()
        settings = load(self.config, environment={}, run_secrets=self.root / "none")
        around = Surroundings(tell=self.ear, learn=lambda _: None, clock=self.clock)
        async with open_app(settings, around) as app:
            return await app.run_once()

    def write_settings(self) -> None:
        """Write the settings file that every command reads."""
        self.config.write_text(
            f"""
            [archive]
            root = "{self.root}"
            min_free = "{self.min_free}"
            {self.archive_settings}
            [poll]
            {self.poll_settings}
            [download]
            timeout = "{self.timeout}"
            [orgs.main]
            client_id = "1000.SIMULATED"
            client_secret = "simulated"
            refresh_token = "1000.simulated"
            accounts_url = "{self.vendor.url}"
            api_domain = "{self.vendor.url}"
            download_hosts = {self.hosts!r}
            """,
            encoding="utf-8",
        )

    async def write(self, *facts: Fact) -> None:
        """Write facts into the journal, as a command of their own would."""
        settings = load(self.config, environment={}, run_secrets=self.root / "none")
        around = Surroundings(tell=self.ear, learn=lambda _: None, clock=self.clock)
        async with (
            open_library(settings, around, read_only=False) as library,
            library.archive.lock("main", what="test"),
        ):
            journal, catalog = await open_records("main", library, around)
            await catalog.record("main", await journal.append(*facts))

    @property
    def snapshots(self) -> list[str]:
        """The snapshots' folders, relative to the archive root."""
        return snapshots(self.root)

    async def is_whole(self, job: str = JOB, *, names: tuple[str, ...] = NAMES) -> bool:
        """Tell whether the job's one snapshot holds these files, byte for byte as the vendor has them."""
        (folder,) = [self.root / path for path in self.snapshots if path.endswith(f"_{job}")]
        zips = sorted(folder.glob("*/*.zip"))
        same = [path.read_bytes() == await self._original(job, path.parent.name, path.name) for path in zips]
        return sorted(path.name for path in zips) == sorted(names) and all(same) and checksums_hold(folder)

    async def _original(self, job: str, kind: str, name: str) -> bytes:
        (spec,) = [
            file for _, run, file in self.vendor.files() if (run.spec.job_id, file.kind, file.name) == (job, kind, name)
        ]
        content = await self.vendor.shelf.open(job, spec)
        return content.read(0, content.size)

    def nothing_half_done(self) -> bool:
        """Tell whether the archive shows no file but whole snapshots and its own records."""
        shown = [path for path in self.root.rglob("*.zip*") if not path.relative_to(self.root).parts[0].startswith(".")]
        return all(checksums_hold(self.root / path) for path in self.snapshots) and all(
            (path.parent.parent / "manifest.json").exists() for path in shown
        )


def run(job: str = JOB, *, days_ago: float = 2, names: tuple[str, ...] = NAMES, **fields: object) -> RunSpec:
    """Give a finished run with small zips."""
    files = tuple(FileSpec(_kind(name), name, content=_zip(job, name)) for name in names)
    return RunSpec(job, finished=ago(days=days_ago), files=files, **fields)  # type: ignore[arg-type]  # any field of it


@cache
def _zip(job: str, name: str) -> bytes:
    """Give the same zip whenever a test asks for it: making one takes as long as archiving it."""
    return b"".join(zip_stream(_kind(name), SIZE, f"{job}/{name}", compression="mixed"))


def _kind(name: str) -> Literal["data", "attachments"]:
    return "attachments" if name.startswith("Attachments") else "data"


@asynccontextmanager
async def operated(folder: Path, *runs: RunSpec, **fields: object) -> AsyncIterator[Operator]:
    """Run a simulator that holds these runs (one, if none is named) and give its operator."""
    clock = FakeClock()
    org = OrgSpec(schedule=ScheduleSpec(), runs=runs or (run(),), **fields)  # type: ignore[arg-type]  # any field of it
    async with Simulator(Scenario((org,)), clock=clock.now, sleep=clock.sleep) as vendor:
        yield Operator(vendor, clock, folder)


def days(count: float) -> timedelta:
    """Give so many days."""
    return timedelta(days=count)
