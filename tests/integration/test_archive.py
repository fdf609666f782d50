"""A job grows, is published by one rename, and files that appear later join it: what is on disk at each point."""

import json
import os
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path, PurePosixPath

import pytest

from backupd.archive import root
from backupd.archive.glance import Growing, glance, look_at_disk
from backupd.archive.reading import manifest_bytes
from backupd.core.errors import ArchiveError, ArchiveFull, ArchiveGone, ArchiveUnusable, RecordDamaged, ZipRejected
from backupd.core.events import ArchiveFound, ArchiveLost, WorkFinishedLater
from backupd.core.exits import Exit
from backupd.core.manifest import Manifest
from backupd.core.model import JobId, Taken, TakenBasis
from tests.fakes.records import checksums_hold, files
from tests.fakes.shelf import Shelf, content_of, tree
from tests.fakes.values import EXPIRES_AT, JOB, SEEN_AT, TAKEN_AT, ZGID, attachments, data, received

ONE, TWO, ALIKE = data("Data_001.zip"), data("Data_002.zip"), attachments("Data_001.zip")
FOLDER = "main/2022/2022-06-23_4876876000001594004"
BAD = ZipRejected("Data_001.zip: a member is damaged", reason="crc")


@pytest.fixture
def shelf(tmp_path):
    root = tmp_path / "archive"
    root.mkdir()
    return Shelf(root)


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def listed(folder: Path) -> list[str]:
    """Return what SHA256SUMS lists, in order."""
    return sorted(line.partition("  ")[2] for line in (folder / "SHA256SUMS").read_text().splitlines())


def note_syncs(monkeypatch) -> list[str]:
    """Note what is fsynced from now on, by its path in the archive."""
    synced: list[str] = []
    real = os.fsync

    def note(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()).partition("/archive/")[2])
        real(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    return synced


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


# --- the root -----------------------------------------------------------------------------------------------------


async def test_a_root_is_made_ready_with_private_folders(shelf):
    await shelf.archive().prepare()

    assert {path.name: mode(path) for path in shelf.root.iterdir()} == {
        ".staging": 0o700,
        ".state": 0o700,
        ".trash": 0o700,
    }
    assert files(shelf.root) == []


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda root: root.rmdir(), "missing"),
        (lambda root: (root.rmdir(), root.write_text("x")), "not a folder"),
    ],
)
async def test_a_root_that_is_no_folder_is_not_made_but_named(shelf, make, told):
    make(shelf.root)

    with pytest.raises(ArchiveUnusable, match=f"{shelf.root}: the archive's root is {told}$") as caught:
        await shelf.archive().prepare()

    assert caught.value.exit_status == Exit.CONFIG


async def test_a_root_with_too_long_a_name_cannot_be_reached(tmp_path):
    with pytest.raises(ArchiveUnusable, match="the archive's root cannot be reached: File name too long"):
        await Shelf(tmp_path / ("a" * 300)).archive().prepare()


