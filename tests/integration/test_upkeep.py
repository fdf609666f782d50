"""After the day a snapshot was made: kept or dropped by rule, held, read again, healed. Real wiring, injected time."""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path
from unittest.mock import ANY

import pytest

from backupd.app import open_survey
from backupd.core.audit import Outcome
from backupd.core.errors import ArchiveError
from backupd.core.events import (
    AlarmWasRaised,
    AlarmWasRepeated,
    FileDamaged,
    JobWasMissed,
    PruningRefused,
    ScrubFinished,
    SnapshotDropped,
    SnapshotHealed,
    StagingCleared,
    WorkFinishedLater,
)
from backupd.core.exits import Exit
from backupd.core.facts import HoldSet
from backupd.core.model import FileId, Kind
from backupd.core.names import MANIFEST
from backupd.core.retention import Rules
from backupd.settings import load
from backupd.simulator import Refuse
from backupd.verify import FileReading, Unreadable, ZipLimits, check_file
from backupd.verify.apart import read_apart
from tests.fakes.guillotine import Guillotine, Killed
from tests.fakes.records import checksums_hold
from tests.integration.keeper import DATA, Keeper
from tests.integration.operator import Operator, operated, run

RUNS = ("4001", "4002", "4003")
AT_ANY_STEP = pytest.mark.parametrize(
    "at", [pytest.param(step, marks=[] if step % 13 == 1 else pytest.mark.crash) for step in range(1, 80)]
)


_READ_APART = "backupd.upkeep.caretaker.read_apart"


async def _read_here(path: Path, limits: ZipLimits, *, name: str) -> FileReading:
    return await asyncio.to_thread(check_file, path, limits, name=name)


@pytest.fixture(autouse=True)
def _without_a_process(monkeypatch):
    """Read archived files in this process: another one finds the same (test_reading_apart), at ten times the cost."""
    monkeypatch.setattr(_READ_APART, _read_here)


@pytest.fixture
def apart(monkeypatch):
    """Read archived files in a process of its own, as the daemon does."""
    monkeypatch.setattr(_READ_APART, read_apart)


@pytest.fixture
async def keeper(tmp_path):
    """Three snapshots, a fortnight apart, the newest two weeks old."""
    runs = [run(name, days_ago=2 - 14 * number, names=("Data_001.zip",)) for number, name in enumerate(RUNS)]
    async with operated(tmp_path, *runs) as operator:
        for _ in RUNS:
            assert await operator.run_once() is Exit.OK
            operator.clock.pass_time(days=14)
        assert len(operator.snapshots) == 3
        yield Keeper(operator)


def _jobs(keeper: Keeper) -> list[str]:
    return [path.rpartition("_")[2] for path in keeper.operator.snapshots]


# --- retention -----------------------------------------------------------------------------------------------------


async def test_what_no_rule_keeps_goes_into_the_trash_and_is_told(keeper):
    pruning = await keeper.prune()

    assert _jobs(keeper) == ["4003"]
    assert [event.rules for event in keeper.operator.ear.of(SnapshotDropped)] == ["keep_last", "keep_last"]
    assert [snapshot.job.job for snapshot in pruning.drops] == ["4001", "4002"]
    trashed = [path for path in (keeper.operator.root / ".trash").iterdir() if path.name.startswith("2")]
    assert len(trashed) == 2
    assert all(checksums_hold(path) for path in trashed)


async def test_a_dropped_job_stays_gone_after_cycles_and_a_rebuild(keeper):
    await keeper.prune()

    await keeper.rebuild()

    assert await keeper.operator.run_once() is Exit.OK
    assert _jobs(keeper) == ["4003"]


async def test_without_a_rule_everything_stays(keeper):
    keeper.rules = Rules()

    await keeper.prune()

    assert _jobs(keeper) == list(RUNS)


async def test_what_is_held_stays(keeper):
    await keeper.write(HoldSet(keeper.job("4001"), "lawsuit"))

    await keeper.prune()

    assert _jobs(keeper) == ["4001", "4003"]


async def test_nothing_goes_while_the_newest_is_known_to_be_damaged(keeper):
    keeper.damage("4003")
    keeper.operator.clock.pass_time(days=30)
    for _ in RUNS:
        await keeper.scrub()

    pruning = await keeper.prune()

    assert pruning.refusal is not None
    assert _jobs(keeper) == list(RUNS)


