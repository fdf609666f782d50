"""The journal on a disk: fsynced together, mended after a crash, chained, and read without being read whole."""

import errno
import os
import stat
from collections import Counter

import pytest

from backupd.core.chain import digest
from backupd.core.errors import ArchiveError, ArchiveFull, ArchiveGone, RecordDamaged
from backupd.core.events import JournalMended
from backupd.core.facts import HistorySeen, LinksSeen, OrgPinned
from backupd.core.model import HistoryEntry
from backupd.journal import Journal
from tests.fakes.clock import FakeClock
from tests.fakes.guillotine import Guillotine, Killed
from tests.fakes.records import Ear
from tests.fakes.values import EXPIRES_AT, JOB, ZGID, data, link

PINNED = OrgPinned(ZGID)
SEEN = LinksSeen(JOB, EXPIRES_AT, (link(JOB, data("Data_001.zip")),))
LONG = HistorySeen(HistoryEntry("x" * 300_000, None, None, None))


class Desk:
    def __init__(self, path) -> None:
        self.path = path
        self.clock = FakeClock()
        self.ear = Ear()

    async def open(self, *, read_only: bool = False) -> Journal:
        return await Journal.open(self.path, org="main", clock=self.clock, tell=self.ear, read_only=read_only)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "main" / "journal.jsonl")


async def test_a_journal_that_is_not_there_is_empty(desk):
    journal = await desk.open()

    assert (journal.head, journal.size, list(journal.lines())) == ("", 0, [])
    assert not desk.path.exists()


async def test_no_new_journal_begins_in_the_place_of_one_that_is_gone(desk):
    journal = await desk.open()
    await journal.append(PINNED)
    desk.path.unlink()
    desk.path.parent.rmdir()

    with pytest.raises(ArchiveGone):
        await journal.append(SEEN)

    assert not desk.path.parent.exists()


async def test_facts_are_read_back_in_order(desk):
    journal = await desk.open()
    written = await journal.append(PINNED, SEEN) + await journal.append(LONG)

    again = await desk.open()

    assert list(again.lines()) == list(written)
    assert [line.fact for line in written] == [PINNED, SEEN, LONG]
    assert [(line.start, line.end) for line in written] == list(
        zip([0, written[0].end, written[1].end], [line.end for line in written], strict=True)
    )
    assert (again.head, again.size) == (journal.head, journal.size) == (written[-1].sha256, desk.path.stat().st_size)


async def test_the_head_is_the_hash_of_the_last_line(desk):
    journal = await desk.open()
    await journal.append(PINNED, SEEN)

    assert journal.head == digest(desk.path.read_bytes().splitlines()[-1])


async def test_links_are_nobody_elses(desk):
    await (await desk.open()).append(SEEN)

    assert stat.S_IMODE(desk.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(desk.path.parent.stat().st_mode) == 0o750
    assert "s3cret" not in repr(list((await desk.open()).lines()))


async def test_facts_that_are_added_together_cost_one_write_and_one_fsync(desk):
    journal = await desk.open()
    await journal.append(PINNED)

    blade = Guillotine()
    with blade.in_place():
        await journal.append(PINNED, SEEN, LONG)

    assert Counter(blade.steps) == {"write": 1, "fsync": 1}


async def test_a_torn_last_line_is_cut_and_told(desk):
    journal = await desk.open()
    await journal.append(PINNED, SEEN)
    whole = desk.path.read_bytes()
    desk.path.write_bytes(whole + b'{"time":"2022')

    again = await desk.open()

    assert desk.path.read_bytes() == whole
    assert (again.head, again.size) == (journal.head, journal.size)
    assert [(event.org, event.action) for event in desk.ear.of(JournalMended)] == [("main", "cut")]


async def test_a_reader_passes_over_a_torn_line_and_changes_nothing(desk):
    journal = await desk.open()
    await journal.append(PINNED)
    torn = desk.path.read_bytes() + b"\0" * 100_000
    desk.path.write_bytes(torn)

    reader = await desk.open(read_only=True)

    assert (reader.head, reader.size) == (journal.head, journal.size)
    assert [line.fact for line in reader.lines()] == [PINNED]
    assert desk.path.read_bytes() == torn
    assert desk.ear.heard == []


async def test_a_first_line_that_is_torn_leaves_nothing(desk):
    desk.path.parent.mkdir()
    desk.path.write_bytes(b'{"time"')

    journal = await desk.open()

    assert (journal.head, journal.size, desk.path.read_bytes()) == ("", 0, b"")


async def test_what_another_process_added_is_built_upon(desk):
    ours, theirs = await desk.open(), await desk.open()
    await ours.append(PINNED)
    await theirs.append(SEEN)
    await ours.append(LONG)

    assert [line.fact for line in ours.lines()] == [PINNED, SEEN, LONG]
    assert await ours.verify_chain() == 3


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("failing", ["write", "fsync"])
async def test_a_disk_that_refuses_leaves_the_journal_as_it_was(desk, monkeypatch, failing, number):
    journal = await desk.open()
    await journal.append(PINNED)
    before, head = desk.path.read_bytes(), journal.head
    real, calls = getattr(os, failing), Counter[str]()

    def refuse(descriptor, *rest):
        calls[failing] += 1
        if failing == "write" and calls[failing] == 1:
            return real(descriptor, bytes(rest[0])[:20])  # a few bytes go in, then nothing more
        if failing == "fsync" and calls[failing] > 1:
            return real(descriptor)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, failing, refuse)
    with pytest.raises(ArchiveFull if number == errno.ENOSPC else ArchiveError):
        await journal.append(SEEN)
    monkeypatch.undo()

    assert (desk.path.read_bytes(), journal.head, journal.size) == (before, head, len(before))
    await journal.append(SEEN)
    assert [line.fact for line in (await desk.open()).lines()] == [PINNED, SEEN]


