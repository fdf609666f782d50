"""One operator's machine: an archive and its settings, and the simulated vendor that they point to."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from backupd.simulator import FileSpec, OrgSpec, RunSpec, Scenario, ScheduleSpec, Simulator, Switches, Vendor
from backupd.simulator.reading import Moment

JOB = "4876876000001594004"
FOUR: tuple[tuple[Literal["data", "attachments"], str], ...] = (
    ("data", "Data_001.zip"),
    ("data", "Data_002.zip"),
    ("attachments", "Attachments_001.zip"),
    ("attachments", "Attachments_002.zip"),
)
_LARGE = 200_000  # bytes; what is larger is made without compressing it: that is done sooner
_FINISHED = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)  # one moment for all vendors of a test run


@dataclass(slots=True)
class Site:
    """An archive's root, and a settings file beside it."""

    vendor: Vendor
    folder: Path
    tables: dict[str, str] = field(default_factory=dict)  # more lines, by the table they belong to

    @property
    def root(self) -> Path:
        """The archive's root."""
        return self.folder / "archive"

    @property
    def config(self) -> Path:
        """The settings file, written anew."""
        tables = {
            "archive": f'root = "{self.root}"\nmin_free = "0MB"',
            "log": 'format = "json"',
            "web": "" if "web" in self.tables else 'listen = ""',
            "orgs.main": f"""
                client_id = "1000.SIMULATED"
                client_secret = "simulated"
                refresh_token = "1000.simulated"
                accounts_url = "{self.vendor.url}"
                api_domain = "{self.vendor.url}"
                download_hosts = ["{self.vendor.url.partition("//")[2]}"]
            """,
        }
        names = [*tables, *(name for name in self.tables if name not in tables)]
        text = "".join(f"[{name}]\n{tables.get(name, '')}\n{self.tables.get(name, '')}\n" for name in names)
        path = self.folder / "backupd.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    @property
    def once(self) -> Sequence[str | Path]:
        """The command line of one cycle."""
        return ("--config", self.config, "--run-once")

    def elsewhere(self, folder: Path) -> "Site":
        """Return a site with the same vendor and settings, and an empty archive in another folder."""
        return new_site(self.vendor, folder, self.tables)


def new_site(vendor: Vendor, folder: Path, tables: dict[str, str] | None = None) -> Site:
    """Make a site with an empty archive."""
    site = Site(vendor, folder, dict(tables or {}))
    site.root.mkdir(parents=True)
    return site


def four_files(job: str = JOB, *, size: int, finished: datetime = _FINISHED, offered: int | None = None) -> RunSpec:
    """Give a finished run of four files of this size each, roughly; the same bytes for every vendor."""
    compression: Literal["mixed", "stored"] = "mixed" if size < _LARGE else "stored"
    files = tuple(FileSpec(kind, name, size, seed=name, compression=compression) for kind, name in FOUR)
    return RunSpec(job, finished=Moment(at=finished), files=files, offered=offered)


def simulator_with(*runs: RunSpec) -> Simulator:
    """Make a vendor that holds these runs, and gives as many tokens as are asked for."""
    switches = Switches(token_throttle=1_000_000)
    return Simulator(Scenario((OrgSpec(schedule=ScheduleSpec(), runs=runs, switches=switches),)))


@asynccontextmanager
async def vendor_with(*runs: RunSpec) -> AsyncIterator[Vendor]:
    """Run such a vendor."""
    async with simulator_with(*runs) as vendor:
        yield vendor