async def test_a_root_that_cannot_be_written_to_is_named(shelf, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(30, os.strerror(30))

    monkeypatch.setattr(os, "write", refuse)
    monkeypatch.setattr(os, "mkdir", refuse)

    with pytest.raises(ArchiveUnusable, match="Read-only"):
        await shelf.archive().prepare()


async def test_a_root_whose_disk_became_read_only_is_named_though_our_folders_are_there(shelf, monkeypatch):
    await shelf.archive().prepare()
    real = os.open

    def read_only(path, flags, *mode, **options):
        if flags & os.O_CREAT:
            raise OSError(30, os.strerror(30))
        return real(path, flags, *mode, **options)

    monkeypatch.setattr(os, "open", read_only)

    with pytest.raises(ArchiveUnusable, match="Read-only"):
        await shelf.archive().prepare()


async def test_a_full_disk_is_no_wrong_setting(shelf, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "mkdir", refuse)

    with pytest.raises(ArchiveFull):
        await shelf.archive().prepare()


async def test_a_root_that_should_be_a_mount_point_and_is_none_is_refused(shelf):
    with pytest.raises(ArchiveUnusable, match="mount point"):
        await shelf.archive(require_mount=True).prepare()


async def test_a_mount_point_is_known_though_the_kernel_writes_a_space_in_its_name_otherwise(tmp_path, monkeypatch):
    shelf = Shelf(tmp_path / "my disk")
    shelf.root.mkdir()
    place = str(shelf.root.resolve()).replace(" ", r"\040")
    table = f"22 1 254:0 / / rw - ext4 /dev/vda rw\n36 22 98:0 / {place} rw,noatime shared:1 - ext4 /dev/vdb rw\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: table)

    await shelf.archive(require_mount=True).prepare()

    assert (shelf.root / ".staging").is_dir()


def test_what_no_other_sign_tells_of_the_kernels_own_table_does(monkeypatch):
    monkeypatch.setattr(Path, "is_mount", lambda _: False)  # as it says of a bind mount of the same disk

    assert root.mount_point(Path("/proc/self/fd")) == Path("/proc")


async def test_a_mount_point_is_known_though_another_ones_name_is_no_unicode(shelf, tmp_path, monkeypatch):
    table, real = tmp_path / "mountinfo", Path.read_text
    table.write_bytes(
        b"22 1 254:0 / /media/\xff rw - vfat /dev/sdb1 rw\n"
        b"36 22 98:0 / %b rw - ext4 /dev/vdb rw\n" % os.fsencode(shelf.root.resolve())
    )
    monkeypatch.setattr(Path, "read_text", lambda _, **options: real(table, **options))

    await shelf.archive(require_mount=True).prepare()


async def test_another_folder_in_the_archives_place_is_not_the_archive_and_nothing_is_made_in_it(shelf):
    archive = shelf.archive()
    await archive.prepare()
    shelf.root.rename(shelf.root.with_name("taken away"))
    shelf.root.mkdir()

    with pytest.raises(ArchiveGone, match="the archive that was here is gone"):
        async with archive.lock("main", what="cycle"):
            pytest.fail("there is no archive to write to")

    assert list(shelf.root.iterdir()) == []


async def test_what_lies_below_where_a_disk_was_mounted_is_not_the_archive(shelf, monkeypatch):
    mounted = {str(shelf.root.resolve())}
    monkeypatch.setattr(root, "_mount_points", lambda: frozenset(mounted))
    await shelf.archive().prepare()  # once, before the disk was there: our folders lie below it, too
    archive = shelf.archive()
    await archive.prepare()

    mounted.clear()
    for _ in range(3):
        with pytest.raises(ArchiveGone, match="the archive that was here is gone"):
            async with archive.lock("main", what="cycle"):
                pytest.fail("there is no archive to write to")
    assert len(shelf.ear.of(ArchiveLost)) == 1
    shelf.clock.pass_time(days=1)
    with pytest.raises(ArchiveGone):
        await archive.orgs()
    shelf.clock.pass_time(hours=1)
    with pytest.raises(ArchiveGone):
        await archive.orgs()
    assert len(shelf.ear.of(ArchiveLost)) == 2

    mounted.add(str(shelf.root.resolve()))
    assert await archive.orgs() == ()
    assert shelf.ear.of(ArchiveFound) == [ArchiveFound(str(shelf.root), 90_000.0)]
    mounted.clear()
    with pytest.raises(ArchiveGone):
        await archive.orgs()
    assert len(shelf.ear.of(ArchiveLost)) == 3  # a new loss is news, however soon it comes


def put_elsewhere(monkeypatch, place: Path) -> None:
    """Let a folder lie on a file system of its own."""
    real = os.stat

    def elsewhere(path, *arguments, **options):
        found = real(path, *arguments, **options)
        if str(path) == str(place):
            return os.stat_result((*found[:2], found.st_dev + 1, *found[3:]))
        return found

    monkeypatch.setattr(os, "stat", elsewhere)


async def test_staging_on_another_file_system_is_refused(shelf, monkeypatch):
    await shelf.archive().prepare()
    put_elsewhere(monkeypatch, shelf.root / ".staging")

    with pytest.raises(ArchiveUnusable, match="different file systems"):
        await shelf.archive().prepare()


async def test_a_job_does_not_grow_if_its_orgs_folder_lies_on_another_file_system(shelf, monkeypatch):
    (shelf.root / "main").mkdir()
    put_elsewhere(monkeypatch, shelf.root / "main")

    with pytest.raises(ArchiveUnusable, match="different file systems"):
        await shelf.stage()


async def test_no_file_stays_open(shelf):
    await shelf.archive_job(ONE, TWO)
    before = open_files()

    await shelf.archive_job(ONE, TWO, job=JobId(ZGID, "5"))

    assert open_files() == before


# --- growing ------------------------------------------------------------------------------------------------------


async def test_an_accepted_file_is_whole_for_every_later_process(shelf):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)

    again = await shelf.stage()

    assert list(again.whole()) == [ONE]
    assert again.whole()[ONE] == staging.whole()[ONE]
    assert not again.slot(ONE).part.exists()
    assert not again.slot(ONE).resume.exists()


async def test_a_file_that_is_whole_is_accepted_once(shelf):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)
    first = staging.whole()[ONE]
    shelf.clock.pass_time(hours=1)

    assert await staging.accept(received(ONE, content_of(JOB, ONE))) == first


async def test_what_was_received_in_part_is_still_there_after_a_restart(shelf):
    staging = await shelf.stage()
    staging.slot(ONE).part.write_bytes(b"half")
    staging.slot(ONE).resume.write_text("record")

    again = await shelf.stage()

    assert again.slot(ONE).part.read_bytes() == b"half"
    assert again.slot(ONE).resume.read_text() == "record"
    assert again.whole() == {}


async def test_a_part_that_is_not_what_was_received_is_not_accepted(shelf):
    staging = await shelf.stage()
    staging.slot(ONE).part.write_bytes(b"half")

    with pytest.raises(ArchiveError, match="not the file that was received"):
        await staging.accept(received(ONE, b"the whole"))

    assert staging.whole() == {}


async def test_a_whole_file_that_is_no_longer_as_long_is_fetched_again(shelf):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE, TWO)
    place = shelf.root / ".staging/main" / JOB.job / "snapshot/data/Data_001.zip"
    os.truncate(place, 3)

    assert list((await shelf.stage()).whole()) == [TWO]
    assert not place.exists()


