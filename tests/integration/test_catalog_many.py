"""With 100,000 snapshots everything that a cycle or a status asks costs what it costs with ten."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path, PurePosixPath

import pytest

from backupd.catalog import Catalog, asking, asking_later, sealing
from backupd.core.errors import RecordDamaged
from backupd.core.events import CatalogRebuilt
from backupd.core.facts import Fact, LinksSeen
from backupd.core.model import JobId
from backupd.core.records import FoundSnapshot, JournalLine
from tests.fakes.clock import START, FakeClock
from tests.fakes.crowd import Crowd
from tests.fakes.records import Ear
from tests.fakes.values import ZGID, data, link


class ManyLines:
    """A journal with two lines a snapshot, each ten bytes long."""

    def __init__(self, crowd: Crowd) -> None:
        count = self._count = crowd.count
        self.crowd = crowd
        self.size = count * 20
        self.head = self._hash(count * 2)

    async def batch(self, start: int, previous: str, limit: int) -> tuple[JournalLine, ...]:
        assert previous == self._hash(start // 10)
        numbers = range(start // 10, min(start // 10 + limit, self._count * 2))
        return tuple(
            JournalLine(self.at(number), self._fact(number), number * 10, number * 10 + 10, self._hash(number + 1))
            for number in numbers
        )

    def at(self, _: int) -> datetime:
        return START

    def _fact(self, number: int) -> Fact:
        return (self.crowd.published if number % 2 else self.crowd.links_seen)(number // 2)

    def _hash(self, lines: int) -> str:
        return sha256(str(lines).encode()).hexdigest() if lines else ""


class YearsOfLines(ManyLines):
    """The same, each written at its time."""

    def at(self, number: int) -> datetime:
        return self.crowd.taken_at(number // 2)


class Gone(Crowd):
    """Of all of them no manifest is left."""

    async def snapshots(self, org: str | None = None) -> AsyncIterator[FoundSnapshot]:
        assert org is None
        nothing: tuple[FoundSnapshot, ...] = ()
        for found in nothing:
            yield found

    async def look(self, path: PurePosixPath) -> FoundSnapshot:
        return FoundSnapshot(path, RecordDamaged("it is missing"), "")


@contextmanager
def within(seconds: float, what: str):
    started = time.process_time()  # of all threads: what other processes take from the machine does not count
    yield
    took = time.process_time() - started
    print(f"{what}: {took:.3f} s")  # noqa: T201  pytest -s shows the figures
    assert took < seconds, f"{what} took {took:.2f} CPU seconds"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.system)])
async def test_many_snapshots_cost_what_few_do(tmp_path, count):
    many, clock, ear = Crowd(count, until=START), FakeClock(), Ear()
    newest, new = many.job(count - 1), JobId(ZGID, "new")

    async def open_journal(_: str) -> ManyLines:
        return ManyLines(many)

    async def open_catalog(*, read_only: bool = False) -> Catalog:
        return await Catalog.open(
            tmp_path / "catalog.sqlite",
            archive=many,
            journals=open_journal,
            clock=clock,
            tell=ear,
            read_only=read_only,
        )

    with within(300, "rebuild"):
        await (await open_catalog()).close()

    with within(1, "open"):
        catalog = await open_catalog()
    async with catalog:
        with within(1, "catch up with nothing new"):
            await catalog.catch_up("main", await open_journal("main"))
        with within(1, "pending"):
            assert await catalog.pending("main") == ()
        with within(1, "archived, remembered"):
            assert len((await catalog.archived("main", [newest]))[newest].files) == 2
            assert not (await catalog.remembered("main", [newest]))[newest].missed
        with within(1, "pinned, missed, history"):
            assert await catalog.pinned("main") == ZGID
            assert await catalog.missed() == ()
            assert await catalog.history("main") == ()
        with within(5, "all that retention judges by"):
            assert sum(each.is_sound for each in await catalog.later.standings("main")) == count
        with within(0.3, "all that a watch asks of a cycle"):
            watched = catalog.watched
            assert (await watched.chronicle("main")).began_at == START
            assert await watched.alarms("main") == {}
            assert await watched.missed_untold("main") == ()
            assert await watched.damaged("main") == ()
        with within(10, "all that is reconciled once a day"):
            assert len(await watched.known_jobs("main", since=START)) == count
        with within(10, "all that is reconciled when asked for"):
            assert len(await watched.known_jobs("main")) == count
        with within(1, "totals"):
            (totals,) = await catalog.totals()
        assert (totals.snapshots, totals.files) == (count, 2 * count)
        with within(1, "the newest 50"):
            assert (await catalog.snapshots("main", limit=50))[0].job == newest
        with within(1, "find"):
            assert (await catalog.find(newest.job)).job == newest
        with within(1, "open to read, and sum"):
            async with await open_catalog(read_only=True) as reader:
                assert (await reader.totals())[0].snapshots == count
        with within(1, "one more line"):
            journal = await open_journal("main")
            seen = LinksSeen(new, START, (link(new, data("a.zip")),))
            line = JournalLine(START, seen, journal.size, journal.size + 10, "cd" * 32)
            await catalog.record("main", (line,))
        with within(1, "pending, one"):
            assert len(await catalog.pending("main")) == 1
    assert len(ear.of(CatalogRebuilt)) == len(ear.heard) == 1


@pytest.mark.system
@pytest.mark.timeout(600)
async def test_without_any_manifest_a_rebuild_takes_as_long_for_each_line_however_many_there_are(tmp_path):
    """All jobs are open then: nothing that is done for each line may look at all of them."""
    took = {}
    for count in (2_000, 16_000):
        gone = Gone(count, until=START)

        async def open_journal(_: str, gone: Gone = gone) -> ManyLines:
            return YearsOfLines(gone)

        started = time.process_time()
        async with await Catalog.open(
            tmp_path / f"{count}.sqlite", archive=gone, journals=open_journal, clock=FakeClock(), tell=Ear()
        ) as catalog:
            took[count] = time.process_time() - started
            (totals,) = await catalog.totals()
        assert totals.damaged == count

    print(f"CPU seconds: {took}")  # noqa: T201  pytest -s shows the figures
    assert took[16_000] < 3 * 8 * took[2_000]  # it was 150 times


def later(db: sqlite3.Connection) -> asking_later.Later:
    async def ask(question):
        return question(db)

    return asking_later.Later(ask)


LATER = START + timedelta(days=9)
QUESTIONS = {
    "seals": lambda db: sealing.sound_org(db, "main"),
    "pending": lambda db: asking.pending(db, "main"),
    "missed": lambda db: asking.missed(db, "main", limit=10),
    "newest": lambda db: asking.snapshots(db, None, limit=10, after=None),
    "newest of an org": lambda db: asking.snapshots(db, "main", limit=10, after=None),
    "curable": lambda db: asking_later.curable(db, "main", START),
    "holds": lambda db: asyncio.run(later(db).holds("main")),
    "ailing": lambda db: asyncio.run(later(db).ailing("main", before=START, limit=10)),
    "longest unread": lambda db: asyncio.run(later(db).longest_unread("main", before=LATER, limit=10)),
    "unreadable": lambda db: asyncio.run(later(db).unreadable("main", before=START, limit=10)),
    "unrecorded": lambda db: asyncio.run(later(db).unrecorded("main")),
}


@pytest.fixture(scope="module")
def few_and_many(tmp_path_factory):
    async def filled(count: int) -> Path:
        crowd = Crowd(count, until=START)
        path: Path = tmp_path_factory.mktemp("catalog") / "catalog.sqlite"
        journal = ManyLines(crowd)

        async def open_journal(_: str) -> ManyLines:
            return journal

        opening = Catalog.open(path, archive=crowd, journals=open_journal, clock=FakeClock(), tell=Ear())
        async with await opening as catalog:
            assert (await catalog.totals())[0].snapshots == count
        return path

    return asyncio.run(filled(20)), asyncio.run(filled(500))


def steps(path: Path, question: Callable[[sqlite3.Connection], object]) -> int:
    """Count what SQLite's machine does to answer."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    with closing(sqlite3.connect(path)) as db:
        db.set_progress_handler(count, 10)
        question(db)
    return counted


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_what_is_asked_often_takes_as_many_steps_however_many_snapshots_there_are(few_and_many, question):
    few, many = (steps(path, question) for path in few_and_many)

    assert few > 0
    assert many < few + 20
