"""An archive of any size for the benches: published by the program's own code, journal and catalog included."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from backupd.app import Surroundings, open_library, open_records
from backupd.archive import Archive
from backupd.clock import SystemClock
from backupd.core.facts import Published
from backupd.core.model import JobId, Received, Taken, TakenBasis
from backupd.core.records import PublishedSnapshot
from backupd.settings import load
from backupd.verify import Whole, ZipLimits, check_file
from tests.bench.data import make
from tests.fakes.values import ZGID, data

_LINKS_LIVE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an archive lies, and its settings."""

    folder: Path

    @property
    def root(self) -> Path:
        """The archive's root."""
        return self.folder / "archive"

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.folder / "backupd.toml"

    def configure(self, more: str = "") -> None:
        """Write settings that name the root, and what more is given."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.config.write_text(f'[archive]\nroot = "{self.root}"\nmin_free = "0MB"\n{more}', encoding="utf-8")


async def publish(place: Place, *, snapshots: int, files: int, size: int) -> list[Path]:
    """Publish snapshots of so many zips, `size` bytes in all, unless they are there; return the zips."""
    place.configure("[orgs.main]\n")
    if len(zips := sorted(place.root.glob("main/*/*/data/*.zip"))) == snapshots * files:
        return zips
    shutil.rmtree(place.root)
    place.configure("[orgs.main]\n")
    made = make(place.folder / "made", total=size, files=snapshots * files)
    around = Surroundings(tell=lambda _: None, learn=lambda _: None, clock=SystemClock())
    settings = load(place.config, environment={}, run_secrets=place.root / "none")
    async with (
        open_library(settings, around, read_only=False) as library,
        library.archive.lock("main", what="bench"),
    ):
        journal, catalog = await open_records("main", library, around)
        for number in range(snapshots):
            zips = made[number * files : (number + 1) * files]
            job = JobId(ZGID, f"{4876876000001594004 + number}")
            done = await _archive(library.archive, job, zips, datetime.now(UTC) - timedelta(days=snapshots - number))
            fact = Published(job, str(done.path), done.manifest.revision, done.manifest_sha256)
            await catalog.record("main", await journal.append(fact), done)
    return sorted(place.root.glob("main/*/*/data/*.zip"))


async def _archive(archive: Archive, job: JobId, zips: list[Path], taken_at: datetime) -> PublishedSnapshot:
    expires_at = taken_at + _LINKS_LIVE
    staging = await archive.stage("main", job, expires_at=expires_at, first_seen_at=taken_at, into=None)
    for path in zips:
        file, found = data(path.name), check_file(path, ZipLimits())
        if not isinstance(found, Whole):
            raise SystemExit(f"{path}: {found}")
        slot = staging.slot(file)
        path.rename(slot.part)
        await staging.accept(Received(file, found.size, found.sha256, found.checked, None, None, 1, 0, 1.0))
    done = await staging.publish(taken=Taken(taken_at, TakenBasis.EXPIRY), expires_at=expires_at, schedule=None)
    await staging.discard()
    return done