@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("beginning", [[], [PINNED]])
async def test_killed_at_any_step_of_appending_all_facts_are_there_or_none_is_half_there(desk, torn, beginning):
    count = Guillotine()
    for fact in beginning:
        await (await desk.open()).append(fact)
    before = desk.path.read_bytes() if beginning else b""
    with count.in_place():
        await (await desk.open()).append(SEEN, LONG)
    after = desk.path.read_bytes()

    for at in range(1, len(count.steps) + 1):
        desk.path.write_bytes(before)
        with Guillotine(at=at, torn=torn).in_place(), pytest.raises(Killed):
            await (await desk.open()).append(SEEN, LONG)

        journal = await desk.open()
        there = desk.path.read_bytes()
        assert there.startswith(before)
        assert after.startswith(there)
        assert await journal.verify_chain() == there.count(b"\n")


async def test_opening_reads_the_end_only(desk, monkeypatch):
    journal = await desk.open()
    await journal.append(*[LONG] * 20)
    await journal.append(PINNED)
    read = Counter[str]()
    real = type(desk.path).open

    def watched(self, *arguments, **options):
        file = real(self, *arguments, **options)
        wrapped = file.read

        class Watched:
            def __getattr__(self, name):
                return getattr(file, name)

            def __enter__(self):
                return self

            def __exit__(self, *_):
                file.close()

            def read(self, size=-1):
                block = wrapped(size)
                read["bytes"] += len(block)
                return block

        return Watched()

    monkeypatch.setattr(type(desk.path), "open", watched)
    again = await desk.open(read_only=True)

    assert again.size == journal.size > 6_000_000
    assert read["bytes"] <= 64 * 1024


async def test_lines_are_had_in_batches_from_any_line_on(desk):
    journal = await desk.open()
    lines = await journal.append(*[PINNED] * 5)

    assert await journal.batch(0, "", 2) == lines[:2]
    assert await journal.batch(lines[1].end, lines[1].sha256, 10) == lines[2:]
    assert await journal.batch(journal.size, journal.head, 10) == ()


@pytest.mark.parametrize(
    ("change", "number", "what"),
    [
        (lambda lines: [lines[0], lines[1].replace(b"Data_001", b"Data_002"), *lines[2:]], 3, "does not follow"),
        (lambda lines: [lines[0], *lines[2:]], 2, "does not follow"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], 1, "does not follow"),
        (lambda lines: [lines[0], b"\x00" * 30, *lines[2:]], 2, "not a JSON object"),
        (lambda lines: [lines[0], lines[0], *lines[1:]], 2, "does not follow"),
    ],
    ids=["changed", "missing", "swapped", "overwritten", "doubled"],
)
async def test_tampering_is_named_by_line(desk, change, number, what):
    await (await desk.open()).append(PINNED, SEEN, PINNED, PINNED)
    lines = desk.path.read_bytes().splitlines()
    desk.path.write_bytes(b"\n".join(change(lines)) + b"\n")

    with pytest.raises(RecordDamaged, match=rf"journal\.jsonl: line {number} .*{what}") as caught:
        await (await desk.open()).verify_chain()

    assert "s3cret" not in str(caught.value)


async def test_a_damaged_line_does_not_hide_those_behind_it(desk):
    await (await desk.open()).append(PINNED, SEEN, PINNED)
    lines = desk.path.read_bytes().splitlines()
    desk.path.write_bytes(b"\n".join([lines[0], b"\x00" * 30, lines[2]]) + b"\n")
    journal = await desk.open()

    await journal.append(SEEN)

    read = list(journal.lines())
    assert [line.fact for line in read] == [PINNED, None, PINNED, SEEN]
    assert [line.problem is None for line in read] == [True, False, False, True]


async def test_an_append_that_is_cancelled_is_done_to_its_end(desk):
    import asyncio

    journal = await desk.open()
    task = asyncio.ensure_future(journal.append(PINNED, SEEN))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (await desk.open()).head == journal.head != ""


async def test_a_journal_that_cannot_be_read_is_our_error(desk):
    desk.path.mkdir(parents=True)

    with pytest.raises(ArchiveError, match=str(desk.path)):
        await desk.open()
