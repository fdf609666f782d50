"""The life of an archive, in any order: publish, add files, damage, scrub, heal, prune, hold, crash, rebuild.

Whatever happens, nothing is lost that no rule let go, and what a reader sees is whole but for what was damaged.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from backupd.app import Library, Surroundings, caretaker, open_records
from backupd.catalog import Catalog
from backupd.core.facts import HoldLifted, HoldSet, LinksSeen
from backupd.core.model import FileId, JobId
from backupd.core.retention import Rules
from backupd.journal import Journal
from backupd.telemetry.pulses import Pulses
from backupd.telemetry.skews import Skews
from backupd.upkeep import Terms
from backupd.verify import FileReading, Missing, Whole, ZipLimits
from tests.fakes.guillotine import Guillotine, Killed
from tests.fakes.shelf import Shelf, broken_promises, content_of
from tests.fakes.values import EXPIRES_AT, ZGID, attachments, data, link, received

ONE, TWO, THREE = data("Data_001.zip"), data("Data_002.zip"), attachments("Data_001.zip")
TERMS = Terms(Rules(keep_last=1), timedelta(days=20), timedelta(seconds=2), ZipLimits())
CRASH = st.none() | st.integers(1, 45)  # before which step on the disk
PICK = st.integers(0, 10**6)


class ArchiveLife(RuleBasedStateMachine):
    """`there` is what must be in the archive; `hurt` what was damaged in it, and not healed yet."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.shelf = Shelf(self.root)
        self.around = Surroundings(tell=self.shelf.ear, learn=lambda _: None, clock=self.shelf.clock)
        self.there: dict[JobId, set[FileId]] = {}
        self.hurt: set[tuple[JobId, FileId]] = set()
        self.held: set[JobId] = set()
        self.dropped: set[JobId] = set()

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    # --- what happens ---------------------------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        for _ in range(3):
            self.publish(None, (ONE,))

    @rule(crash=CRASH, files=st.sampled_from([(ONE,), (ONE, TWO)]))
    def publish_one(self, crash: int | None, files: tuple[FileId, ...]) -> None:
        self.publish(crash, files)

    def publish(self, crash: int | None, files: tuple[FileId, ...]) -> None:
        job = JobId(ZGID, f"40{len(self.there) + len(self.dropped):02}")
        self.shelf.clock.pass_time(days=8)
        links = LinksSeen(job, EXPIRES_AT, tuple(link(job, file) for file in files))
        self._do(None, lambda library: self._write(library, links))
        self.there[job] = set(files)
        self._do(crash, lambda library: self._archive(library, job, files))

    @precondition(lambda self: self.there)
    @rule(crash=CRASH, pick=PICK)
    def add_a_file(self, crash: int | None, pick: int) -> None:
        job = self._pick(pick)
        self.there[job].add(THREE)
        self._do(crash, lambda library: self._archive(library, job, (THREE,)))
        self.hurt.discard((job, THREE))  # what is fetched again takes the place of what is damaged

    @precondition(lambda self: self.there)
    @rule(pick=PICK, gone=st.booleans())
    def damage(self, pick: int, gone: bool) -> None:
        job = self._pick(pick)
        file = sorted(self.there[job])[pick % len(self.there[job])]
        path = self._folder(job) / str(file)
        if gone:
            path.unlink(missing_ok=True)
        elif path.exists():
            path.chmod(0o640)
            path.write_bytes(b"?" * path.stat().st_size)
            path.chmod(0o440)
        self.hurt.add((job, file))

    @rule(crash=CRASH)
    def scrub(self, crash: int | None) -> None:
        self.shelf.clock.pass_time(hours=1)
        self._do(crash, self._scrub)

    @precondition(lambda self: self.hurt)
    @rule(crash=CRASH, pick=PICK)
    def heal(self, crash: int | None, pick: int) -> None:
        job, file = sorted(self.hurt)[pick % len(self.hurt)]
        self._do(crash, lambda library: self._archive(library, job, (file,)))
        self.hurt.discard((job, file))

    @rule(crash=CRASH)
    def prune(self, crash: int | None) -> None:
        self._do(crash, self._prune)
        self._note_what_went()

    @precondition(lambda self: self.there)
    @rule(pick=PICK)
    def hold(self, pick: int) -> None:
        job = self._pick(pick)
        self._do(None, lambda library: self._write(library, HoldSet(job, "an audit")))
        self.held.add(job)

    @precondition(lambda self: self.held)
    @rule(pick=PICK)
    def lift(self, pick: int) -> None:
        job = sorted(self.held)[pick % len(self.held)]
        self._do(None, lambda library: self._write(library, HoldLifted(job)))
        self.held.discard(job)

    @rule()
    def rebuild(self) -> None:
        (self.root / "catalog.sqlite").unlink(missing_ok=True)

    # --- what holds -----------------------------------------------------------------------------------------------

    @invariant()
    def everything_is_there_and_whole_but_for_what_was_hurt(self) -> None:
        for job, files in self.there.items():
            for file in files:
                path = self._folder(job) / str(file)
                whole = path.exists() and path.read_bytes() == content_of(job, file)
                assert whole is ((job, file) not in self.hurt)
        names = {f"{self._folder(job).name}: {file}" for job, file in self.hurt}
        assert {problem.partition(" is ")[0] for problem in broken_promises(self.root)} <= names

    @invariant()
    def the_catalog_says_what_is_there(self) -> None:
        async def look() -> tuple[set[JobId], set[JobId], set[JobId]]:
            async with self._library() as library:
                catalog = library.catalog
                return (
                    {row.job for row in await catalog.snapshots()},
                    {job.job for job in await catalog.later.dropped("main")},
                    {offer.offer.job for offer in await catalog.pending("main")},
                )

        rows, dropped, pending = asyncio.run(look())
        assert (rows, dropped, pending) == (set(self.there), self.dropped, set())

    # --- how ------------------------------------------------------------------------------------------------------

    def _do(self, crash: int | None, work: Callable[[Library], Awaitable[object]]) -> None:
        """Do something, perhaps killed on the way; then start again, which finishes what was begun."""

        async def run() -> None:
            async with self._library() as library:
                await work(library)

        try:
            with Guillotine(at=crash).in_place():
                asyncio.run(run())
        except (Killed, BaseExceptionGroup):
            shutil.rmtree(self.root / ".state")  # the lock of the dead
            asyncio.run(self._start_again(work))

    async def _start_again(self, work: Callable[[Library], Awaitable[object]]) -> None:
        async with self._library() as library:
            async with library.archive.lock("main", what="cycle"):
                journal, catalog = await open_records("main", library, self.around)
                for staging in await library.archive.staged("main"):
                    done = await staging.finished()
                    if done is not None:
                        known = (await catalog.archived("main", [staging.job])).get(staging.job)
                        if known is None or known.manifest_sha256 != done.manifest_sha256:
                            await catalog.record("main", await journal.append(done.fact), done)
                        await staging.discard()
            await work(library)

    @asynccontextmanager
    async def _library(self):
        archive = self.shelf.archive()
        await archive.prepare()

        async def journal(org: str) -> Journal:
            path = self.root / org / "journal.jsonl"
            return await Journal.open(path, org=org, clock=self.shelf.clock, tell=self.shelf.ear, read_only=True)

        async with await Catalog.open(
            self.root / "catalog.sqlite",
            archive=archive,
            journals=journal,
            clock=self.shelf.clock,
            tell=self.shelf.ear,
        ) as catalog:
            state, clock = self.root / ".state", self.shelf.clock
            yield Library(self.root, archive, catalog, clock, Pulses(state, clock), Skews(state, clock))

    async def _write(self, library: Library, fact) -> None:
        async with library.archive.lock("main", what="test"):
            journal, catalog = await open_records("main", library, self.around)
            await catalog.record("main", await journal.append(fact))

    async def _archive(self, library: Library, job: JobId, files: tuple[FileId, ...]) -> None:
        """Do what a cycle does for a job: fetch, publish, record."""
        async with library.archive.lock("main", what="cycle"):
            journal, catalog = await open_records("main", library, self.around)
            known = (await catalog.archived("main", [job])).get(job)
            staging = await self.shelf.stage(job, into=known.path if known else None)
            await self.shelf.fetch(staging, *files)
            done = await self.shelf.publish(staging)
            if known is None or known.manifest_sha256 != done.manifest_sha256:
                await catalog.record("main", await journal.append(done.fact), done)
            await staging.discard()

    async def _scrub(self, library: Library) -> None:
        scrubber = caretaker(library, self.around).scrubber("main", TERMS)
        await replace(scrubber, read=_read).run()

    async def _prune(self, library: Library) -> None:
        await caretaker(library, self.around).pruner("main", TERMS).run()

    def _note_what_went(self) -> None:
        """Take note of what the rules let go: never what is held, never the newest."""
        gone = {job for job in self.there if not self._exists(job)}
        assert not gone & self.held
        assert max(self.there) not in gone
        self.there = {job: files for job, files in self.there.items() if job not in gone}
        self.hurt = {(job, file) for job, file in self.hurt if job not in gone}
        self.dropped |= gone

    def _pick(self, pick: int) -> JobId:
        return sorted(self.there)[pick % len(self.there)]

    def _exists(self, job: JobId) -> bool:
        return bool(list(self.root.glob(f"main/*/*_{job.job}")))

    def _folder(self, job: JobId) -> Path:
        (folder,) = self.root.glob(f"main/*/*_{job.job}")
        return folder


async def _read(path: Path, _: str) -> FileReading:
    """Read a file that is no zip as if it were one."""
    if not await asyncio.to_thread(path.exists):
        return Missing()
    content = await asyncio.to_thread(path.read_bytes)
    checked = received(ONE, content).checked
    return Whole(len(content), sha256(content).hexdigest(), checked)


TestArchiveLife = pytest.mark.slow(ArchiveLife.TestCase)
TestArchiveLife.settings = settings(max_examples=settings().max_examples // 4, stateful_step_count=10)
