"""The catalog over a real archive and real journals: what it answers, and that nothing is lost with it."""

import asyncio
import errno
import fcntl
import os
import sqlite3
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import PurePosixPath

import pytest

from backupd.catalog import Catalog, SnapshotRow
from backupd.catalog.database import Database
from backupd.catalog.sealing import LISTED
from backupd.core.errors import ArchiveError, ArchiveFull, UsageError
from backupd.core.events import CatalogRebuilt, JournalDamaged
from backupd.core.facts import HistorySeen, HoldSet, LinksSeen, Missed, OrgPinned, Published, Revised, Scrubbed
from backupd.core.model import HistoryEntry, JobId
from backupd.journal import Journal
from tests.fakes.shelf import Shelf
from tests.fakes.values import EXPIRES_AT, JOB, TAKEN_AT, ZGID, attachments, data, link

ONE, TWO, THREE = data("Data_001.zip"), data("Data_002.zip"), attachments("Data_001.zip")
OTHER = JobId(ZGID, "4876876000001594005")
SEEN = LinksSeen(JOB, EXPIRES_AT, (link(JOB, ONE), link(JOB, TWO)))
ENTRY = HistoryEntry("77", TAKEN_AT, "completed", None, "weekly", None, 2)


class Office:
    """An archive, the journal of `main`, and a catalog over them, opened as a process of its own would."""

    def __init__(self, root) -> None:
        self.shelf = Shelf(root)
        self.root, self.ear, self.clock = root, self.shelf.ear, self.shelf.clock
        self.file = root / "catalog.sqlite"

    async def journal(self, org: str = "main", *, read_only: bool = True) -> Journal:
        path = self.root / org / "journal.jsonl"
        return await Journal.open(path, org=org, clock=self.clock, tell=self.ear, read_only=read_only)

    async def catalog(self, *, read_only: bool = False, wal: bool = True) -> Catalog:
        return await Catalog.open(
            self.file,
            archive=self.shelf.archive(),
            journals=self.journal,
            clock=self.clock,
            tell=self.ear,
            wal=wal,
            read_only=read_only,
        )

    async def write(self, *facts) -> None:
        """Write facts that no catalog is told of."""
        await (await self.journal(read_only=False)).append(*facts)

    async def note(self, catalog: Catalog, fact, snapshot=None) -> None:
        """Write a fact and record it, as a cycle does."""
        lines = await (await self.journal(read_only=False)).append(fact)
        await catalog.record("main", lines, snapshot)

    async def publish(self, catalog: Catalog, *files, job: JobId = JOB):
        known = (await catalog.archived("main", [job])).get(job)
        done = await self.shelf.archive_job(*files, job=job, into=known.path if known else None)
        kind = Published if done.manifest.revision == 1 else Revised
        fact = kind(job, str(done.path), done.manifest.revision, done.manifest_sha256)
        await self.note(catalog, fact, done)
        return done

    @property
    def rebuilt(self) -> list[str]:
        return [event.reason for event in self.ear.of(CatalogRebuilt)]


@pytest.fixture
async def office(tmp_path):
    made = Office(tmp_path / "archive")
    made.root.mkdir()
    await made.shelf.archive().prepare()
    return made


@pytest.fixture
async def filled(office):
    """Two published jobs, one with a file that is still to come; a missed one; history; a scrub."""
    async with await office.catalog() as catalog:
        await catalog.catch_up("main", await office.journal())
        for fact in (OrgPinned(ZGID), SEEN):
            await office.note(catalog, fact)
        await office.publish(catalog, ONE)
        await office.note(catalog, LinksSeen(OTHER, EXPIRES_AT, (link(OTHER, ONE), link(OTHER, THREE))))
        await office.publish(catalog, ONE, job=OTHER)
        await office.publish(catalog, THREE, job=OTHER)
        gone = JobId(ZGID, "3")
        await office.note(catalog, LinksSeen(gone, TAKEN_AT, (link(gone, ONE),)))
        await office.note(catalog, Missed(gone, TAKEN_AT, 1, 0))
        await office.note(catalog, HistorySeen(ENTRY))
        await office.note(catalog, Scrubbed(OTHER, 2, (ONE,)))
    return office


