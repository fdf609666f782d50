"""Killed before every step on the disk, and started again: the same archive, and never anything half-done in it."""

import asyncio
import shutil
import subprocess
from functools import partial
from pathlib import Path, PurePosixPath

import pytest

from backupd.core.errors import ZipRejected
from tests.fakes.guillotine import Guillotine, Killed
from tests.fakes.records import checksums_hold
from tests.fakes.shelf import Shelf, broken_promises, tree
from tests.fakes.values import JOB, attachments, data

ONE, TWO, THREE = data("Data_001.zip"), data("Data_002.zip"), attachments("Data_001.zip")
BAD = ZipRejected("Data_001.zip: a member is damaged", reason="crc")


def shelf_in(tmp_path: Path, name: str) -> Shelf:
    root = tmp_path / name
    root.mkdir()
    return Shelf(root)


async def publish_new(shelf: Shelf) -> None:
    await shelf.archive_job(ONE, TWO, THREE)


async def add_files(shelf: Shelf) -> None:
    """Go on from a snapshot with one file, as a cycle does once it has seen two more links."""
    folder = next(shelf.root.glob("main/*/*")).relative_to(shelf.root)
    await shelf.archive_job(TWO, THREE, into=PurePosixPath(folder))


async def reject_and_go_on(shelf: Shelf) -> None:
    """Reject the first file once, fetch it again, and publish."""
    if JOB not in shelf.recorded and (staging := await shelf.stage()).rejection(ONE) is None:
        staging.slot(ONE).part.write_bytes(b"bad bytes")
        staging.slot(ONE).resume.write_text("{}")
        await staging.reject(ONE, BAD)
    await shelf.archive_job(ONE, TWO)


@pytest.fixture
async def beginning(tmp_path) -> Path:
    """An archive with a snapshot of one file."""
    shelf = shelf_in(tmp_path, "beginning")
    await shelf.archive_job(ONE)
    return shelf.root


def begin(work, beginning: Path, name: str) -> Shelf:
    root = beginning.parent / name
    if work is add_files:
        shutil.copytree(beginning, root)
    else:
        root.mkdir()
    return Shelf(root)


WORK = pytest.mark.parametrize("work", [publish_new, add_files, reject_and_go_on])


@WORK
async def test_killed_before_any_change_of_a_name_the_next_start_finishes_the_same_archive(beginning, work):
    await _kill_at_each(beginning, work, {"rename", "replace"})


@WORK
async def test_killed_within_a_write_the_next_start_finishes_the_same_archive(beginning, work):
    await _kill_at_each(beginning, work, {"write"}, torn=True)


@pytest.mark.crash
@pytest.mark.timeout(300)
@WORK
async def test_killed_before_any_step_at_all_the_next_start_finishes_the_same_archive(beginning, work):
    await _kill_at_each(beginning, work, None)


async def _kill_at_each(beginning: Path, work, kinds: set[str] | None, *, torn: bool = False) -> None:
    whole = begin(work, beginning, "never-killed")
    undisturbed = Guillotine(look=lambda: _never_half_done(whole.root))
    with undisturbed.in_place():
        await work(whole)
    assert len(undisturbed.steps) > 50

    for at, step in enumerate(undisturbed.steps, start=1):
        if kinds is not None and step not in kinds:
            continue
        shelf = begin(work, beginning, f"killed-{at}")
        with Guillotine(at=at, torn=torn).in_place(), pytest.raises(Killed):
            await work(shelf)

        with Guillotine(look=partial(_never_half_done, shelf.root)).in_place():
            await work(shelf)

        assert tree(shelf.root) == tree(whole.root), f"killed before step {at}: {step}"
        assert len(shelf.fetched) == len(set(shelf.fetched)), f"killed before step {at}: {step}"
        shutil.rmtree(shelf.root)


def _never_half_done(root: Path) -> None:
    assert broken_promises(root) == []


async def test_sha256sum_agrees_at_every_step_of_adding_files(beginning):
    shelf = begin(add_files, beginning, "watched")
    folder = next(shelf.root.glob("main/*/*"))
    seen: set[bytes] = set()

    def ask_sha256sum() -> None:
        assert checksums_hold(folder)
        seen.add((folder / "SHA256SUMS").read_bytes())

    with Guillotine(look=ask_sha256sum).in_place():
        await add_files(shelf)

    assert checksums_hold(folder)
    assert len(seen | {(folder / "SHA256SUMS").read_bytes()}) == 3  # before, without the manifest's line, after
    assert _sha256sum(folder) == [
        "data/Data_001.zip: OK",
        "data/Data_002.zip: OK",
        "attachments/Data_001.zip: OK",
        "manifest.json: OK",
    ]


async def test_sha256sum_agrees_on_the_others_while_a_damaged_file_is_gone(beginning):
    shelf = begin(add_files, beginning, "healed")
    folder = next(shelf.root.glob("main/*/*"))
    await add_files(shelf)
    place = folder / "data/Data_002.zip"
    place.unlink()
    place.write_bytes(b"rotten")
    staging = await shelf.stage(into=PurePosixPath(folder.relative_to(shelf.root)))
    await shelf.fetch(staging, TWO)
    told: list[list[str]] = []

    def ask_sha256sum() -> None:
        if not place.exists():
            told.append(_sha256sum(folder))

    with Guillotine(look=ask_sha256sum).in_place():
        await shelf.publish(staging)

    assert told
    assert all(lines == ["data/Data_001.zip: OK", "attachments/Data_001.zip: OK"] for lines in told)
    assert "data/Data_002.zip: OK" in _sha256sum(folder)


def _sha256sum(folder: Path) -> list[str]:
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True, check=True)  # noqa: S607 (the user's own)
    return done.stdout.splitlines()


async def test_a_job_that_was_whole_is_published_even_if_its_links_have_expired_meanwhile(tmp_path):
    shelf = shelf_in(tmp_path, "late")
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)
    blade = Guillotine(at=_step_of(await _steps_of_publishing(tmp_path), "rename", last=True))
    with blade.in_place(), pytest.raises(Killed):
        await shelf.publish(staging)
    assert list(shelf.root.glob("main/*/*")) == []

    (left,) = await shelf.archive().staged("main")
    done = await left.finished()

    assert done is not None
    assert done.manifest.job == JOB
    assert checksums_hold(shelf.root / done.path)


async def _steps_of_publishing(tmp_path: Path) -> list[str]:
    shelf = shelf_in(tmp_path, "steps")
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)
    blade = Guillotine()
    with blade.in_place():
        await shelf.publish(staging)
    return blade.steps


def _step_of(steps: list[str], name: str, *, last: bool) -> int:
    found = [number for number, step in enumerate(steps, start=1) if step == name]
    return found[-1] if last else found[0]


async def test_cancelled_while_publishing_the_step_is_finished_before_the_lock_is_let_go(tmp_path):
    shelf = shelf_in(tmp_path, "cancelled")
    staging = await shelf.stage()
    await shelf.fetch(staging, ONE)

    publishing = asyncio.ensure_future(shelf.publish(staging))
    await asyncio.sleep(0)
    publishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await publishing

    assert len(list(shelf.root.glob("main/*/*/manifest.json"))) == 1
    assert broken_promises(shelf.root) == []