@pytest.mark.parametrize("text", [b"", b"{}", b"\x00\x00", b"[" * 100_000])
async def test_a_damaged_receipt_costs_its_file_and_no_other(shelf, text):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE, TWO)
    (shelf.root / ".staging/main" / JOB.job / "receipts/data/Data_001.zip.json").write_bytes(text)

    assert list((await shelf.stage()).whole()) == [TWO]


async def test_what_a_publishing_brought_in_and_is_not_there_any_more_is_not_whole(shelf):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE, TWO, ALIKE)
    await shelf.publish(staging)
    (shelf.root / FOLDER / "data/Data_001.zip").unlink()
    os.truncate(shelf.root / FOLDER / "attachments/Data_001.zip", 3)

    assert list((await shelf.stage()).whole()) == [TWO]


@pytest.mark.parametrize("name", ["data/Data_002.zip.json", "attachments/Data_001.zip.json"])
async def test_a_receipt_under_another_name_vouches_for_nothing(shelf, name):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)
    receipts = shelf.root / ".staging/main" / JOB.job / "receipts"
    (receipts / "data/Data_001.zip.json").rename(receipts / name)

    assert list((await shelf.stage()).whole()) == []
    assert not (receipts / name).exists()


async def test_a_receipt_that_vouches_for_nothing_makes_no_part_of_the_same_length_whole(shelf):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)
    place = shelf.root / ".staging/main" / JOB.job / "snapshot/data/Data_001.zip"
    length = place.stat().st_size
    place.unlink()
    staging = await shelf.stage()
    staging.slot(ONE).part.write_bytes(b"X" * length)

    assert list((await shelf.stage()).whole()) == []


async def test_what_lies_in_the_slot_of_a_whole_file_goes(shelf):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)
    staging.slot(ONE).part.write_bytes(b"again")
    staging.slot(ONE).resume.write_text("{}")

    again = await shelf.stage()

    assert list(again.whole()) == [ONE]
    assert not again.slot(ONE).part.exists()
    assert not again.slot(ONE).resume.exists()


async def test_a_file_is_on_the_disk_before_its_receipt_and_the_receipt_before_it_leaves_its_slot(shelf, monkeypatch):
    staging = await shelf.stage()
    staging.slot(ONE).part.write_bytes(b"whole")
    synced = note_syncs(monkeypatch)

    await staging.accept(received(ONE, b"whole"))

    receipts = f"{JOB.job}/receipts/data"
    assert [name for name in synced if "scratch" not in name and not name.endswith(f"{JOB.job}/snapshot")] == [
        f".staging/main/{JOB.job}/parts/data/Data_001.zip.part",
        f".staging/main/{receipts}",
        f".staging/main/{JOB.job}/snapshot/data",
        f".staging/main/{JOB.job}/parts/data",
    ]


async def test_a_job_of_another_organisation_with_the_same_id_does_not_grow_into_it(shelf):
    await shelf.stage()

    with pytest.raises(ArchiveError, match=ZGID):
        await shelf.stage(JobId("999", JOB.job))


async def test_the_names_in_staging_are_those_that_another_version_looks_for(shelf):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)
    await reject(shelf, staging, b"bad", TWO)
    await shelf.publish(staging)

    assert files(shelf.root / ".staging/main" / JOB.job) == [
        "job.json",
        "publishing.json",
        "receipts/data/Data_001.zip.json",
        "rejected/data/Data_002.zip",
        "rejections/data/Data_002.zip.json",
    ]


async def test_jobs_in_staging_are_found_again(shelf):
    other, into = JobId(ZGID, "5"), PurePosixPath("main/2022/2022-06-23_5")
    await shelf.fetch(await shelf.stage(), ONE)
    await shelf.stage(other, into=into)

    staged = await shelf.archive().staged("main")

    assert [(left.job, left.into, list(left.whole())) for left in staged] == [(JOB, None, [ONE]), (other, into, [])]
    assert await shelf.archive().staged("another") == ()


async def test_a_job_with_a_damaged_record_is_left_for_its_links_to_bring_back(shelf):
    await shelf.fetch(await shelf.stage(), ONE)
    (shelf.root / ".staging/main" / JOB.job / "job.json").write_bytes(b"\x00")

    assert await shelf.archive().staged("main") == ()
    assert list((await shelf.stage()).whole()) == [ONE]


async def test_what_a_crash_left_half_written_is_in_nobodys_way(shelf):
    await shelf.stage()
    scratch = shelf.root / ".staging/main" / JOB.job / "scratch"
    for name in ("job.json", "data/Data_001.zip.json", "publishing.json", "manifest.json", "SHA256SUMS"):
        (scratch / f"{name}.new").write_bytes(b"{")

    await shelf.archive_job(ONE)

    assert checksums_hold(shelf.root / FOLDER)


async def test_what_a_crash_left_while_it_was_cleared_away_is_no_part_of_the_job_that_comes_back(shelf):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)
    await shelf.publish(staging)
    folder = shelf.root / ".staging/main" / JOB.job
    (folder / "job.json").unlink()  # the last steps of discarding were not done

    again = await shelf.stage()

    assert await again.finished() is None
    assert list(again.whole()) == []


