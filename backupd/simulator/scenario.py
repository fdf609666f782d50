"""What the simulated vendor holds at its start: organisations, their schedules, runs and histories.

A scenario is a TOML file or these values; without either, the default one: a recurring schedule, one finished run
with two data and two attachments zips, and a history of two pages.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from backupd.simulator.faults import Fault, read_fault
from backupd.simulator.reading import Moment, ScenarioError, Size, ago, read
from backupd.simulator.switches import Pace, Serving, Switches

Kind = Literal["data", "attachments"]


@dataclass(frozen=True, slots=True)
class FileSpec:
    """One zip of a run: generated after its size and seed, or given by `path`, or (from Python) by `content`."""

    kind: Kind
    name: str
    size: Size = 100_000  # of the generated zip, roughly
    seed: str = ""
    compression: Literal["deflated", "stored", "mixed"] = "mixed"
    zip64: bool = False  # write zip64 end records although the zip is small
    path: Path | None = None
    content: bytes | None = None
    serving: Serving | None = None  # None: as its organisation serves


@dataclass(frozen=True, slots=True)
class RunSpec:
    """One run of the backup, in the past or to come."""

    job_id: str
    finished: Moment = field(default_factory=lambda: ago(days=1))
    duration: timedelta = timedelta(minutes=30)
    lifetime: timedelta = timedelta(days=7)  # of its links
    files: tuple[FileSpec, ...] = ()
    offered: int | None = None  # how many links are given out so far; None: all
    failed: bool = False  # at the vendor: a history entry and no links
    in_history: bool = True


@dataclass(frozen=True, slots=True)
class ScheduleSpec:
    """The standing order."""

    id: str = "4876876000001593003"
    rrule: str | None = "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU"
    start: Moment = field(default_factory=lambda: ago(days=2))
    next: Moment | None = field(default_factory=lambda: ago(days=-12))
    requester: str = "Patricia Boyle"


@dataclass(frozen=True, slots=True)
class HistorySpec:
    """One event of the vendor's history, as the vendor words it."""

    log_time: Moment | None = None
    state: str | None = None
    action: str | None = None
    repeat_type: str | None = None
    file_name: str | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class OrgSpec:
    """One organisation and what may be asked with its credentials."""

    name: str = "main"
    zgid: str = "757345985"
    client_id: str = "1000.SIMULATED"
    client_secret: str = "simulated"  # noqa: S105  # the simulator's public default, not a secret
    refresh_token: str = "1000.simulated"  # noqa: S105  # likewise
    grant_code: str = "1000.code"  # accepted once by the authorization_code grant
    scopes: tuple[str, ...] = ("ZohoCRM.bulk.backup.ALL", "ZohoFiles.files.ALL")
    quota: int = 2  # backups that POST /backup may still start
    schedule: ScheduleSpec | None = None
    runs: tuple[RunSpec, ...] = ()
    history: tuple[HistorySpec, ...] = ()
    past_events: int = 0  # so many older history entries are made up
    switches: Switches = field(default_factory=Switches)
    serving: Serving = field(default_factory=Serving)
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """All there is at the start."""

    orgs: tuple[OrgSpec, ...]
    pace: Pace = field(default_factory=Pace)


def default_scenario(size: int = 400_000) -> Scenario:
    """Give the scenario of a simulator that was told nothing; `size` is each zip's, roughly."""
    names: tuple[tuple[Kind, str], ...] = (("data", "Data"), ("attachments", "Attachments"))
    files = tuple(FileSpec(kind, f"{stem}_00{n}.zip", size) for kind, stem in names for n in (1, 2))
    run = RunSpec(job_id="4876876000001594004", finished=ago(days=2), files=files)
    return Scenario((OrgSpec(schedule=ScheduleSpec(), runs=(run,), past_events=229),))


def load_scenario(path: Path) -> Scenario:
    """Read a scenario file, or raise ScenarioError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read ({error.strerror}); name an existing file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: is not TOML ({error}); correct it there") from error
    return read_scenario(table, str(path), base=path.parent)


def read_scenario(table: Mapping[str, Any], where: str, *, base: Path = Path()) -> Scenario:
    """Make a scenario out of a parsed file; relative paths of zips count from `base`."""
    for key in table:
        if key not in ("orgs", "pace"):
            raise ScenarioError(f"{where}: unknown key {key!r}; known are: orgs, pace")
    tables = table.get("orgs")
    if not isinstance(tables, list) or not tables:
        raise ScenarioError(f"{where}: no organisation; add one under [[orgs]]")
    orgs = tuple(read_org(org, f"{where}: orgs[{n}]", base=base) for n, org in enumerate(tables))
    for key in ("name", "zgid", "refresh_token"):
        values = [getattr(org, key) for org in orgs]
        if len(set(values)) < len(values):
            raise ScenarioError(f"{where}: two organisations have the same {key}; give each its own")
    return Scenario(orgs, read(Pace, table.get("pace", {}), f"{where}: pace"))


def read_org(table: object, where: str, *, base: Path = Path()) -> OrgSpec:
    """Make an organisation out of its table."""
    plain = dict(table) if isinstance(table, Mapping) else table
    faults = plain.pop("faults", []) if isinstance(plain, dict) else []
    org = read(OrgSpec, plain, where)
    runs = tuple(_with_paths(run, f"{where}.runs[{n}]", base) for n, run in enumerate(org.runs))
    rules = tuple(read_fault(fault, f"{where}.faults[{n}]") for n, fault in enumerate(faults))
    return replace(org, runs=runs, faults=rules)


def _with_paths(run: RunSpec, where: str, base: Path) -> RunSpec:
    for n, file in enumerate(run.files):
        if "/" in file.name or not file.name:
            raise ScenarioError(f"{where}.files[{n}].name: {file.name!r} is no file name; leave out the slashes")
        if file.path and not (base / file.path).is_file():
            raise ScenarioError(f"{where}.files[{n}].path: {file.path} is not a file; correct the path")
    files = tuple(replace(file, path=base / file.path) if file.path else file for file in run.files)
    return replace(run, files=files)
