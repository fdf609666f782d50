"""A whole cycle on a real archive, journal and catalog: what is on disk, what is told, what is asked."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from backupd.archive import Archive
from backupd.catalog import Catalog
from backupd.core import events
from backupd.core.errors import (
    AccessRefused,
    ArchiveFull,
    DownloadFailed,
    VendorThrottled,
    VendorUnavailable,
    ZipRejected,
)
from backupd.core.exits import Exit
from backupd.core.manifest import from_json
from backupd.core.model import HistoryEntry, JobId, Kind, RefusedLink, TakenBasis
from backupd.core.outcome import Outcome
from backupd.cycle import Cycle
from backupd.deadlines import Deadlines
from backupd.journal import Journal
from tests.fakes.clock import FakeClock
from tests.fakes.records import Ear, checksums_hold, files, snapshots
from tests.fakes.vendor import TAKEN_AT, ZGID, FakeDownloads, FakeVendor, link, offer

FIRST = "main/2022/2022-06-23_4876876000001594004"


class World:
    """One org, with a vendor and a line to it that do as a test says, and a real archive."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = FakeClock()
        self.ear = Ear()
        self.vendor = FakeVendor()
        self.downloads = FakeDownloads()

    async def run(self) -> Outcome:
        """Run one cycle with objects of its own, as a process of its own would."""
        archive = Archive(self.root, clock=self.clock, tell=self.ear, tool_version="1.2.3")
        await archive.prepare()

        async def journal(org: str, *, read_only: bool = True) -> Journal:
            path = self.root / org / "journal.jsonl"
            return await Journal.open(path, org=org, clock=self.clock, tell=self.ear, read_only=read_only)

        async def open_records() -> tuple[Journal, Catalog]:
            opened = await journal("main", read_only=False)
            await catalog.catch_up("main", opened)
            return opened, catalog

        catalog = await Catalog.open(
            self.root / "catalog.sqlite", archive=archive, journals=journal, clock=self.clock, tell=self.ear
        )
        async with catalog:
            cycle = Cycle(
                "main",
                self.vendor,
                self.downloads,
                archive,
                open_records,
                self.clock,
                self.ear,
                Deadlines(self.clock, self.ear),
            )
            return await cycle.run()

    def manifest(self, snapshot: str = FIRST):
        return from_json((self.root / snapshot / "manifest.json").read_bytes())


@pytest.fixture
def world(tmp_path: Path) -> World:
    root = tmp_path / "archive"
    root.mkdir()
    return World(root)


JOB = "4876876000001594004"


async def test_a_new_job_becomes_one_dated_snapshot(world):
    world.vendor.show(offer(JOB, "Data_001.zip", "Data_002.zip", "Attachments_001.zip"))

    outcome = await world.run()

    assert outcome.exit_status is Exit.OK
    assert outcome.result == "archived"
    assert snapshots(world.root) == [FIRST]
    assert files(world.root / FIRST) == [
        "SHA256SUMS",
        "attachments/Attachments_001.zip",
        "data/Data_001.zip",
        "data/Data_002.zip",
        "manifest.json",
    ]
    assert checksums_hold(world.root / FIRST)
    (published,) = world.ear.of(events.JobPublished)
    assert (published.path, published.files) == (FIRST, 3)
    assert world.ear.names[-1] == "cycle.finished"


async def test_a_second_cycle_finds_nothing_new_with_two_calls_and_no_download(world):
    world.vendor.show(offer(JOB, "Data_001.zip"))
    await world.run()
    world.vendor.calls.clear()
    world.downloads.fetched.clear()

    outcome = await world.run()

    assert outcome.exit_status is Exit.OK
    assert outcome.result == "nothing_new"
    assert world.vendor.calls == ["schedule", "offers"]
    assert world.downloads.fetched == []


async def test_with_no_links_at_all_there_is_nothing_to_do(world):
    outcome = await world.run()

    assert outcome.exit_status is Exit.OK
    assert snapshots(world.root) == []


async def test_one_schedule_with_a_constant_id_over_three_runs_gives_three_snapshots(world):
    for run in range(3):
        world.vendor.show(
            offer(f"487687600000159400{run}", "Data_001.zip", taken_at=TAKEN_AT + timedelta(days=14 * run))
        )
        assert (await world.run()).exit_status is Exit.OK
        world.clock.pass_time(days=14)

    assert snapshots(world.root) == [
        "main/2022/2022-06-23_4876876000001594000",
        "main/2022/2022-07-07_4876876000001594001",
        "main/2022/2022-07-21_4876876000001594002",
    ]