async def everything(catalog: Catalog) -> list[object]:
    """Ask all there is to ask."""
    jobs = [JOB, OTHER, JobId(ZGID, "3"), JobId(ZGID, "none")]
    rows = await catalog.snapshots()
    return [
        rows,
        [await catalog.files(row.path) for row in rows],
        await catalog.totals(),
        await catalog.archived("main", jobs),
        await catalog.remembered("main", jobs),
        await catalog.pending("main"),
        await catalog.pinned("main"),
        await catalog.missed(),
        await catalog.history("main"),
    ]


# --- answers ------------------------------------------------------------------------------------------------------


async def test_an_empty_archive_has_an_empty_catalog_and_that_is_no_news(office):
    async with await office.catalog() as catalog:
        assert await everything(catalog) == [(), [], (), {}, {}, (), None, (), ()]

    assert office.ear.heard == []
    assert stat.S_IMODE(office.file.stat().st_mode) == 0o600


async def test_what_is_archived_is_told_of_the_jobs_asked_for(filled):
    async with await filled.catalog() as catalog:
        answer = await catalog.archived("main", [JOB, JobId(ZGID, "none")])
        assert await catalog.archived("other", [JOB]) == {}

    assert list(answer) == [JOB]
    assert (answer[JOB].revision, answer[JOB].files) == (1, {ONE})
    assert answer[JOB].path == PurePosixPath("main/2022/2022-06-23_4876876000001594004")


async def test_a_job_is_pending_until_each_of_its_links_is_archived(office):
    async with await office.catalog() as catalog:
        await office.note(catalog, SEEN)
        (pending,) = await catalog.pending("main")
        assert (pending.offer.job, pending.offer.expires_at, pending.missed) == (JOB, EXPIRES_AT, False)
        assert pending.offer.links == SEEN.links
        assert pending.first_seen_at == office.clock.now()

        await office.publish(catalog, ONE)
        assert [job.offer.job for job in await catalog.pending("main")] == [JOB]

        await office.publish(catalog, TWO)
        assert await catalog.pending("main") == ()
        assert (await catalog.remembered("main", [JOB]))[JOB].offer.links == SEEN.links


async def test_links_that_appear_later_make_a_job_pending_again(office):
    async with await office.catalog() as catalog:
        await office.note(catalog, replace(SEEN, links=SEEN.links[:1]))
        await office.publish(catalog, ONE)
        seen_first = office.clock.now()
        office.clock.pass_time(hours=1)
        await office.note(catalog, replace(SEEN, links=SEEN.links[1:]))

        (pending,) = await catalog.pending("main")

    assert pending.offer.links == SEEN.links
    assert pending.first_seen_at == seen_first


async def test_a_link_with_another_address_and_another_expiry_is_remembered_as_it_is_now(office):
    moved = replace(SEEN.links[0], url="https://download.zoho.eu/elsewhere")
    later = EXPIRES_AT + timedelta(days=2)
    async with await office.catalog() as catalog:
        await office.note(catalog, SEEN)
        await office.note(catalog, LinksSeen(JOB, later, (moved,)))

        known = (await catalog.remembered("main", [JOB]))[JOB]

    assert known.offer.links == (moved, SEEN.links[1])
    assert known.offer.expires_at == later


async def test_a_job_that_was_given_up_is_not_pending_unless_its_links_live_on(office):
    async with await office.catalog() as catalog:
        await office.note(catalog, SEEN)
        await office.note(catalog, Missed(JOB, EXPIRES_AT, 2, 1))
        assert await catalog.pending("main") == ()
        assert (await catalog.remembered("main", [JOB]))[JOB].missed
        (missed,) = await catalog.missed("main")
        assert (missed.job, missed.expired_at, missed.files, missed.saved) == (JOB, EXPIRES_AT, 2, 1)

        await office.note(catalog, replace(SEEN, links=()))  # the same expiry again
        assert await catalog.pending("main") == ()

        await office.note(catalog, replace(SEEN, expires_at=EXPIRES_AT + timedelta(days=1), links=()))
        assert [job.offer.job for job in await catalog.pending("main")] == [JOB]
        assert await catalog.missed() == ()


