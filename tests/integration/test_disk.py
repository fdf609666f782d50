"""The steps on the disk that everything in the archive is made of: what holds after each, and what they leave alone."""

import asyncio
import os
import stat
import threading
from pathlib import Path

import pytest

from backupd.archive.disk import (
    in_thread,
    make_folder,
    make_folders,
    move,
    put,
    remove_empty,
    remove_tree,
    sha256_of,
    sync_file,
    sync_folder,
)
from backupd.core.errors import ArchiveError, ArchiveFull


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def steps(monkeypatch) -> list[str]:
    """What is renamed and fsynced, by name, in order."""
    seen: list[str] = []
    rename, replace, fsync = os.rename, os.replace, os.fsync

    def note_fsync(descriptor: int) -> None:
        seen.append(f"fsync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        fsync(descriptor)

    def note_rename(source, target) -> None:
        seen.append("rename")
        rename(source, target)

    def note_replace(source, target) -> None:
        seen.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "rename", note_rename)
    monkeypatch.setattr(os, "replace", note_replace)
    return seen


@pytest.fixture
def places(tmp_path) -> tuple[Path, Path]:
    """Two folders side by side."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    return here, there


# --- writing ------------------------------------------------------------------------------------------------------


def test_a_small_file_is_on_the_disk_before_it_has_its_name_and_then_its_name_is_too(places, steps):
    here, there = places

    put(here / "note", b"text", mode=0o440, scratch=there)

    assert steps == ["fsync note.new", "rename", "fsync here"]
    assert (here / "note").read_bytes() == b"text"
    assert mode(here / "note") == 0o440
    assert list(there.iterdir()) == []


def test_a_small_file_is_written_to_its_end_though_the_system_takes_it_in_pieces(places, monkeypatch):
    here, there = places
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: real(descriptor, bytes(content)[:3]))

    put(here / "note", b"0123456789", mode=0o600, scratch=there)

    assert (here / "note").read_bytes() == b"0123456789"


def test_nobody_else_may_read_a_small_file_while_it_is_written(places, monkeypatch):
    here, there = places
    seen, real = [], os.write

    def note(descriptor: int, content: memoryview) -> int:
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return real(descriptor, content)

    monkeypatch.setattr(os, "write", note)
    put(here / "note", b"text", mode=0o440, scratch=there)

    assert seen == [0o600]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_open(places, monkeypatch):
    here, there = places
    put(here / "note", b"old", mode=0o600, scratch=there)
    before = open_files()

    def refuse(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(OSError, match="No space"):
        put(here / "note", b"new", mode=0o600, scratch=there)

    assert (here / "note").read_bytes() == b"old"
    assert open_files() == before


@pytest.mark.parametrize("sync", [sync_file, sync_folder])
def test_nothing_stays_open_after_a_failed_fsync(tmp_path, monkeypatch, sync):
    path = tmp_path / "file"
    path.touch()
    before = open_files()

    def refuse(_: int) -> None:
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="Input/output error"):
        sync(tmp_path if sync is sync_folder else path)

    assert open_files() == before


def test_a_file_is_no_folder_to_be_synced(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(NotADirectoryError):
        sync_folder(tmp_path / "file")


# --- folders ------------------------------------------------------------------------------------------------------


def test_folders_side_by_side_cost_one_fsync_and_have_their_mode_whatever_the_umask(tmp_path, steps):
    (tmp_path / "b").mkdir(0o777)
    before = os.umask(0o077)
    try:
        make_folders(tmp_path, ["a", "b"], 0o750)
    finally:
        os.umask(before)

    assert (mode(tmp_path / "a"), mode(tmp_path / "b")) == (0o750, 0o750)
    assert steps == [f"fsync {tmp_path.name}"]


def test_a_folder_that_is_there_is_kept_with_what_is_in_it_and_its_name_is_synced_all_the_same(tmp_path, steps):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").touch()

    make_folder(tmp_path / "a", 0o700)

    assert [path.name for path in (tmp_path / "a").iterdir()] == ["file"]
    assert steps == [f"fsync {tmp_path.name}"]


def test_a_folder_with_the_right_mode_is_not_changed(tmp_path, monkeypatch):
    """A folder of another owner could not be: the group may write to it, and that is enough."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a").chmod(0o750)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(1, os.strerror(1))

    monkeypatch.setattr(os, "chmod", refuse)

    make_folder(tmp_path / "a", 0o750)


# --- moving and removing ------------------------------------------------------------------------------------------


def test_a_move_is_on_the_disk_at_both_ends_the_new_one_first(places, steps):
    here, there = places
    (here / "file").write_text("x")

    move(here / "file", there / "moved")

    assert steps == ["rename", "fsync there", "fsync here"]
    assert (there / "moved").read_text() == "x"
    assert not (here / "file").exists()


def test_of_a_link_in_a_folder_that_goes_only_the_link_goes(places):
    here, there = places
    (there / "theirs").write_text("kept")
    (here / "deep").mkdir()
    (here / "deep" / "file").touch()
    (here / "deep" / "link").symlink_to(there)
    (here / "link").symlink_to(there / "nothing")

    remove_tree(here)

    assert not here.exists()
    assert (there / "theirs").read_text() == "kept"
    remove_tree(here)  # it is gone already: nothing to do


def test_folders_with_nothing_but_empty_folders_in_them_go(tmp_path, steps):
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    (tmp_path / "a" / "d").mkdir()

    remove_empty(tmp_path / "a")

    assert list(tmp_path.iterdir()) == []
    assert steps[-1] == f"fsync {tmp_path.name}"
    remove_empty(tmp_path / "a")


def test_of_folders_with_a_file_deep_in_them_the_way_to_it_is_left(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "empty").mkdir()
    (tmp_path / "a" / "b" / "file").touch()

    remove_empty(tmp_path / "a")

    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "file"]


def test_a_file_is_not_removed_as_an_empty_folder(tmp_path):
    (tmp_path / "file").touch()

    remove_empty(tmp_path / "file")

    assert (tmp_path / "file").exists()


def test_the_hash_of_a_file_is_the_one_that_sha256sum_prints(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")

    assert sha256_of(tmp_path / "file") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


# --- work in a thread ---------------------------------------------------------------------------------------------


async def test_what_the_system_refuses_is_our_error_with_the_path_that_it_names(tmp_path):
    with pytest.raises(ArchiveError, match=str(tmp_path / "none")):
        await in_thread(tmp_path, (tmp_path / "none").read_bytes)


async def test_what_the_system_refuses_without_a_name_is_told_of_the_place_of_the_work(tmp_path):
    def work() -> None:
        raise OSError(28, os.strerror(28))

    with pytest.raises(ArchiveFull, match=str(tmp_path)) as caught:
        await in_thread(tmp_path, work)

    assert isinstance(caught.value.__cause__, OSError)


async def test_work_that_is_cancelled_and_cancelled_again_is_waited_for(tmp_path):
    begun, go_on = threading.Event(), threading.Event()
    done = []

    def work() -> None:
        begun.set()
        go_on.wait(30)
        done.append("all")

    waiting = asyncio.ensure_future(in_thread(tmp_path, work))
    await asyncio.to_thread(begun.wait, 30)
    for _ in range(3):
        waiting.cancel()
        await asyncio.sleep(0)
        assert not waiting.done()
    go_on.set()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert done == ["all"]