async def test_a_clearing_away_that_a_crash_cut_short_is_finished_at_the_next_start(shelf):
    await shelf.fetch(await shelf.stage(), ONE)
    folder = shelf.root / ".staging/main" / JOB.job
    (folder / "job.json").unlink()  # the last steps of discarding were not done

    assert await shelf.archive().staged("main") == ()
    assert not folder.exists()


async def test_what_was_published_before_a_crash_is_told_after_it_as_it_was(shelf):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE, ALIKE)
    done = await shelf.publish(staging)

    (left,) = await shelf.archive().staged("main")

    assert await left.finished() == done
    assert await shelf.archive().is_being_published("main", JOB)
    assert not await shelf.archive().is_being_published("main", JobId(ZGID, "5"))


async def test_what_was_let_go_of_is_neither_whole_nor_to_be_finished(shelf):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)
    await shelf.publish(staging)
    assert (await staging.finished()).added == (ONE,)

    await staging.go_on()

    assert await staging.finished() is None
    assert list(staging.whole()) == []
    assert await (await shelf.stage()).finished() is None


async def test_what_was_published_is_told_after_a_crash_though_the_record_of_its_job_is_damaged(shelf):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)
    done = await shelf.publish(staging)
    (shelf.root / ".staging/main" / JOB.job / "job.json").write_bytes(b"\x00")

    (left,) = await shelf.archive().staged("main")

    assert (left.job, left.into) == (JOB, None)
    assert await left.finished() == done


async def test_what_became_whole_since_the_publishing_stays_whole_when_that_is_let_go_of(shelf):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)
    await shelf.publish(staging)
    staging = await shelf.stage()  # after a crash, before anybody told of the publishing
    await shelf.fetch(staging, TWO)

    await staging.go_on()

    assert list(staging.whole()) == [TWO]
    assert list((await shelf.stage()).whole()) == [TWO]


# --- rejecting ----------------------------------------------------------------------------------------------------


async def reject(shelf, staging, content: bytes, file=ONE):
    staging.slot(file).part.write_bytes(content)
    staging.slot(file).resume.write_text("{}")
    return await staging.reject(file, BAD)


async def test_a_rejected_file_is_put_aside_and_counted_over_restarts(shelf):
    staging = await shelf.stage()
    for count, hours in ((1, 0), (2, 0), (3, 1), (4, 6), (5, 24)):
        staging = await shelf.stage()
        rejection = await reject(shelf, staging, b"bad %d" % count)
        assert rejection.count == count
        assert rejection.retry_at - rejection.last_at == timedelta(hours=hours)
        assert (await shelf.stage()).rejection(ONE) == rejection

    assert not staging.slot(ONE).part.exists()
    assert not staging.slot(ONE).resume.exists()
    aside = shelf.root / ".staging/main" / JOB.job / "rejected/data"
    assert {path.name: path.read_bytes() for path in aside.iterdir()} == {"Data_001.zip": b"bad 5"}


async def test_a_file_without_a_copy_is_rejected_all_the_same(shelf):
    staging = await shelf.stage()

    assert (await staging.reject(ONE, BAD)).count == 1
    assert staging.rejection(TWO) is None


async def test_a_rejection_that_a_crash_cut_short_is_finished_and_told(shelf):
    await reject(shelf, await shelf.stage(), b"bad")
    folder = shelf.root / ".staging/main" / JOB.job
    record = folder / "rejections/data/Data_001.zip.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "moving": True}))
    (folder / "rejected/data/Data_001.zip").rename(folder / "parts/data/Data_001.zip.part")

    again = await shelf.stage()

    assert [event.step for event in shelf.ear.of(WorkFinishedLater)] == ["reject data/Data_001.zip"]
    assert (folder / "rejected/data/Data_001.zip").read_bytes() == b"bad"
    assert not again.slot(ONE).part.exists()
    assert not json.loads(record.read_text())["moving"]


async def test_a_rejection_that_came_to_its_end_is_not_finished_again_at_the_next_start(shelf):
    await reject(shelf, await shelf.stage(), b"bad")

    await shelf.stage()

    assert shelf.ear.of(WorkFinishedLater) == []


async def test_rejected_copies_outlive_the_job(shelf):
    staging = await shelf.stage()
    await reject(shelf, staging, b"bad")
    await shelf.fetch(staging, ONE)
    await shelf.publish(staging)
    await staging.discard()

    assert [name for name in files(shelf.root) if name.startswith(".staging")] == [
        f".staging/main/{JOB.job}/rejected/data/Data_001.zip"
    ]
    assert await shelf.archive().staged("main") == ()
    assert files(shelf.root / ".staging") == [f"main/{JOB.job}/rejected/data/Data_001.zip"]