async def test_one_answer_with_two_job_ids_is_two_snapshots(world):
    world.vendor.show(offer("4001", "Data_001.zip"), offer("4002", "Data_001.zip"))

    await world.run()

    assert snapshots(world.root) == ["main/2022/2022-06-23_4001", "main/2022/2022-06-23_4002"]


async def test_links_that_appear_later_join_the_same_snapshot(world):
    world.vendor.show(offer(JOB, "Data_001.zip"))
    await world.run()
    world.vendor.show(offer(JOB, "Data_001.zip", "Attachments_001.zip"))
    world.downloads.fetched.clear()

    outcome = await world.run()

    assert outcome.exit_status is Exit.OK
    assert snapshots(world.root) == [FIRST]
    assert world.downloads.fetched == [f"{JOB}/attachments/Attachments_001.zip"]
    assert world.manifest().revision == 2
    assert len(world.manifest().files) == 2
    assert checksums_hold(world.root / FIRST)
    assert [event.files for event in world.ear.of(events.LinksAppeared)] == [1]
    assert [event.revision for event in world.ear.of(events.JobRevised)] == [2]


@pytest.mark.parametrize("change", [lambda text: text, lambda text: text[:99], lambda _: None])
async def test_no_new_manifest_vouches_for_one_that_is_damaged_or_was_changed_by_another_hand(world, change):
    world.vendor.show(offer(JOB, "Data_001.zip"))
    await world.run()
    manifest = world.root / FIRST / "manifest.json"
    changed = change(manifest.read_bytes().replace(b'"rrule": ', b'"rrule":  '))
    manifest.unlink()
    if changed is not None:
        manifest.write_bytes(changed)
    world.vendor.show(offer(JOB, "Data_001.zip", "Attachments_001.zip"))

    assert (await world.run()).exit_status is Exit.DAMAGE
    outcome = await world.run()

    assert outcome.exit_status is Exit.DAMAGE
    assert [problem.kind for problem in outcome.problems] == ["record_damaged"]
    assert (manifest.read_bytes() if manifest.exists() else None) == changed
    assert world.downloads.fetched.count(f"{JOB}/attachments/Attachments_001.zip") == 1  # kept in staging


async def test_links_that_appear_while_we_download_are_fetched_in_the_same_cycle(world):
    class Growing(FakeVendor):
        async def offers(self):
            answer = await super().offers()
            self.show(offer(JOB, "Data_001.zip", "Data_002.zip"))
            return answer

    world.vendor = Growing()
    world.vendor.show(offer(JOB, "Data_001.zip"))

    outcome = await world.run()

    assert outcome.exit_status is Exit.OK
    assert [entry.file.name for entry in world.manifest().files] == ["Data_001.zip", "Data_002.zip"]


async def test_links_once_seen_are_tried_though_a_newer_run_hides_them(world):
    world.vendor.show(offer("4001", "Data_001.zip"))
    world.downloads.failures["Data_001.zip"] = [DownloadFailed("main: data/Data_001.zip: broken off")]
    assert (await world.run()).exit_status is Exit.UNAVAILABLE
    world.vendor.show(offer("4002", "Data_001.zip", taken_at=TAKEN_AT + timedelta(days=1)))

    outcome = await world.run()

    assert outcome.exit_status is Exit.OK
    assert snapshots(world.root) == ["main/2022/2022-06-23_4001", "main/2022/2022-06-24_4002"]


async def test_one_failed_file_fails_the_cycle_and_nothing_half_done_is_visible(world):
    world.vendor.show(offer(JOB, "Data_001.zip", "Data_002.zip"))
    world.downloads.failures["Data_002.zip"] = [DownloadFailed("main: data/Data_002.zip: broken off")]

    outcome = await world.run()

    assert outcome.exit_status is Exit.UNAVAILABLE
    assert snapshots(world.root) == []
    assert [event.missing for event in world.ear.of(events.JobIncomplete)] == [1]
    assert world.ear.of(events.CycleFinished)[0].exit_status == Exit.UNAVAILABLE