async def test_the_links_of_what_is_archived_are_not_kept_for_ever(office):
    async with await office.catalog() as catalog:
        await office.note(catalog, replace(SEEN, links=SEEN.links[:1]))
        await office.publish(catalog, ONE)
        await office.note(catalog, LinksSeen(OTHER, EXPIRES_AT, (link(OTHER, ONE),)))  # stays pending
        office.clock.pass_time(days=50)
        await office.note(catalog, LinksSeen(JobId(ZGID, "6"), EXPIRES_AT, ()))
        assert (await catalog.remembered("main", [JOB]))[JOB].offer.links != ()

        office.clock.pass_time(days=30)
        await office.note(catalog, LinksSeen(JobId(ZGID, "7"), EXPIRES_AT, ()))

        known = await catalog.remembered("main", [JOB, OTHER])
    assert known[JOB].offer.links == ()
    assert known[OTHER].offer.links != ()


async def test_sums_are_told_by_org(filled):
    async with await filled.catalog() as catalog:
        (totals,) = await catalog.totals()
        rows = await catalog.snapshots()

    assert (totals.org, totals.snapshots, totals.files, totals.damaged) == ("main", 2, 3, 1)
    assert totals.size == sum(row.size for row in rows)
    assert totals.newest_taken_at == TAKEN_AT


async def test_the_pages_of_a_list_make_the_whole_list(office):
    async with await office.catalog() as catalog:
        for number in range(5):
            await office.publish(catalog, ONE, job=JobId(ZGID, str(number)))
        whole = await catalog.snapshots("main")
        pages: list[SnapshotRow] = []
        while page := await catalog.snapshots("main", limit=2, after=pages[-1] if pages else None):
            pages += page

    assert tuple(pages) == whole
    assert [row.job.job for row in whole] == ["4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    "name",
    [
        "4876876000001594004",
        "2022-06-23_4876876000001594004",
        "main/2022/2022-06-23_4876876000001594004",
        "main/2022/2022-06-23_4876876000001594004/",
    ],
)
async def test_a_snapshot_is_found_by_each_of_its_names(filled, name):
    async with await filled.catalog() as catalog:
        assert (await catalog.find(name)).job == JOB


async def test_the_beginning_of_a_name_is_enough_if_no_other_begins_so(office):
    async with await office.catalog() as catalog:
        await office.publish(catalog, ONE)
        assert (await catalog.find("2022-06")).job == JOB
        assert (await catalog.find("4876")).job == JOB

        await office.publish(catalog, ONE, job=OTHER)
        with pytest.raises(UsageError, match=r"may mean several snapshots: main/.*4004, main/.*4005$"):
            await catalog.find("2022-06")


@pytest.mark.parametrize("name", ["2021", "%", "_", "", "main/2022/2022-06-23_4876876000001594004/data"])
async def test_what_is_not_there_is_not_found(office, name):
    async with await office.catalog() as catalog:
        if name != "":
            await office.publish(catalog, ONE)
        with pytest.raises(UsageError, match="no snapshot"):
            await catalog.find(name)


async def test_history_and_scrubs_are_told(filled):
    async with await filled.catalog() as catalog:
        assert await catalog.history("main") == (ENTRY,)
        row = await catalog.find(OTHER.job)
    assert (row.scrubbed_at, row.damaged) == (filled.clock.now(), 1)


async def test_no_answer_shows_a_link_when_printed(filled):
    async with await filled.catalog() as catalog:
        assert "s3cret" not in repr(await everything(catalog))


# --- following the journal ----------------------------------------------------------------------------------------


async def test_lines_that_a_crash_left_unrecorded_are_taken_in_at_the_next_start(office):
    async with await office.catalog() as catalog:
        await office.note(catalog, SEEN)
    snapshot = await office.shelf.archive_job(ONE)
    await office.write(Published(JOB, str(snapshot.path), 1, snapshot.manifest_sha256), HistorySeen(ENTRY))

    async with await office.catalog() as catalog:
        await catalog.catch_up("main", await office.journal())
        known = (await catalog.archived("main", [JOB]))[JOB]
        assert (known.files, known.manifest_sha256) == ({ONE}, snapshot.manifest_sha256)
        assert await catalog.history("main") == (ENTRY,)

    assert office.rebuilt == []


