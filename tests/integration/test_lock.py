"""One writer an org: the second is told who the first is, and the dead hold nothing."""

import asyncio
import errno
import fcntl
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from backupd.archive import Archive
from backupd.archive.locking import held_since, holder
from backupd.core.errors import ArchiveBusy, ArchiveError
from backupd.core.exits import Exit
from tests.fakes.clock import FakeClock
from tests.fakes.records import Ear
from tests.fakes.shelf import Shelf


@pytest.fixture
async def shelf(tmp_path):
    made = Shelf(tmp_path)
    await made.archive().prepare()
    return made


async def test_the_second_is_told_at_once_who_holds_the_lock(shelf):
    async with shelf.archive().lock("main", what="cycle"):
        with pytest.raises(
            ArchiveBusy, match=rf"main: .*\(cycle, process {os.getpid()}, since 2022-06-24T12:00:00Z\)"
        ) as busy:
            async with shelf.archive().lock("main", what="prune"):
                pass

    assert (busy.value.exit_status, busy.value.passing) == (Exit.TRY_LATER, True)


async def test_the_lock_is_free_afterwards_also_after_a_failure(shelf):
    with pytest.raises(KeyError):
        async with shelf.archive().lock("main", what="cycle"):
            raise KeyError

    async with shelf.archive().lock("main", what="cycle"):
        pass
    assert sorted(path.name for path in (shelf.root / ".state").iterdir()) == ["main.lock"]


async def test_a_refused_second_does_not_disturb_the_first(shelf):
    async with shelf.archive().lock("main", what="cycle"):
        for _ in range(2):
            with pytest.raises(ArchiveBusy, match="cycle"):
                async with shelf.archive().lock("main", what="prune"):
                    pass


async def test_where_the_kernel_keeps_no_locks_none_is_made_of_a_mere_file(shelf, monkeypatch):
    """It would outlive a holder that was killed, and then nobody could work any more."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", refuse)

    with pytest.raises(ArchiveError):
        async with shelf.archive().lock("main", what="cycle"):
            pytest.fail("there is no lock")


async def test_orgs_do_not_wait_for_each_other(shelf):
    async with shelf.archive().lock("main", what="cycle"), shelf.archive().lock("other", what="cycle"):
        pass


async def test_a_note_that_is_missing_or_damaged_is_no_failure(shelf):
    async with shelf.archive().lock("main", what="cycle"):
        (shelf.root / ".state/main.holder").write_text("{}")
        with pytest.raises(ArchiveBusy, match="another backupd holds"):
            async with shelf.archive().lock("main", what="prune"):
                pass


async def test_a_note_that_somebody_removes_does_not_keep_the_lock(shelf):
    async with shelf.archive().lock("main", what="cycle"):
        (shelf.root / ".state/main.holder").unlink()
        with pytest.raises(ArchiveBusy, match="another backupd holds"):
            async with shelf.archive().lock("main", what="prune"):
                pass

    async with shelf.archive().lock("main", what="prune"):
        pass


async def test_a_look_tells_who_holds_the_lock_and_since_when(shelf):
    state = shelf.root / ".state"
    assert (holder(state, "main"), held_since(state, "main")) == (None, None)

    async with shelf.archive().lock("main", what="cycle"):
        told = f"another backupd (cycle, process {os.getpid()}, since 2022-06-24T12:00:00Z)"
        assert (holder(state, "main"), held_since(state, "main")) == (told, shelf.clock.now())


@pytest.mark.parametrize(("refusal", "held"), [(ProcessLookupError, False), (PermissionError, True)])
async def test_a_look_goes_by_whether_the_process_lives_whoever_runs_it(shelf, monkeypatch, refusal, held):
    asked = []

    def refuse(*question: int) -> None:
        asked.append(question)
        raise refusal

    async with shelf.archive().lock("main", what="cycle"):
        monkeypatch.setattr(os, "kill", refuse)
        assert (holder(shelf.root / ".state", "main") is not None) is held

    assert asked == [(os.getpid(), 0)]


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"pid": "1"}', '{"pid": 1000000000000000000000, "since": 1}'])
async def test_a_note_that_says_nothing_tells_of_nobody(shelf, note):
    (shelf.root / ".state/main.holder").write_text(note)

    assert holder(shelf.root / ".state", "main") is None
    assert held_since(shelf.root / ".state", "main") is None


async def test_a_holder_that_is_killed_holds_nothing(shelf):
    program = textwrap.dedent("""
        import asyncio, sys, time
        from datetime import datetime, UTC
        from pathlib import Path
        from backupd.archive import Archive
        from backupd.clock import SystemClock

        async def main():
            archive = Archive(Path(sys.argv[1]), clock=SystemClock(), tell=print, tool_version="1")
            async with archive.lock("main", what="cycle"):
                print("held", flush=True)
                time.sleep(60)

        asyncio.run(main())
    """)
    with subprocess.Popen([sys.executable, "-c", program, shelf.root], stdout=subprocess.PIPE) as process:  # noqa: ASYNC220, S603 (our own program)
        assert process.stdout is not None
        await asyncio.to_thread(process.stdout.readline)
        with pytest.raises(ArchiveBusy, match=f"process {process.pid}"):
            async with shelf.archive().lock("main", what="prune"):
                pass
        process.send_signal(signal.SIGKILL)
        process.wait()

    async with shelf.archive().lock("main", what="prune"):
        pass


async def test_parts_of_one_process_wait_for_each_other(tmp_path):
    archive = Archive(tmp_path, clock=FakeClock(), tell=Ear(), tool_version="1.2.3")
    await archive.prepare()
    order = []

    async def part(name):
        async with archive.lock("main", what=name):
            order.append(f"{name} begins")
            await asyncio.sleep(0)
            order.append(f"{name} ends")

    await asyncio.gather(part("cycle"), part("prune"))

    first, second = ["cycle begins", "cycle ends"], ["prune begins", "prune ends"]
    assert order in (first + second, second + first)  # whose turn comes first is left open