async def test_the_next_cycle_fetches_only_what_failed(world):
    world.vendor.show(offer(JOB, "Data_001.zip", "Data_002.zip"))
    world.downloads.failures["Data_002.zip"] = [DownloadFailed("main: data/Data_002.zip: broken off")]
    await world.run()
    world.downloads.fetched.clear()

    assert (await world.run()).exit_status is Exit.OK

    assert world.downloads.fetched == [f"{JOB}/data/Data_002.zip"]
    assert snapshots(world.root) == [FIRST]


async def test_a_damaged_zip_is_put_aside_and_fetched_again(world):
    world.vendor.show(offer(JOB, "Data_001.zip"))
    world.downloads.failures["Data_001.zip"] = [ZipRejected("Data_001.zip: a CRC is wrong", reason="crc")]

    outcome = await world.run()

    assert outcome.exit_status is Exit.OK
    assert len(world.downloads.fetched) == 2
    assert [event.rejections for event in world.ear.of(events.FileRejected)] == [1]
    assert [path.parent.name for path in world.root.glob(".staging/main/*/rejected/*")] != []


async def test_a_zip_that_stays_damaged_is_fetched_three_times_then_after_1_6_and_24_hours(world):
    world.vendor.show(offer(JOB, "Data_001.zip"))
    world.downloads.failures["Data_001.zip"] = [ZipRejected("a CRC is wrong", reason="crc") for _ in range(9)]
    fetched = []

    for hours in (0.5, 0.6, 5.9, 0.2, 23.9, 0.2, 0.1):
        outcome = await world.run()
        assert outcome.exit_status is Exit.INCOMPLETE
        fetched.append(len(world.downloads.fetched))
        world.clock.pass_time(hours=hours)

    assert fetched == [3, 3, 4, 4, 5, 5, 6]


async def test_a_job_first_seen_after_its_expiry_is_missed_and_told_once(world):
    world.vendor.show(offer(JOB, "Data_001.zip", taken_at=TAKEN_AT - timedelta(days=30)))

    first, second = await world.run(), await world.run()

    assert first.exit_status is Exit.INCOMPLETE
    assert second.exit_status is Exit.OK
    assert len(world.ear.of(events.JobWasMissed)) == 1
    assert world.downloads.fetched == []


async def test_a_job_that_was_whole_before_its_links_expired_is_published_and_not_missed(world):
    world.vendor.show(offer(JOB, "Data_001.zip"))
    world.vendor.refused = (RefusedLink(JobId(ZGID, JOB), "Data_002.zip", "its host is not allowed"),)
    await world.run()
    world.vendor.refused = ()
    world.vendor.show()
    world.clock.pass_time(days=7)

    assert (await world.run()).exit_status is Exit.OK

    assert snapshots(world.root) == [FIRST]
    assert world.ear.of(events.JobWasMissed) == []


async def test_a_missed_job_whose_links_live_again_is_fetched(world):
    world.vendor.show(offer(JOB, "Data_001.zip", taken_at=TAKEN_AT - timedelta(days=30)))
    await world.run()
    world.vendor.show(offer(JOB, "Data_001.zip"))

    assert (await world.run()).exit_status is Exit.OK

    assert snapshots(world.root) == [FIRST]
    assert len(world.ear.of(events.ExpiryChanged)) == 1


async def test_a_failing_schedule_does_not_stop_the_links(world):
    world.vendor.show(offer(JOB, "Data_001.zip"))
    world.vendor.failures["schedule"] = VendorUnavailable("main: GET /backup: 500")

    outcome = await world.run()

    assert outcome.exit_status is Exit.UNAVAILABLE
    assert snapshots(world.root) == [FIRST]
    assert world.manifest().schedule is None


async def test_failing_links_do_not_stop_what_is_remembered(world):
    world.vendor.show(offer(JOB, "Data_001.zip"))
    world.downloads.failures["Data_001.zip"] = [DownloadFailed("broken off")]
    await world.run()
    world.vendor.failures["offers"] = VendorThrottled("main: GET /backup/urls: 429")

    outcome = await world.run()

    assert outcome.exit_status is Exit.TRY_LATER
    assert snapshots(world.root) == [FIRST]


async def test_refused_credentials_end_with_77_and_nothing_is_fetched(world):
    refused = AccessRefused("main: the refresh token is dead")
    world.vendor.failures = {"schedule": refused, "offers": refused}

    assert (await world.run()).exit_status is Exit.REFUSED