async def test_lines_are_taken_in_once(office):
    async with await office.catalog() as catalog:
        lines = await (await office.journal(read_only=False)).append(SEEN, HistorySeen(ENTRY))
        await catalog.record("main", lines)
        before = await everything(catalog)

        await catalog.record("main", lines)
        await catalog.catch_up("main", await office.journal())

        assert await everything(catalog) == before


async def test_lines_that_it_failed_to_take_in_are_taken_in_with_the_next(office):
    async with await office.catalog() as catalog:
        lines = await (await office.journal(read_only=False)).append(OrgPinned(ZGID), SEEN)

        await catalog.record("main", lines[1:])

        assert await catalog.pinned("main") == ZGID
        assert len(await catalog.pending("main")) == 1
        assert office.rebuilt == []


@pytest.mark.parametrize("change", ["replaced", "cut", "gone"])
async def test_another_journal_than_the_one_known_makes_a_new_catalog(filled, change):
    path = filled.root / "main" / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.unlink()
    if change == "replaced":
        filled.clock.pass_time(seconds=1)
        await filled.write(*[OrgPinned("999")] * 50)
    elif change == "cut":
        path.write_bytes(b"".join(lines[:2]))

    async with await filled.catalog() as catalog:
        await catalog.catch_up("main", await filled.journal())
        assert await catalog.pinned("main") == ("999" if change == "replaced" else ZGID)
        assert await catalog.history("main") == ()
        assert len(await catalog.snapshots()) == 2

    assert filled.rebuilt == ["the journal of main is not the one it was made from"]


async def test_a_damaged_line_is_told_and_does_not_hide_the_others(filled):
    path = filled.root / "main" / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[0] = b"\0" * (len(lines[0]) - 1) + b"\n"
    path.write_bytes(b"".join(lines))
    filled.file.unlink()

    async with await filled.catalog() as catalog:
        assert await catalog.history("main") == (ENTRY,)
        assert await catalog.pinned("main") == ZGID  # its snapshots say so

    assert [event.detail for event in filled.ear.of(JournalDamaged)] == [
        "byte 0: it is not a JSON object",
        f"byte {len(lines[0])}: it does not follow the line before it",
    ]


async def test_a_snapshot_that_is_gone_or_unreadable_stays_in_the_list(filled):
    folders = [row.path async for row in filled.shelf.archive().snapshots()]
    (filled.root / folders[0]).rename(filled.root / "elsewhere")
    (filled.root / folders[1] / "manifest.json").unlink()
    filled.file.unlink()

    async with await filled.catalog() as catalog:
        rows = await catalog.snapshots()
        (totals,) = await catalog.totals()

    assert sorted((row.path, row.files) for row in rows) == sorted((path, 0) for path in folders)
    assert all("missing" in (row.problem or "") or "No such" in (row.problem or "") for row in rows)
    assert totals.damaged == 2


async def test_a_snapshot_that_the_journal_does_not_know_yet_can_still_be_recorded(office):
    """A crash came between publishing and the journal's line, and the catalog was lost as well."""
    snapshot = await office.shelf.archive_job(ONE)

    async with await office.catalog() as catalog:
        known = (await catalog.archived("main", [JOB]))[JOB]

    assert known.files == {ONE}
    assert known.manifest_sha256 == "" != snapshot.manifest_sha256


# --- lost and rebuilt ---------------------------------------------------------------------------------------------


def _garbage(path):
    path.write_bytes(b"garbage" * 1000)


def _cut(path):
    os.truncate(path, 5000)


def _emptied(path):
    path.write_bytes(b"")


def _flipped(path):
    content = bytearray(path.read_bytes())
    for at in range(100, len(content), 97):
        content[at] ^= 0x55
    path.write_bytes(bytes(content))


def _newer(path):
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()


DAMAGES = pytest.mark.parametrize("damage", [_garbage, _cut, _emptied, _flipped, _newer, os.unlink])


@DAMAGES
async def test_whatever_happens_to_the_file_the_answers_are_the_same(filled, damage):
    async with await filled.catalog() as catalog:
        expected = await everything(catalog)
    damage(filled.file)

    async with await filled.catalog() as catalog:
        assert await everything(catalog) == expected
        await filled.note(catalog, SEEN)  # and it goes on
    async with await filled.catalog() as catalog:
        assert [job.offer.job for job in await catalog.pending("main")] == [JOB]

    assert len(filled.rebuilt) == 1
    assert [path for path in filled.root.iterdir() if ".new-" in path.name] == []