def _lose_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def _lose_manifest(folder: Path) -> None:
    (folder / MANIFEST).unlink()


def _lose_content(folder: Path) -> None:
    manifest = folder / MANIFEST
    manifest.chmod(0o640)
    manifest.write_bytes(b"{}")
    manifest.chmod(0o440)


def _lose_zip(folder: Path) -> None:
    (folder / str(DATA)).unlink()


LOST = pytest.mark.parametrize("lose", [_lose_folder, _lose_manifest, _lose_content, _lose_zip])


@LOST
async def test_nothing_goes_in_favour_of_a_snapshot_that_is_not_there(keeper, lose):
    lose(keeper.operator.root / keeper.folder("4003"))
    left = keeper.operator.snapshots

    refusals = [(await keeper.prune()).refusal for _ in range(2)]

    assert [refusal and refusal.rule for refusal in refusals] == ["damage", "damage"]
    assert len(keeper.operator.ear.of(PruningRefused)) == 2
    assert keeper.operator.snapshots == left
    await keeper.operator.run_once()
    assert "damaged/4003" in [event.key for event in keeper.operator.ear.of(AlarmWasRaised)]


async def test_what_is_lost_of_old_times_is_not_counted_among_what_stays(keeper):
    keeper.rules = Rules(keep_last=2)
    for number in range(4, 8):
        keeper.operator.vendor.add_run(run(f"400{number}", days_ago=0, names=("Data_001.zip",)))
        assert await keeper.operator.run_once() is Exit.OK
        keeper.operator.clock.pass_time(days=14)
    await keeper.write(HoldSet(keeper.job("4001"), "lawsuit"))
    _lose_folder(keeper.operator.root / keeper.folder("4002"))

    await keeper.prune()

    assert _jobs(keeper) == ["4001", "4006", "4007"]


@pytest.mark.parametrize("skew", [timedelta(hours=2), timedelta(hours=-2)])
async def test_nothing_goes_while_the_clock_is_far_off_the_vendors(keeper, skew):
    keeper.skew = skew

    assert (await keeper.prune()).refusal is not None
    assert _jobs(keeper) == list(RUNS)


async def test_the_trash_is_emptied_in_its_time(keeper):
    await keeper.prune()
    trash = keeper.operator.root / ".trash"

    keeper.operator.clock.pass_time(days=6)
    await keeper.prune()
    kept = [path.name for path in trash.glob("2*")]
    keeper.operator.clock.pass_time(days=2)
    await keeper.prune()

    assert len(kept) == 2
    assert not list(trash.rglob("*.zip"))


async def test_the_trash_is_not_emptied_while_the_clock_is_far_off(keeper):
    await keeper.prune()
    keeper.rules, keeper.skew = Rules(), timedelta(days=400)
    keeper.operator.clock.pass_time(days=400)

    assert (await keeper.prune()).refusal is not None
    assert len(list((keeper.operator.root / ".trash").glob("2*"))) == 2


def _staged(operator: Operator) -> list[str]:
    return sorted(path.name for path in (operator.root / ".staging").rglob("*.zip"))


@pytest.fixture
async def missed(tmp_path):
    """A job of which one file never came, missed a week later; the other one was received."""
    async with operated(tmp_path, run("4001", days_ago=0, names=("Data_001.zip", "Data_002.zip"))) as operator:
        operator.vendor.fault(Refuse(404), file="Data_002.zip", always=True)
        await operator.run_once()
        yield Keeper(operator, rules=Rules())


async def test_what_was_received_of_a_missed_job_is_kept_as_long_as_trash(missed):
    operator = missed.operator
    operator.clock.pass_time(days=8)
    await operator.run_once()
    (told,) = operator.ear.of(JobWasMissed)
    assert (told.left_in, list((operator.root / told.left_in).rglob("*.zip"))) == (".staging/main/4001", [ANY])
    rejected = operator.root / told.left_in / "rejected" / "Data_002.zip"
    rejected.parent.mkdir()
    rejected.write_bytes(b"?")
    await missed.prune()
    operator.clock.pass_time(days=6)
    await missed.prune()
    assert _staged(operator) == ["Data_001.zip", "Data_002.zip"]

    operator.clock.pass_time(days=2)
    await missed.prune()

    assert _staged(operator) == ["Data_002.zip"]
    assert rejected.exists()
    assert [event.path for event in operator.ear.of(StagingCleared)] == [told.left_in]
    await operator.run_once()
    await missed.prune()
    assert len(operator.ear.of(StagingCleared)) == 1