async def test_the_record_of_a_job_is_gone_for_good_before_that_of_its_publishing(shelf, monkeypatch):
    """The other way round, a power cut would leave a published job that looks like one to be fetched."""
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)
    await shelf.publish(staging)
    folder, left, real = shelf.root / ".staging/main" / JOB.job, [], os.fsync
    itself = folder.stat()

    def note(descriptor: int) -> None:
        if os.path.samestat(os.fstat(descriptor), itself):
            left.append(sorted(path.name for path in folder.iterdir()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    await staging.discard()

    assert left == [["publishing.json"], []]


async def test_a_link_among_rejected_copies_is_neither_followed_nor_lost(shelf):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)
    await shelf.publish(staging)
    theirs, link = shelf.root / "theirs", shelf.root / ".staging/main" / JOB.job / "rejected/kept"
    theirs.mkdir()
    link.parent.mkdir()
    link.symlink_to(theirs)

    await staging.discard()

    assert link.is_symlink()
    assert theirs.is_dir()


# --- what is left of missed jobs ----------------------------------------------------------------------------------


async def test_what_is_left_of_a_missed_job_goes_after_a_while_and_no_other(shelf):
    other, now = JobId(ZGID, "3"), shelf.clock.now()
    await shelf.fetch(await shelf.stage(), ONE)
    await shelf.stage(other)

    async def cleared(*, days):
        at = now + timedelta(days=days)
        return await shelf.archive().clear_missed("main", {JOB}, now=at, before=at - timedelta(days=7))

    assert await cleared(days=100) == ()
    assert await cleared(days=0) == ()  # a clock that was wrong: known from now on, not since a time to come
    assert await cleared(days=7) == ()  # since then, not before then
    assert await cleared(days=8) == (JOB,)
    assert [left.job for left in await shelf.archive().staged("main")] == [other]
    assert [path.name for path in (shelf.root / ".staging/main").iterdir()] == [other.job]
    assert await cleared(days=9) == ()
    assert await shelf.archive().clear_missed("another", {JOB}, now=now, before=now) == ()


@pytest.mark.parametrize("note", ["", "some day", "2022-06-23"])
async def test_a_damaged_note_of_what_is_left_is_written_anew(shelf, note):
    now = shelf.clock.now()
    await shelf.fetch(await shelf.stage(), ONE)
    place = shelf.root / ".staging/main" / JOB.job / "missed"
    place.write_text(note)

    assert await shelf.archive().clear_missed("main", {JOB}, now=now, before=now + timedelta(days=1)) == ()

    assert place.read_text() == "2022-06-24T12:00:00Z\n"
    await shelf.stage()
    assert not place.exists()  # the job grows again


async def test_what_is_about_to_be_published_is_not_left_over(shelf):
    now = shelf.clock.now()
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)
    await shelf.publish(staging)

    assert await shelf.archive().clear_missed("main", {JOB}, now=now, before=now) == ()

    assert not (shelf.root / ".staging/main" / JOB.job / "missed").exists()


async def test_a_glance_tells_what_is_in_hand(shelf):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE, ALIKE)
    staging.slot(TWO).part.write_bytes(b"12345")
    staging.slot(TWO).resume.write_text("more than is received")
    staging.slot(TWO).part.with_name("somebody's.part").mkdir()
    await shelf.stage(JobId(ZGID, "5"))

    assert glance(shelf.root, "main") == {
        JOB.job: Growing(frozenset({ONE, ALIKE}), len(content_of(JOB, ONE) + content_of(JOB, ALIKE)) + 5),
        "5": Growing(frozenset(), 0),
    }
    assert glance(shelf.root, "another") == {}


async def test_a_look_at_the_disk_names_folders_that_lie_apart(shelf, monkeypatch):
    await shelf.archive().prepare()
    (shelf.root / "notes.txt").write_text("mine")
    assert look_at_disk(shelf.root).apart == ()

    put_elsewhere(monkeypatch, shelf.root / "notes.txt")
    assert look_at_disk(shelf.root).apart == ()
    put_elsewhere(monkeypatch, shelf.root / ".trash")
    assert look_at_disk(shelf.root).apart == (".trash",)


# --- publishing ---------------------------------------------------------------------------------------------------


async def test_a_snapshot_appears_whole_and_read_only(shelf):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE, TWO, ALIKE)

    snapshot = await shelf.publish(staging)

    folder = shelf.root / FOLDER
    assert str(snapshot.path) == FOLDER
    assert files(folder) == [
        "SHA256SUMS",
        "attachments/Data_001.zip",
        "data/Data_001.zip",
        "data/Data_002.zip",
        "manifest.json",
    ]
    assert checksums_hold(folder)
    assert listed(folder) == files(folder)[1:]  # all but itself
    assert {mode(path) for path in folder.rglob("*") if path.is_file()} == {0o440}
    assert {mode(path) for path in (folder, folder.parent, folder.parent.parent, folder / "data")} == {0o750}
    assert (folder / "attachments/Data_001.zip").read_bytes() == content_of(JOB, ALIKE)


async def test_a_snapshot_is_on_the_disk_with_all_its_modes(shelf, monkeypatch):
    synced, real = set(), os.fsync

    def note(descriptor: int) -> None:
        found = os.fstat(descriptor)
        synced.add((found.st_ino, stat.S_IMODE(found.st_mode)))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", note)

    await shelf.archive_job(ONE, ALIKE)

    folder = shelf.root / FOLDER
    wanted = [folder.parent.parent, folder.parent, folder, *folder.rglob("*")]
    assert [path for path in wanted if (path.stat().st_ino, mode(path)) not in synced] == []