@DAMAGES
async def test_whatever_happens_to_the_file_while_it_is_open_the_answers_are_the_same(filled, damage):
    async with await filled.catalog(wal=False) as catalog:
        expected = await everything(catalog)
    catalog = await filled.catalog(wal=False)
    damage(filled.file)

    async with catalog:
        await catalog.catch_up("main", await filled.journal())
        assert await everything(catalog) == expected


async def test_a_damaged_catalog_is_set_aside(filled):
    _garbage(filled.file)

    async with await filled.catalog():
        pass

    aside = filled.root / "catalog.sqlite.damaged-20220624T120000Z"
    assert aside.read_bytes().startswith(b"garbage")
    assert filled.rebuilt == ["it is damaged: file is not a database"]


async def test_a_rebuild_that_fails_leaves_no_half_catalog(filled, monkeypatch):
    filled.file.unlink()
    monkeypatch.setattr(Journal, "batch", _refuse)

    with pytest.raises(ArchiveError, match="Input/output"):
        await filled.catalog()

    assert [path.name for path in filled.root.iterdir() if path.name.startswith("catalog")] == []


async def _refuse(*_: object) -> None:
    raise ArchiveError(os.strerror(errno.EIO))


async def test_a_rebuild_that_fails_while_in_use_is_tried_again_with_the_next_question(filled, monkeypatch):
    async with await filled.catalog() as catalog:
        expected = await everything(catalog)
        filled.file.unlink()
        with monkeypatch.context() as failing:
            failing.setattr(Journal, "batch", _refuse)
            with pytest.raises(ArchiveError):
                await catalog.totals()

        assert await everything(catalog) == expected


async def test_a_catalog_that_another_process_rebuilt_is_taken_up(filled):
    async with await filled.catalog() as ours, await filled.catalog() as theirs:
        expected = await everything(ours)
        await theirs.rebuild()
        await filled.note(theirs, HistorySeen(replace(ENTRY, id="78")))

        assert len(await ours.history("main")) == 2
        assert (await everything(ours))[:-1] == expected[:-1]

    assert len(filled.rebuilt) == 1


async def test_rebuilding_counts_the_snapshots(filled):
    async with await filled.catalog() as catalog:
        assert await catalog.rebuild() == 2

    assert filled.rebuilt == ["it was asked for"]


async def test_what_a_killed_rebuild_left_is_cleared_later(filled):
    old, young = (filled.root / f"catalog.sqlite.new-{number}" for number in (1, 2))
    old.write_text("x")
    young.write_text("x")
    os.utime(old, (0, 0))

    async with await filled.catalog() as catalog:
        await catalog.rebuild()

    assert (old.exists(), young.exists()) == (False, True)


async def test_a_full_disk_is_our_error_and_changes_nothing(filled):
    database = Database(filled.file, wal=True)
    await database.open(read_only=False)
    await database.run(lambda db: db.execute("PRAGMA max_page_count = 1").fetchone())
    fill = "INSERT INTO history SELECT 'main', hex(randomblob(9)), NULL, hex(zeroblob(9000)) FROM files, files"

    with pytest.raises(ArchiveFull, match="full"):
        await database.run(lambda db: db.execute(fill))

    assert await database.run(lambda db: db.execute("SELECT count(*) FROM history").fetchone()) == (1,)
    await database.close()


async def test_a_row_that_makes_no_sense_any_more_is_damage(filled):
    async with await filled.catalog(wal=False) as catalog:
        expected = await everything(catalog)
    with sqlite3.connect(filled.file) as database:
        database.execute("UPDATE snapshots SET taken_at = 'yesterday'")
    database.close()

    async with await filled.catalog(wal=False) as catalog:
        assert await everything(catalog) == expected

    assert filled.rebuilt == ["a row of it cannot be read: it is not as it was written"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE links SET name = 'Data_003.zip' WHERE name = 'Data_001.zip'",
        "UPDATE jobs SET expires_at = '1999-01-01T00:00:00.000000+00:00'",
        "UPDATE jobs SET open = 0 WHERE open = 1",
        "UPDATE snapshots SET path = 'main/2022/elsewhere' WHERE id = 1",
        "UPDATE files SET damaged = 1 - damaged",
        "UPDATE orgs SET zgid = '757345984'",
        "DELETE FROM holds",
        "DELETE FROM links WHERE name = 'Data_002.zip'",
    ],
)
async def test_a_row_that_was_changed_by_another_hand_is_damage_although_it_makes_sense(filled, change):
    async with await filled.catalog(wal=False) as catalog:
        await filled.note(catalog, HoldSet(JOB, "an audit"))
        expected = await _decisive(catalog)
    with sqlite3.connect(filled.file) as database:
        assert database.execute(change).rowcount > 0
    database.close()

    async with await filled.catalog(wal=False) as catalog:
        assert await _decisive(catalog) == expected

    (why,) = filled.rebuilt
    assert why.startswith("a row of it cannot be read: ")