async def test_what_may_yet_be_completed_is_not_cleared(missed):
    for _ in range(2):
        missed.trash_for = timedelta(0)
        missed.operator.clock.pass_time(days=2)
        await missed.prune()
    assert _staged(missed.operator) == ["Data_001.zip"]


async def test_a_missed_job_whose_links_live_again_has_what_was_received(missed):
    operator = missed.operator
    operator.clock.pass_time(days=8)
    operator.vendor.switch(links_after_expiry="stale")
    await operator.run_once()
    await missed.prune()
    operator.clock.pass_time(days=6)
    operator.vendor.expire("4001", timedelta(days=1))
    await operator.run_once()
    operator.clock.pass_time(days=2)
    await operator.run_once()
    assert len(operator.ear.of(JobWasMissed)) == 2
    await missed.prune()  # the time it lies there begins anew
    operator.vendor.expire("4001", timedelta(days=1))
    operator.vendor.org().faults.clear()

    before = len(operator.vendor.asked("download"))
    assert await operator.run_once() is Exit.OK
    assert len(operator.vendor.asked("download")) == before + 1


async def test_what_others_put_into_the_trash_is_theirs(keeper):
    theirs = keeper.operator.root / ".trash" / "notes of ours.zip"
    theirs.write_bytes(b"?")
    keeper.operator.clock.pass_time(days=60)

    await keeper.prune()

    assert theirs.exists()


@AT_ANY_STEP
async def test_killed_at_any_step_a_pruning_is_finished_by_the_next(keeper, tmp_path, at):
    guillotine = Guillotine(at=at)
    try:
        with guillotine.in_place():
            await keeper.prune()
    except (Killed, BaseExceptionGroup):
        pass

    shutil.rmtree(keeper.operator.root / ".state")  # the lock of the dead
    assert await keeper.operator.run_once() is Exit.OK
    between = set(_jobs(keeper))
    assert {"4003"} <= between <= set(RUNS)
    await keeper.prune()
    await keeper.rebuild()
    assert _jobs(keeper) == ["4003"]
    async with keeper.library() as library:
        assert {each.job.job for each in await library.catalog.later.dropped("main")} == {"4001", "4002"}
        assert [row.job.job for row in await library.catalog.snapshots()] == ["4003"]
    assert checksums_hold(keeper.operator.root / keeper.folder("4003"))


async def test_a_drop_whose_line_a_crash_left_out_is_told_later(keeper):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("backupd.upkeep.pruning._record", _die)
        with pytest.raises(Killed):
            await keeper.prune()

    await keeper.operator.run_once()

    assert [event.step for event in keeper.operator.ear.of(WorkFinishedLater)] == ["drop"]
    assert _jobs(keeper) == ["4002", "4003"]


async def _die(*_: object) -> None:
    raise Killed


# --- reading again, healing ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("apart")
async def test_a_scrub_reads_the_longest_unread_first_and_each_in_its_turn(keeper):
    keeper.operator.clock.pass_time(days=1)
    first = await keeper.scrub()
    keeper.operator.clock.pass_time(hours=1)
    second = await keeper.scrub()

    assert [audit.path.name[-4:] for audit in (*first, *second)] == ["4001", "4002"]
    assert [event.files for event in keeper.operator.ear.of(ScrubFinished)] == [1, 1]
    async with keeper.library() as library:
        rows = {row.job.job: row.scrubbed_at is not None for row in await library.catalog.snapshots()}
    assert rows == {"4001": True, "4002": True, "4003": False}


async def test_what_was_read_lately_is_not_read_again(keeper):
    keeper.scrub_every = timedelta(days=400)

    assert await keeper.scrub() == ()