async def test_the_modes_do_not_hang_on_the_umask(shelf):
    before = os.umask(0o077)
    try:
        await shelf.archive_job(ONE)
    finally:
        os.umask(before)

    folder = shelf.root / FOLDER
    assert {mode(path) for path in (folder, folder.parent, folder.parent.parent, folder / "data")} == {0o750}


async def test_what_is_published_is_what_the_manifest_says(shelf):
    snapshot = await shelf.archive_job(ONE, ALIKE)

    read = await shelf.archive().read(snapshot.path)

    assert read == snapshot.manifest
    assert (read.org, read.job, read.revision) == ("main", JOB, 1)
    assert (read.taken.at, read.expires_at, read.first_seen_at) == (TAKEN_AT, EXPIRES_AT, SEEN_AT)
    assert read.archived_at == shelf.clock.now()
    assert [entry.file for entry in read.files] == [ONE, ALIKE] == list(snapshot.added)
    found = await shelf.archive().look(snapshot.path)
    assert found.manifest_sha256 == snapshot.manifest_sha256


async def test_nothing_is_left_in_staging(shelf):
    await shelf.archive_job(ONE, ALIKE)

    assert list(shelf.root.joinpath(".staging/main").rglob("*")) == []
    assert list(shelf.root.joinpath(".trash").iterdir()) == []


async def test_a_kind_without_files_has_no_folder(shelf):
    await shelf.archive_job(ONE)

    assert not (shelf.root / FOLDER / "attachments").exists()


async def test_there_is_no_empty_snapshot(shelf):
    with pytest.raises(ValueError, match="no whole file"):
        await shelf.publish(await shelf.stage())

    assert not (shelf.root / "main").exists()


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("empty", "a folder that is not ours has the name of a snapshot"),
        ("another job", "it is the snapshot of another job"),
        ("unreadable", "manifest.json: "),
    ],
)
async def test_a_foreign_folder_of_the_same_name_is_never_touched(shelf, what, told):
    foreign = shelf.root / FOLDER
    foreign.mkdir(parents=True)
    if what == "another job":
        (foreign / "manifest.json").write_bytes(await _manifest_of_another_job(shelf))
    elif what == "unreadable":
        (foreign / "manifest.json").write_text("{}")
    before = tree(foreign)
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)

    with pytest.raises((ArchiveError, RecordDamaged), match=f"{FOLDER}.*{told}"):
        await shelf.publish(staging)

    assert tree(foreign) == before
    assert list((await shelf.stage()).whole()) == [ONE]


async def _manifest_of_another_job(shelf) -> bytes:
    snapshot = await shelf.archive_job(ONE, job=JobId(ZGID, "5"))
    return manifest_bytes(snapshot.manifest)


async def test_odd_header_values_do_not_stop_a_snapshot(shelf):
    staging = await shelf.stage()
    staging.slot(ONE).part.write_bytes(b"zip")
    await staging.accept(replace(received(ONE, b"zip"), etag="\udc80é", last_modified="☂"))

    snapshot = await shelf.publish(staging)

    assert await shelf.archive().read(snapshot.path) == snapshot.manifest
    assert checksums_hold(shelf.root / snapshot.path)


# --- adding files -------------------------------------------------------------------------------------------------


async def test_files_that_appear_later_join_the_snapshot(shelf):
    first = await shelf.archive_job(ONE)
    shelf.clock.pass_time(hours=2)

    second = await shelf.archive_job(TWO, ALIKE, into=first.path)

    folder = shelf.root / FOLDER
    assert (second.path, second.manifest.revision, second.added) == (first.path, 2, (TWO, ALIKE))
    assert [entry.file for entry in second.manifest.files] == [ONE, TWO, ALIKE]
    assert second.manifest.archived_at == first.manifest.archived_at
    assert await shelf.archive().read(first.path) == second.manifest
    assert checksums_hold(folder)
    assert {mode(path) for path in folder.rglob("*") if path.is_file()} == {0o440}
    assert mode(folder / "attachments") == 0o750


async def test_a_better_known_date_changes_the_manifest_and_not_the_folder(shelf):
    first = await shelf.archive_job(ONE)
    staging = await shelf.stage(into=first.path)
    await shelf.fetch(staging, TWO)
    better = Taken(TAKEN_AT - timedelta(days=1), TakenBasis.HISTORY)

    second = await shelf.publish(staging, taken=better)

    assert second.manifest.taken == better
    assert second.path == first.path


async def test_a_better_known_date_after_a_crash_makes_no_second_snapshot_of_the_job(shelf):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)
    first = await shelf.publish(staging)  # and then a crash, before anybody told it
    again = await shelf.stage()
    await shelf.fetch(again, TWO)

    second = await shelf.publish(again, taken=Taken(TAKEN_AT - timedelta(days=1), TakenBasis.HISTORY))

    assert (second.path, second.manifest.revision, second.added) == (first.path, 2, (TWO,))
    assert len(list(shelf.root.glob("main/*/*"))) == 1


async def test_the_snapshot_is_found_even_if_nobody_told_that_it_is_there(shelf):
    await shelf.archive_job(ONE)

    second = await shelf.archive_job(TWO)

    assert (second.manifest.revision, second.added) == (2, (TWO,))
    assert checksums_hold(shelf.root / FOLDER)


