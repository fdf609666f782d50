"""`backupd demo`: the whole job, done by the real program against the built-in vendor, in a folder of its own."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from cyclopts import Parameter

from backupd.app import Surroundings, open_app
from backupd.cli import trial
from backupd.cli.independent import second_opinion
from backupd.cli.progress import Bars
from backupd.cli.story import Story, heading, say
from backupd.core.errors import UsageError
from backupd.core.events import Event
from backupd.core.exits import Exit
from backupd.core.figures import counted, size
from backupd.settings import load
from backupd.simulator import (
    Drop,
    Fault,
    FileSpec,
    OrgSpec,
    Pace,
    Rule,
    RunSpec,
    Scenario,
    ScheduleSpec,
    Simulator,
    Size,
    Vendor,
    ago,
)
from backupd.telemetry import Redactor, log_event, set_up_log

_JOB = "4876876000001594004"
_FILES = (  # stored zips are quick to make; one is deflated, so that there is something to inflate
    FileSpec("data", "Data_001.zip", Size(2_500_000), compression="deflated"),
    FileSpec("data", "Data_002.zip", Size(8_000_000), compression="stored"),
    FileSpec("attachments", "Attachments_001.zip", Size(9_000_000), compression="stored"),
    FileSpec("attachments", "Attachments_002.zip", Size(8_000_000), compression="stored"),
)
_LINE = 6_000_000  # bytes a second: slow enough to watch
_BREAK = ("Attachments_001.zip", 1_500_000)  # where a connection breaks, and after how many bytes
_NEXT = (
    "backupd demo --keep trial   the same; archive and settings stay in ./trial",
    "backupd simulate            the vendor alone; it says how to archive from it",
    "backupd --help              all commands; README.md tells how to run it",
)
_NEXT_KEPT = (
    "backupd --config {folder}/backupd.toml list",
    "backupd --config {folder}/backupd.toml show latest",
    "backupd --config {folder}/backupd.toml verify --all",
    "(the vendor is gone with this demo; `backupd simulate` brings one back)",
)
_KEEP = Parameter(metavar="DIR", help="Do it there, and leave it all there: archive and settings file.")


async def demo(*, keep: Annotated[Path | None, _KEEP] = None) -> int:
    """See the whole job done, against a built-in vendor. It needs no account and no settings."""
    os.environ["no_proxy"] = "127.0.0.1"  # a proxy that may be set here does not lead to ourselves
    with _folder(keep) as folder:
        async with Simulator(_scenario()) as vendor:
            good = await _Show(folder, vendor).run()
        if good:
            heading("What to try next")
            for line in _NEXT_KEPT if keep else _NEXT:
                say(f"   {line.format(folder=folder)}")
    return Exit.OK if good else Exit.INCOMPLETE


@dataclass(frozen=True, slots=True)
class _Show:
    """The demo, step by step; each tells what it does and returns whether it went as it should."""

    folder: Path
    vendor: Vendor

    async def run(self) -> bool:
        """Do all steps, up to the first that goes wrong."""
        await self._prepare()
        return await self._first_cycle() and self._snapshot() and await self._second_opinion() and await self._again()

    async def _prepare(self) -> None:
        heading("1. A vendor on this machine, and settings for it")
        for file in _FILES:
            await self.vendor.shelf.open(_JOB, file)
        (self.folder / "archive").mkdir()
        settings = trial.configuration(self.vendor, self.folder / "archive")
        self._config.write_text(settings, encoding="utf-8")
        say(f"   {self.vendor.url} has finished a backup of {counted(len(_FILES), 'zip')}")
        say(f"   settings and archive are in {self.folder}")

    async def _first_cycle(self) -> bool:
        heading("2. The first cycle: ask, download, verify, publish (one connection will break)")
        status = await self._run_once()
        if status:
            say(f"   the cycle failed with exit status {status}; the lines above say why")
        return status is Exit.OK

    def _snapshot(self) -> bool:
        heading("3. The snapshot, and its manifest in short")
        snapshot = self._path
        say(f"   {snapshot.relative_to(self.folder)}/")
        for path in sorted(path for path in snapshot.rglob("*") if path.is_file()):
            say(f"      {path.relative_to(snapshot)!s:<34}{size(path.stat().st_size):>9}")
        manifest = json.loads((snapshot / "manifest.json").read_bytes())
        say(f"   taken {manifest['taken_at']}, as the vendor's {manifest['taken_at_basis']} says")
        for file in manifest["files"]:
            resumed = f", {size(file['resumed_bytes'])} resumed" if file["resumed_bytes"] else ""
            requests = counted(file["attempts"], "request")
            say(f"      {file['name']:<20} sha256 {file['sha256'][:16]}…  {requests}{resumed}")
        return True

    async def _second_opinion(self) -> bool:
        heading("4. A second opinion, by tools that know nothing of backupd")
        answers = await asyncio.to_thread(lambda: list(second_opinion(self._path)))
        for asked, good in answers:
            say(f"   {'ok' if good else 'FAILED':<7}{asked}")
        return all(good for _, good in answers)

    async def _again(self) -> bool:
        heading("5. A second cycle: nothing new")
        before = len(self.vendor.requests)
        status = await self._run_once()
        asked = self.vendor.requests[before:]
        for request in asked:
            say(f"   {request.method} {request.path}: {request.status}")
        downloads = sum(request.operation == "download" for request in asked)
        say(f"   {counted(len(asked), 'call')}, {counted(downloads, 'download')}, exit status {int(status)}")
        return status is Exit.OK and [request.operation for request in asked] == ["details", "urls"]

    async def _run_once(self) -> Exit:
        """Do what `backupd --config … --run-once` does; only errors are logged, for the story tells the rest."""
        settings = load(self._config, environment={}, run_secrets=self.folder / "no-secrets")
        redactor = Redactor(settings.secrets())
        set_up_log(redactor, form="console", level="error")
        drawn = sys.stderr.isatty()
        with Bars(sys.stderr, wanted=drawn) as bars:
            story = Story(bars=drawn)

            def tell(event: Event) -> None:
                log_event(event)
                bars(event)
                story(event)

            async with open_app(settings, Surroundings(tell, redactor.learn)) as app:
                return await app.run_once()

    @property
    def _config(self) -> Path:
        return self.folder / "backupd.toml"

    @property
    def _path(self) -> Path:
        return next((self.folder / "archive").glob(f"main/*/*_{_JOB}"))


def _scenario() -> Scenario:
    run = RunSpec(_JOB, finished=ago(days=2), files=_FILES)
    name, after = _BREAK
    fault = Fault(Drop(after), Rule(file=name))
    org = OrgSpec(schedule=ScheduleSpec(), runs=(run,), past_events=12, faults=(fault,))
    return Scenario((org,), Pace(total=Size(_LINE)))


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with TemporaryDirectory(prefix="backupd-demo-") as folder:
            yield Path(folder)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        used = any(keep.iterdir())
    except OSError as error:
        raise UsageError(f"demo: {keep} cannot be used: {error.strerror}", advice="Name another folder.") from error
    if used:
        raise UsageError(f"demo: {keep} is not empty", advice="Name a folder that is, or one that is not there yet.")
    yield keep.absolute()