async def test_damage_is_told_at_once_and_stays_known_when_no_link_lives(keeper):
    keeper.damage("4001")
    keeper.operator.clock.pass_time(days=30)

    (audit,) = await keeper.scrub()

    assert (audit.outcome, audit.damaged) == (Outcome.FAILED, (DATA,))
    assert [event.file for event in keeper.operator.ear.of(FileDamaged)] == [str(DATA)]
    assert await keeper.operator.run_once() is Exit.OK
    async with keeper.library() as library:
        assert [row.damaged for row in await library.catalog.snapshots() if row.job.job == "4001"] == [1]


def _alarms(told: list[AlarmWasRaised]) -> list[str]:
    return [event.key for event in told if event.key.startswith("damaged")]


@pytest.fixture
def unreadable(monkeypatch):
    """Let files of these jobs be refused by the disk."""
    jobs: set[str] = set()

    async def read(path: Path, limits: ZipLimits, *, name: str) -> FileReading:
        if jobs & {part.rpartition("_")[2] for part in path.parts}:
            return Unreadable(ArchiveError("EIO"))
        return await _read_here(path, limits, name=name)

    monkeypatch.setattr(_READ_APART, read)
    return jobs


async def _alarms_after_a_run(keeper: Keeper) -> list[str]:
    assert await keeper.operator.run_once() is Exit.OK
    return _alarms(keeper.operator.ear.of(AlarmWasRaised))


async def test_a_file_that_cannot_be_read_takes_no_other_ones_turn_and_is_an_alarm_if_that_stays(keeper, unreadable):
    unreadable.add("4001")
    keeper.operator.clock.pass_time(days=20)
    seen = []
    for _ in range(8):
        seen += [audit.path.name[-4:] for audit in await keeper.scrub()]
        keeper.operator.clock.pass_time(hours=1)
    assert seen == ["4001", "4002", "4003"]
    assert await _alarms_after_a_run(keeper) == []

    keeper.operator.clock.pass_time(days=1)
    assert [audit.path.name[-4:] for audit in await keeper.scrub()] == ["4001"]
    assert await _alarms_after_a_run(keeper) == ["damaged/4001"]

    unreadable.clear()
    keeper.operator.clock.pass_time(days=1.1)
    await keeper.scrub()
    async with keeper.library() as library:  # the alarm stays until somebody acknowledges it
        assert [row.damaged for row in await library.catalog.snapshots()] == [0, 0, 0]
        assert [each.verified for each in await library.catalog.later.standings("main")] == [True] * 3


@pytest.mark.parametrize("rebuilt", [False, True])
async def test_a_snapshot_that_could_not_be_read_takes_no_sound_ones_place(keeper, unreadable, rebuilt):
    unreadable.add("4003")
    keeper.operator.clock.pass_time(days=30)
    keeper.scrub_every = timedelta(hours=2)
    await keeper.scrub()
    if rebuilt:
        await keeper.rebuild()

    await keeper.prune()

    assert _jobs(keeper) == ["4002", "4003"]


async def test_what_stays_unreadable_is_fetched_again_while_its_link_lives(tmp_path, unreadable):
    async with operated(tmp_path, run("4001", names=("Data_001.zip",))) as operator:
        await operator.run_once()
        keeper = Keeper(operator, scrub_every=timedelta(hours=1))
        unreadable.add("4001")
        for _ in range(2):
            operator.clock.pass_time(days=1.1)
            await keeper.scrub()
        requests = len(operator.vendor.asked("download"))

        assert await operator.run_once() is Exit.OK

        assert len(operator.vendor.asked("download")) == requests + 1
        async with keeper.library() as library:
            assert [row.damaged for row in await library.catalog.snapshots()] == [0]


@LOST
async def test_a_snapshot_that_is_lost_is_one_alarm_and_stays_one(keeper, lose):
    lose(keeper.operator.root / keeper.folder("4003"))
    keeper.operator.clock.pass_time(days=30)

    for _ in range(6):
        await keeper.scrub()
        await keeper.operator.run_once()
        keeper.operator.clock.pass_time(hours=1)

    told = [event for event in keeper.operator.ear.heard if getattr(event, "key", "") == "damaged/4003"]
    assert [type(event) for event in told] == [AlarmWasRaised]
    assert len(keeper.operator.ear.of(FileDamaged)) == 1
    assert (await keeper.prune()).refusal is not None