async def test_a_file_that_is_published_already_is_not_added(shelf):
    first = await shelf.archive_job(ONE)
    before = tree(shelf.root / FOLDER)
    staging = await shelf.stage(into=first.path)
    await shelf.fetch(staging, ONE)

    second = await shelf.publish(staging)

    assert (second.added, second.manifest, second.manifest_sha256) == ((), first.manifest, first.manifest_sha256)
    assert tree(shelf.root / FOLDER) == before


async def test_a_snapshot_that_is_gone_cannot_be_added_to(shelf):
    first = await shelf.archive_job(ONE)
    (shelf.root / FOLDER).rename(shelf.root / "elsewhere")

    with pytest.raises(RecordDamaged, match="gone"):
        await shelf.archive_job(TWO, into=first.path)


@pytest.mark.parametrize("content", [b"not ours", content_of(JOB, TWO)], ids=["other bytes", "the same bytes"])
async def test_a_file_in_the_way_is_not_overwritten(shelf, content):
    first = await shelf.archive_job(ONE)
    stranger = shelf.root / FOLDER / "data/Data_002.zip"
    stranger.write_bytes(content)

    with pytest.raises(ArchiveError, match="in the way"):
        await shelf.archive_job(TWO, into=first.path)

    assert stranger.read_bytes() == content
    assert checksums_hold(shelf.root / FOLDER)


# --- healing ------------------------------------------------------------------------------------------------------


def _gone(place: Path) -> None:
    place.unlink()


def _other_bytes(place: Path) -> None:
    place.chmod(0o600)
    place.write_bytes(b"X" * place.stat().st_size)


def _link_to_nothing(place: Path) -> None:
    place.unlink()
    place.symlink_to(place.with_name("nothing"))


def _link_to_a_copy(place: Path) -> None:
    copy = place.rename(place.parents[3] / "copy.zip")
    place.symlink_to(copy)


def _folder(place: Path) -> None:
    place.unlink()
    place.mkdir()


@pytest.mark.parametrize("harm", [_gone, _other_bytes, _link_to_nothing, _link_to_a_copy, _folder])
async def test_whatever_lies_in_a_files_place_the_whole_one_takes_it(shelf, harm):
    first = await shelf.archive_job(ONE, TWO)
    place = shelf.root / FOLDER / "data/Data_002.zip"
    harm(place)
    staging = await shelf.stage(into=first.path)
    await shelf.fetch(staging, TWO)
    (shelf.root / ".trash").rmdir()  # by hand, since the start

    second = await shelf.publish(staging)

    assert (second.healed, second.manifest.revision) == ((TWO,), 2)
    assert not place.is_symlink()
    assert place.read_bytes() == content_of(JOB, TWO)
    assert checksums_hold(shelf.root / FOLDER)
    at = f"{shelf.clock.now():%Y%m%dT%H%M%SZ}"
    aside = [] if harm is _gone else [f"{at}_main_{first.path.name}_data_1_Data_002.zip.damaged"]
    assert [path.name for path in shelf.root.glob(".trash/*")] == aside


async def test_a_file_with_the_longest_of_names_is_put_aside_too(shelf):
    long, org, into = data("D" * 176 + ".zip"), "an-organisation-with-many-words", None
    archive = shelf.archive()
    await archive.prepare()
    for healed in ((), (long,)):
        staging = await archive.stage(org, JOB, expires_at=EXPIRES_AT, first_seen_at=SEEN_AT, into=into)
        await shelf.fetch(staging, long)

        done = await shelf.publish(staging)

        assert done.healed == healed
        assert checksums_hold(shelf.root / done.path)
        await staging.discard()
        into = done.path
        _other_bytes(shelf.root / into / f"data/{long.name}")


async def test_what_was_healed_before_a_crash_is_not_put_aside_after_it(shelf):
    first = await shelf.archive_job(ONE)
    folder = shelf.root / FOLDER
    _other_bytes(folder / "data/Data_001.zip")
    staging = await shelf.stage(into=first.path)
    await shelf.fetch(staging, ONE)
    before = (folder / "manifest.json").read_bytes()
    await shelf.publish(staging)
    (folder / "manifest.json").unlink()  # it is read-only
    (folder / "manifest.json").write_bytes(before)  # the file was in its place, and its record was not
    (left,) = await shelf.archive().staged("main")

    done = await left.finished()

    assert done is not None
    assert (done.manifest.revision, done.added, done.healed) == (2, (ONE,), (ONE,))
    assert checksums_hold(folder)
    assert len(list(shelf.root.glob(".trash/*"))) == 1


async def test_damage_since_the_publishing_that_a_crash_cut_short_is_left_to_be_found(shelf):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)
    first = await shelf.publish(staging)
    _other_bytes(shelf.root / FOLDER / "data/Data_001.zip")

    again = await shelf.publish(await shelf.stage())

    assert (again.manifest, again.healed) == (first.manifest, ())


async def test_checksums_that_a_crash_left_behind_the_manifest_are_made_up_for(shelf):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)
    await shelf.publish(staging)
    sums = shelf.root / FOLDER / "SHA256SUMS"
    sums.unlink()
    (left,) = await shelf.archive().staged("main")

    await left.finished()

    assert checksums_hold(shelf.root / FOLDER)
    assert mode(sums) == mode(shelf.root / FOLDER / "manifest.json")