LONG_LISTS = pytest.mark.parametrize("ask", [Catalog.snapshots, lambda catalog: catalog.later.standings("main")])


async def _lists_round(filled, ask, change: str) -> tuple[list[object], list[object]]:
    """Return a list as it is before another hand changes rows of it, and after."""
    async with await filled.catalog(wal=False) as catalog:
        before = sorted(await ask(catalog))
    with sqlite3.connect(filled.file) as database:
        database.execute(f"UPDATE snapshots SET {change}")  # noqa: S608  ours
    database.close()
    async with await filled.catalog(wal=False) as catalog:
        return before, sorted(await ask(catalog))


@pytest.mark.parametrize("change", ["listed = listed || x'31'", "listed = ''", "list_seal = list_seal + 1"])
@LONG_LISTS
async def test_what_long_lists_go_by_cannot_be_changed_unnoticed(filled, ask, change):
    before, after = await _lists_round(filled, ask, change)

    assert after == before
    (why,) = filled.rebuilt
    assert why.startswith("a row of it cannot be read: ")


@pytest.mark.parametrize("column", LISTED.split(", ")[1:])  # without the org's name: it is asked for
@LONG_LISTS
async def test_long_lists_do_not_go_by_a_column_that_was_changed(filled, ask, column):
    before, after = await _lists_round(filled, ask, f"{column} = ifnull({column}, '') || '1'")

    assert after == before


@pytest.mark.parametrize(
    "change", ["UPDATE links SET name = 'Data_003.zip' WHERE name = 'Data_001.zip'", "UPDATE orgs SET read_to = -1"]
)
async def test_a_line_is_not_taken_into_rows_that_were_changed_by_another_hand(filled, change):
    """A new seal would make the damage good."""
    async with await filled.catalog(wal=False) as catalog:
        await catalog.totals()
        with sqlite3.connect(filled.file) as database:
            database.execute(change)
        database.close()

        await filled.note(catalog, LinksSeen(JOB, EXPIRES_AT + timedelta(days=1), ()))

        names = {link.file for link in (await catalog.remembered("main", [JOB]))[JOB].offer.links}
        assert names == {ONE, TWO}
    assert len(filled.rebuilt) == 1


async def test_a_reader_of_a_damaged_catalog_answers_from_the_records(filled):
    async with await filled.catalog(wal=False) as catalog:
        expected = await everything(catalog)
    with sqlite3.connect(filled.file) as database:
        database.execute("UPDATE snapshots SET taken_at = 'yesterday'")
    database.close()
    before = filled.file.read_bytes()

    async with await filled.catalog(read_only=True) as catalog:
        assert await everything(catalog) == expected

    assert filled.file.read_bytes() == before


async def _decisive(catalog: Catalog) -> list[object]:
    """Return what cycles and rules go by."""
    jobs = [row.job for row in await catalog.snapshots("main")]
    return [
        await catalog.archived("main", jobs),
        await catalog.remembered("main", [SEEN.job, *jobs]),
        await catalog.pending("main"),
        await catalog.pinned("main"),
        await catalog.later.holds("main"),
        sorted(await catalog.later.standings("main"), key=lambda standing: standing.path),
    ]


async def test_without_shared_memory_there_is_one_file(filled):
    async with await filled.catalog(wal=False) as catalog:
        await filled.note(catalog, SEEN)
        assert [path.name for path in filled.root.iterdir() if path.name.startswith("catalog")] == ["catalog.sqlite"]