@pytest.mark.parametrize("lose", [_lose_folder, _lose_manifest, _lose_content])
async def test_after_a_rebuild_too_a_lost_snapshot_is_damage_and_no_missed_job(keeper, lose):
    lose(keeper.operator.root / keeper.folder("4003"))
    await keeper.rebuild()

    assert await keeper.operator.run_once() is Exit.OK

    alarms = {event.key for event in keeper.operator.ear.of(AlarmWasRaised)}
    assert "damaged/4003" in alarms
    assert "job_missed/4003" not in alarms
    assert (await keeper.prune()).refusal is not None


async def test_what_was_restored_from_a_copy_is_found_whole_within_a_day(keeper):
    manifest = keeper.operator.root / keeper.folder("4003") / MANIFEST
    before = manifest.read_bytes()
    _lose_manifest(manifest.parent)
    await keeper.rebuild()
    await keeper.scrub()
    manifest.write_bytes(before)
    manifest.chmod(0o440)
    keeper.operator.clock.pass_time(days=1.1)

    await keeper.scrub()

    async with keeper.library() as library:
        rows = [(row.job.job, row.problem, row.damaged) for row in await library.catalog.snapshots()]
    assert rows[0] == ("4003", None, 0)


@pytest.mark.usefixtures("apart")
async def test_damage_is_healed_while_the_link_lives(tmp_path):
    async with operated(tmp_path, run("4001")) as operator:
        await operator.run_once()
        keeper = Keeper(operator, scrub_every=timedelta(hours=1))
        whole = keeper.damage("4001")
        broken = (operator.root / keeper.folder("4001") / str(DATA)).read_bytes()
        operator.clock.pass_time(hours=2)
        await keeper.scrub()
        requests = len(operator.vendor.asked("download"))

        assert await operator.run_once() is Exit.OK

        folder = operator.root / keeper.folder("4001")
        assert (folder / str(DATA)).read_bytes() == whole
        assert checksums_hold(folder)
        assert [event.revision for event in operator.ear.of(SnapshotHealed)] == [2]
        assert len(operator.vendor.asked("download")) == requests + 1
        (aside,) = (operator.root / ".trash").glob("*.damaged")
        assert aside.read_bytes() == broken
        assert await operator.run_once() is Exit.OK
        assert len(operator.vendor.asked("download")) == requests + 1
        async with keeper.library() as library:
            await library.catalog.rebuild()
            assert [row.damaged for row in await library.catalog.snapshots()] == [0]


SECOND = FileId(Kind.DATA, "Data_002.zip")


async def test_what_was_fetched_whole_heals_though_another_damaged_file_cannot_be_had(tmp_path):
    async with operated(tmp_path, run("4001")) as operator:
        await operator.run_once()
        keeper = Keeper(operator, scrub_every=timedelta(hours=1))
        whole = [keeper.damage("4001", file) for file in (DATA, SECOND)]
        operator.clock.pass_time(hours=2)
        await keeper.scrub()
        operator.vendor.fault(Refuse(404), file=SECOND.name, always=True)

        assert await operator.run_once() is Exit.INCOMPLETE
        operator.clock.pass_time(days=1)
        assert await operator.run_once() is Exit.INCOMPLETE

        folder = operator.root / keeper.folder("4001")
        assert (folder / str(DATA)).read_bytes() == whole[0]
        assert (folder / str(SECOND)).read_bytes() != whole[1]
        assert checksums_hold(folder) is False
        assert len(list((operator.root / ".trash").glob("*.damaged"))) == 1
        assert [event.files for event in operator.ear.of(SnapshotHealed)] == [1]
        operator.clock.pass_time(days=8)
        assert await operator.run_once() is Exit.OK
        assert [event.key for event in operator.ear.of(AlarmWasRepeated)][-1] == "damaged/4001"