async def test_names_that_a_crash_kept_from_the_disk_get_there_when_the_publishing_is_finished(shelf, monkeypatch):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)
    await shelf.publish(staging)
    (left,) = await shelf.archive().staged("main")
    synced = note_syncs(monkeypatch)

    await left.finished()

    assert synced == [FOLDER, "main/2022"]


async def test_the_name_of_an_added_file_that_a_crash_kept_from_the_disk_gets_there_too(shelf, monkeypatch):
    first = await shelf.archive_job(ONE)
    manifest = shelf.root / FOLDER / "manifest.json"
    before = manifest.read_bytes()
    staging = await shelf.stage(into=first.path)
    await shelf.fetch(staging, TWO)
    await shelf.publish(staging)
    manifest.unlink()  # it is read-only
    manifest.write_bytes(before)  # the file was in its place, and its record was not
    (left,) = await shelf.archive().staged("main")
    synced = note_syncs(monkeypatch)

    done = await left.finished()

    assert done is not None
    assert done.added == (TWO,)
    assert synced.index(f"{FOLDER}/data") < synced.index(FOLDER)  # before a record tells of it
    assert checksums_hold(shelf.root / FOLDER)


async def test_records_in_staging_are_for_nobody_else(shelf):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)
    await shelf.publish(staging)

    records = {path.name: mode(path) for path in (shelf.root / ".staging").rglob("*.json")}

    assert records == dict.fromkeys(["job.json", "Data_001.zip.json", "publishing.json"], 0o600)


# --- reading back -------------------------------------------------------------------------------------------------


async def test_a_scan_finds_every_snapshot_of_every_org(shelf):
    paths = [(await shelf.archive_job(ONE, job=JobId(ZGID, str(n)))).path for n in range(3)]
    (shelf.root / "main" / "notes.txt").write_text("mine")
    (shelf.root / "lost+found").mkdir()
    (shelf.root / "other/2022/2022-06-23_9").mkdir(parents=True)
    (shelf.root / paths[1] / "manifest.json").chmod(0o600)
    (shelf.root / paths[1] / "manifest.json").write_text("{}")

    found = [snapshot async for snapshot in shelf.archive().snapshots()]

    assert [(snapshot.path, type(snapshot.record)) for snapshot in found] == [
        (paths[0], Manifest),
        (paths[1], RecordDamaged),
        (paths[2], Manifest),
        (PurePosixPath("other/2022/2022-06-23_9"), RecordDamaged),
    ]
    assert [snapshot.path async for snapshot in shelf.archive().snapshots("main")] == paths
    assert await shelf.archive().orgs() == ("main", "other")
    assert [await shelf.archive().count(org) for org in ("main", "other", "none")] == [3, 1, 0]


@pytest.mark.parametrize(("field", "value"), [("size", None), ("sha256", "0"), ("name", "../x")])
async def test_a_damaged_manifest_names_file_and_field(shelf, field, value):
    snapshot = await shelf.archive_job(ONE)
    place = shelf.root / snapshot.path / "manifest.json"
    document = json.loads(place.read_bytes())
    document["files"][0][field] = value
    place.chmod(0o600)
    place.write_text(json.dumps(document))

    with pytest.raises(RecordDamaged, match=rf"manifest\.json.*{field}") as caught:
        await shelf.archive().read(snapshot.path)

    assert caught.value.exit_status == Exit.DAMAGE


async def test_a_missing_manifest_is_said_to_be_missing(shelf):
    with pytest.raises(RecordDamaged, match="missing"):
        await shelf.archive().read(PurePosixPath(FOLDER))


@pytest.mark.parametrize(("years", "there"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_a_snapshot_is_found_by_its_job_in_the_years_about(shelf, years, there):
    snapshot = await shelf.archive_job(ONE)
    near = TAKEN_AT.replace(year=TAKEN_AT.year + years)

    found = await shelf.archive().find("main", JOB, near=near)

    assert (found.path if found else None) == (snapshot.path if there else None)


async def test_a_snapshot_that_is_another_organisations_or_damaged_is_not_found(shelf):
    snapshot = await shelf.archive_job(ONE)
    assert await shelf.archive().find("main", JobId("1", JOB.job), near=TAKEN_AT) is None
    (shelf.root / snapshot.path / "manifest.json").unlink()

    assert await shelf.archive().find("main", JOB, near=TAKEN_AT) is None


async def test_without_a_root_there_are_no_orgs_to_ask_for(shelf):
    shelf.root.rmdir()

    with pytest.raises(ArchiveUnusable, match="missing"):
        await shelf.archive().orgs()


async def test_what_was_finished_later_is_told(shelf):
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)
    place = shelf.root / ".staging/main" / JOB.job / "snapshot/data/Data_001.zip"
    place.rename(staging.slot(ONE).part)  # as if the last step of accepting had not been done

    (left,) = await shelf.archive().staged("main")

    assert list(left.whole()) == [ONE]
    assert place.read_bytes() == content_of(JOB, ONE)
    assert [event.step for event in shelf.ear.of(WorkFinishedLater)] == ["accept data/Data_001.zip"]