async def test_a_full_archive_ends_with_73(world):
    world.vendor.show(offer(JOB, "Data_001.zip"))
    world.downloads.failures["Data_001.zip"] = [ArchiveFull("main: no space left")]

    assert (await world.run()).exit_status is Exit.ARCHIVE


async def test_a_refused_link_keeps_its_job_from_being_published_as_whole(world):
    world.vendor.show(offer(JOB, "Data_001.zip"))
    world.vendor.refused = (RefusedLink(JobId(ZGID, JOB), "Data_002.zip", "its host is not allowed"),)

    outcome = await world.run()

    assert outcome.exit_status is Exit.INCOMPLETE
    assert snapshots(world.root) == []
    assert [event.file for event in world.ear.of(events.LinkWasRefused)] == ["Data_002.zip"]
    assert world.downloads.fetched == [f"{JOB}/data/Data_001.zip"]


async def test_another_organisation_than_the_pinned_one_is_an_error(world):
    world.vendor.show(offer(JOB, "Data_001.zip"))
    await world.run()
    world.vendor.show(offer("5001", "Data_001.zip", zgid="999"))

    outcome = await world.run()

    assert outcome.exit_status is Exit.CONFIG
    assert snapshots(world.root) == [FIRST]


async def test_the_history_says_when_the_backup_was_taken(world):
    at = TAKEN_AT + timedelta(seconds=7)
    world.vendor.events = (
        HistoryEntry("3", TAKEN_AT + timedelta(days=1), "failure", "scheduled"),
        HistoryEntry("2", at, "completed", "scheduled"),
        HistoryEntry("1", TAKEN_AT - timedelta(days=30), "completed", "scheduled"),
    )
    world.vendor.show(offer(JOB, "Data_001.zip"))

    await world.run()

    assert world.manifest().taken.at == at
    assert world.manifest().taken.basis is TakenBasis.HISTORY


async def test_without_a_history_the_expiry_says_it(world):
    world.vendor.failures["history"] = VendorUnavailable("main: GET /backup/history: 500")
    world.vendor.show(offer(JOB, "Data_001.zip"))

    outcome = await world.run()

    assert outcome.exit_status is Exit.OK
    assert world.manifest().taken.basis is TakenBasis.EXPIRY
    assert len(world.ear.of(events.HistoryUnavailable)) == 1


async def test_both_kinds_may_use_one_file_name(world):
    shown = offer(JOB, "Backup.zip")
    both = (*shown.links, link(JOB, "Backup.zip", Kind.ATTACHMENTS))
    world.vendor.show(type(shown)(shown.job, both, shown.expires_at))

    await world.run()

    assert (world.root / FIRST / "data/Backup.zip").exists()
    assert (world.root / FIRST / "attachments/Backup.zip").exists()


async def test_a_second_backupd_says_who_holds_the_lock_and_ends_with_75(world):
    archive = Archive(world.root, clock=world.clock, tell=world.ear, tool_version="1.2.3")
    await archive.prepare()

    async with archive.lock("main", what="verify"):
        outcome = await world.run()

    assert outcome.exit_status is Exit.TRY_LATER
    (failed,) = world.ear.of(events.CycleFailed)
    assert "verify" in failed.reason


async def test_a_fault_of_ours_is_told_and_ends_the_cycle_as_failed(world):
    async def broken():
        raise RuntimeError("secret value")

    world.vendor.schedule = broken

    outcome = await world.run()

    assert outcome.exit_status is Exit.INCOMPLETE
    (failed,) = world.ear.of(events.CycleFailed)
    assert failed.kind == "fault"
    assert "secret value" not in failed.reason
    assert isinstance(failed.fault, RuntimeError)


async def test_a_cancelled_cycle_lets_the_lock_go(world):
    async def hang(*_args, **_options):
        await asyncio.Event().wait()

    world.vendor.show(offer(JOB, "Data_001.zip"))
    whole, world.downloads.fetch = world.downloads.fetch, hang
    task = asyncio.create_task(world.run())
    async with asyncio.timeout(5):
        while not world.ear.of(events.JobFound):  # noqa: ASYNC110 (the ear cannot be awaited)
            await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    world.downloads.fetch = whole

    assert (await world.run()).exit_status is Exit.OK