async def test_what_was_received_of_a_file_is_kept_while_another_one_is_healed(tmp_path):
    async with operated(tmp_path, run("4001")) as operator:
        await operator.run_once()
        keeper = Keeper(operator, scrub_every=timedelta(hours=1))
        for file in (DATA, SECOND):
            keeper.damage("4001", file)
        operator.clock.pass_time(hours=2)
        await keeper.scrub()
        operator.vendor.drop_connection_after(40_000, file=SECOND.name)
        operator.vendor.fault(Refuse(404), file=SECOND.name, always=True)
        assert await operator.run_once() is Exit.INCOMPLETE
        assert [event.files for event in operator.ear.of(SnapshotHealed)] == [1]

        operator.vendor.org().faults.clear()
        assert await operator.run_once() is Exit.OK

        assert operator.vendor.asked("download")[-1].range == "bytes=40000-"
        assert await operator.is_whole("4001")
        assert not list((operator.root / ".staging" / "main").iterdir())


async def test_a_file_that_only_seemed_damaged_is_left_as_it_is(tmp_path):
    async with operated(tmp_path, run("4001")) as operator:
        await operator.run_once()
        keeper = Keeper(operator, scrub_every=timedelta(hours=1))
        whole = keeper.damage("4001")
        operator.clock.pass_time(hours=2)
        await keeper.scrub()
        place = operator.root / keeper.folder("4001") / str(DATA)
        place.chmod(0o640)
        place.write_bytes(whole)
        place.chmod(0o440)

        assert await operator.run_once() is Exit.OK

        assert not list((operator.root / ".trash").glob("*.damaged"))
        async with keeper.library() as library:
            assert [(row.damaged, row.revision) for row in await library.catalog.snapshots()] == [(0, 1)]


@AT_ANY_STEP
async def test_killed_at_any_step_a_healing_is_finished_by_the_next_cycle(tmp_path, at):
    async with operated(tmp_path, run("4001", names=("Data_001.zip",))) as operator:
        await operator.run_once()
        keeper = Keeper(operator, scrub_every=timedelta(hours=1))
        keeper.damage("4001")
        operator.clock.pass_time(hours=2)
        await keeper.scrub()
        try:
            with Guillotine(at=at).in_place():
                await operator.run_once()
        except (Killed, BaseExceptionGroup):
            pass
        shutil.rmtree(operator.root / ".state")

        assert await operator.run_once() is Exit.OK

        assert await operator.is_whole("4001", names=("Data_001.zip",))
        async with keeper.library() as library:
            assert [(row.damaged, row.revision) for row in await library.catalog.snapshots()] == [(0, 2)]
        assert len(list((operator.root / ".trash").glob("*.damaged"))) == 1


@AT_ANY_STEP
async def test_killed_at_any_step_a_healing_of_a_part_is_finished_and_so_is_the_rest(tmp_path, at):
    async with operated(tmp_path, run("4001")) as operator:
        await operator.run_once()
        keeper = Keeper(operator, scrub_every=timedelta(hours=1))
        for file in (DATA, SECOND):
            keeper.damage("4001", file)
        operator.clock.pass_time(hours=2)
        await keeper.scrub()
        operator.vendor.fault(Refuse(404), file=SECOND.name, always=True)
        try:
            with Guillotine(at=at).in_place():
                await operator.run_once()
        except (Killed, BaseExceptionGroup):
            pass
        shutil.rmtree(operator.root / ".state")
        operator.vendor.org().faults.clear()

        assert await operator.run_once() is Exit.OK

        assert await operator.is_whole("4001")
        async with keeper.library() as library:
            assert [row.damaged for row in await library.catalog.snapshots()] == [0]
        assert len(list((operator.root / ".trash").glob("*.damaged"))) == 2
        assert not list((operator.root / ".staging" / "main").iterdir())


async def test_what_a_rule_let_go_is_no_run_that_was_missed(keeper):
    await keeper.prune()

    async with keeper.library() as library:
        known = {job.job.job: (job.path is None, job.whole) for job in await library.catalog.watched.known_jobs("main")}

    assert known == {"4001": (True, True), "4002": (True, True), "4003": (False, True)}


async def test_an_archive_that_is_gone_is_not_well_to_those_who_look_on(keeper):
    """What the page and /healthz go by; a catalog in the place of the lost one would know of no trouble."""
    config = load(keeper.operator.config)
    async with keeper.library() as library:
        keeper.operator.root.rename(keeper.operator.root.with_name("away"))
        keeper.operator.root.mkdir()

        with pytest.raises(ArchiveError, match="the archive that was here is gone"):
            await open_survey(config, library).overview()
        assert list(keeper.operator.root.iterdir()) == []