async def test_of_catalogs_that_are_opened_at_once_where_there_is_none_one_is_made_and_used_by_all(filled):
    filled.file.unlink()

    catalogs = await asyncio.gather(*(filled.catalog() for _ in range(4)))

    assert {(await catalog.totals())[0].snapshots for catalog in catalogs} == {2}
    assert filled.rebuilt == ["it is missing"]
    assert [path.name for path in filled.root.glob("catalog.sqlite*") if "new" in path.name] == []
    for catalog in catalogs:
        await catalog.close()


async def test_who_waits_for_a_catalog_that_another_process_makes_can_be_stopped(filled):
    filled.file.unlink()
    other = os.open(filled.root, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)

    opening = asyncio.create_task(filled.catalog())
    await asyncio.sleep(0.05)
    assert not opening.done()
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(opening, 5.0)

    os.close(other)
    async with await filled.catalog() as catalog:
        assert (await catalog.totals())[0].snapshots == 2


async def test_where_folders_cannot_be_locked_a_catalog_is_made_all_the_same(filled, monkeypatch):
    filled.file.unlink()

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    async with await filled.catalog() as catalog:
        assert (await catalog.totals())[0].snapshots == 2


async def test_a_catalog_that_another_process_replaces_while_it_is_opened_is_no_failure(filled, monkeypatch):
    connect = sqlite3.connect

    def too_late(*arguments, **options):
        monkeypatch.undo()
        filled.file.unlink()
        return connect(*arguments, **options)

    monkeypatch.setattr(sqlite3, "connect", too_late)
    async with await filled.catalog() as catalog:
        assert (await catalog.totals())[0].snapshots == 2

    assert filled.rebuilt == ["it is replaced just now"]


async def test_a_half_made_catalog_that_goes_while_it_is_looked_at_is_no_failure(filled):
    filled.file.with_name("catalog.sqlite.new-1").symlink_to("gone")
    filled.file.unlink()

    async with await filled.catalog() as catalog:
        assert (await catalog.totals())[0].snapshots == 2


async def test_who_could_not_make_a_catalog_lets_the_next_one_do_it(filled, monkeypatch):
    filled.file.unlink()
    with monkeypatch.context() as patch:
        patch.setattr("backupd.catalog.database.TABLES", "this is no SQL")
        with pytest.raises(Exception, match="syntax error"):
            await filled.catalog()

    async with await filled.catalog() as catalog:
        assert (await catalog.totals())[0].snapshots == 2


# --- readers ------------------------------------------------------------------------------------------------------


def _untouched(root) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


async def test_a_reader_sees_what_is_there_and_changes_nothing(filled):
    async with await filled.catalog(wal=False) as catalog:
        expected = await everything(catalog)
    before = _untouched(filled.root)

    async with await filled.catalog(read_only=True) as reader:
        assert await everything(reader) == expected

    assert _untouched(filled.root) == before


@DAMAGES
async def test_a_reader_of_a_lost_catalog_makes_one_of_its_own(filled, damage):
    async with await filled.catalog(wal=False) as catalog:
        expected = await everything(catalog)
    damage(filled.file)
    before = _untouched(filled.root)

    async with await filled.catalog(read_only=True) as reader:
        assert await everything(reader) == expected

    assert _untouched(filled.root) == before
    assert filled.rebuilt == []


async def test_a_reader_of_a_catalog_that_lags_sees_what_the_journal_says(filled):
    async with await filled.catalog(wal=False):
        pass
    await filled.write(HistorySeen(replace(ENTRY, id="78")))
    before = _untouched(filled.root)

    async with await filled.catalog(read_only=True) as reader:
        assert [entry.id for entry in await reader.history("main")] == ["78", "77"]

    assert _untouched(filled.root) == before


async def test_a_reader_does_not_wait_for_a_writer(filled):
    async with await filled.catalog() as writer, await filled.catalog(read_only=True) as reader:
        assert len(await reader.history("main")) == 1
        await filled.note(writer, HistorySeen(replace(ENTRY, id="78")))

        assert len(await reader.history("main")) == 2


async def test_a_reader_survives_the_catalog_being_rebuilt(filled):
    async with await filled.catalog() as writer, await filled.catalog(read_only=True) as reader:
        expected = await everything(reader)
        await writer.rebuild()

        assert await everything(reader) == expected
