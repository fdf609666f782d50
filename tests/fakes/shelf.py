"""An archive on a disk, and a hand that puts files into its staging as a downloader would."""

import hashlib
import json
import re
from pathlib import Path, PurePosixPath

from backupd.archive import Archive, Staging
from backupd.core.model import FileId, JobId, Schedule, Taken, TakenBasis
from backupd.core.records import PublishedSnapshot
from tests.fakes.clock import FakeClock
from tests.fakes.records import Ear
from tests.fakes.values import EXPIRES_AT, JOB, SEEN_AT, TAKEN_AT, received

TAKEN = Taken(TAKEN_AT, TakenBasis.EXPIRY)
SCHEDULE = Schedule("4876876000001593003", "SCHEDULED", "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU")


def content_of(job: JobId, file: FileId) -> bytes:
    """Make the bytes that the vendor has under a name; here any will do."""
    return f"{job.job}/{file}/".encode() * 50


class Shelf:
    """One archive folder; each `archive()` is a new process's view of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = FakeClock()
        self.ear = Ear()
        self.fetched: list[FileId] = []
        self.recorded: dict[JobId, PublishedSnapshot] = {}

    def archive(self, *, require_mount: bool = False) -> Archive:
        """Open the archive anew."""
        return Archive(self.root, clock=self.clock, tell=self.ear, tool_version="1.0", require_mount=require_mount)

    async def stage(self, job: JobId = JOB, *, into: PurePosixPath | None = None) -> Staging:
        """Open a job's staging, as a cycle does."""
        archive = self.archive()
        await archive.prepare()
        return await archive.stage("main", job, expires_at=EXPIRES_AT, first_seen_at=SEEN_AT, into=into)

    async def fetch(self, staging: Staging, *files: FileId) -> None:
        """Let files arrive and be accepted, but for those that are whole already."""
        for file in files:
            if file not in staging.whole():
                content, slot = content_of(staging.job, file), staging.slot(file)
                if not slot.resume.exists():  # else it had arrived, as the downloader's record says
                    self.fetched.append(file)
                    slot.part.write_bytes(content)
                    slot.resume.write_text("complete")
                await staging.accept(received(file, content))

    async def publish(self, staging: Staging, *, taken: Taken = TAKEN) -> PublishedSnapshot:
        """Publish, and leave staging as it is."""
        return await staging.publish(taken=taken, expires_at=EXPIRES_AT, schedule=SCHEDULE)

    async def archive_job(
        self, *files: FileId, job: JobId = JOB, into: PurePosixPath | None = None
    ) -> PublishedSnapshot:
        """Do the whole job as a cycle does, from whatever an earlier try left."""
        archive = self.archive()
        await archive.prepare()
        for left in await archive.staged("main"):
            done = await left.finished()
            if done is not None:
                return await self._record(left, done)
        known = self.recorded.get(job)
        if known is not None and set(files) <= {entry.file for entry in known.manifest.files}:
            return known
        staging = await self.stage(job, into=into)
        await self.fetch(staging, *files)
        return await self._record(staging, await self.publish(staging))

    async def _record(self, staging: Staging, done: PublishedSnapshot) -> PublishedSnapshot:
        self.recorded[done.manifest.job] = done  # the journal's part: it knows before staging is cleared
        await staging.discard()
        return done


def tree(root: Path) -> dict[str, bytes]:
    """Return every file with its content, but for the lock's and the empty folders of our own."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".state" not in path.parts
    }


def broken_promises(root: Path) -> list[str]:
    """Say what of a published snapshot is not whole, as `sha256sum -c` and a reader of the manifest would see it."""
    problems = []
    for folder in sorted(root.glob("[a-z]*/[0-9]*/*")):
        listed = {}
        for line in (folder / "SHA256SUMS").read_text().splitlines():
            match = re.fullmatch(r"([0-9a-f]{64})  (\S.*)", line)
            assert match is not None, line
            listed[match[2]] = match[1]
        for name, digest in listed.items():
            if not (folder / name).is_file() or hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
                problems.append(f"{folder.name}: {name} is not as SHA256SUMS says")
        manifest = json.loads((folder / "manifest.json").read_bytes())
        problems += [
            f"{folder.name}: {entry['path']} is in the manifest and not in SHA256SUMS"
            for entry in manifest["files"]
            if listed.get(entry["path"]) != entry["sha256"]
        ]
    return problems
