"""The page over a real archive: what the program archived or missed is what is shown, and stays known."""

import json
from contextlib import asynccontextmanager
from threading import current_thread, main_thread

import aiohttp
import pytest

from backupd.app import Surroundings, open_library, open_survey
from backupd.core import events
from backupd.core.calendar import Mark, year
from backupd.core.errors import UsageError
from backupd.core.exits import Exit
from backupd.core.manifest import Manifest
from backupd.core.overview import State
from backupd.settings import load
from backupd.simulator import Refuse, Switches
from backupd.web import Front, Place
from tests.fakes.records import Ear
from tests.integration.operator import JOB, NAMES, Operator, days, operated, run


@asynccontextmanager
async def surveyed(operator: Operator, folder):
    """Look at the archive as another process does."""
    settings = load(folder / "backupd.toml", environment={}, run_secrets=folder / "none")
    around = Surroundings(tell=operator.ear, learn=lambda _: None, clock=operator.clock)
    async with open_library(settings, around) as library:
        yield open_survey(settings, library)


async def test_what_was_archived_is_shown_with_files_and_manifest(tmp_path):
    async with operated(tmp_path) as operator:
        assert await operator.run_once() is Exit.OK
        async with surveyed(operator, tmp_path) as survey:
            found = await survey.overview()
            (row,) = await survey.snapshots("main", limit=10)
            same, files, record = await survey.snapshot(str(row.path))

    (org,) = found.orgs
    assert org.judge(found.now).state is State.PROTECTED
    assert found.is_healthy
    assert (found.snapshots, found.files) == (1, len(NAMES))
    assert found.free > 0
    assert same == row
    assert sorted(file.file.name for file in files) == sorted(NAMES)
    assert isinstance(record, Manifest)
    assert record.job.job == JOB


async def test_runs_are_reconciled_beside_the_loop(tmp_path, monkeypatch):
    threads = []
    monkeypatch.setattr("backupd.survey.reconcile", lambda *_, **__: threads.append(current_thread()))
    async with operated(tmp_path) as operator:
        await operator.run_once()
        async with surveyed(operator, tmp_path) as survey:
            await survey.runs("main", since=operator.clock.now())

    assert len(threads) == 1
    assert main_thread() not in threads


async def test_how_polls_go_is_known_to_the_next_process(tmp_path):
    async with operated(tmp_path) as operator:
        await operator.run_once()
        good = operator.clock.now()
        operator.clock.pass_time(hours=1)
        operator.vendor.fault(Refuse(status=500), on="urls", always=True)
        assert await operator.run_once() is Exit.UNAVAILABLE
        failed = operator.clock.now()
        operator.clock.pass_time(hours=7)
        async with surveyed(operator, tmp_path) as survey:
            found = await survey.overview()
            (org,) = found.orgs

    assert org.pulse.last_success_at == good
    assert org.pulse.failing_since == failed
    assert org.pulse.last_result == "vendor_unavailable"
    assert org.judge(found.now).state is State.IN_DANGER
    assert not found.is_healthy


async def test_the_year_knows_archived_and_missed_runs(tmp_path):
    stale = Switches(links_after_expiry="stale")
    async with operated(tmp_path, run("4001", days_ago=9), switches=stale) as operator:
        assert await operator.run_once() is Exit.INCOMPLETE  # its links are dead
        operator.vendor.add_run(run("4002", days_ago=2))
        assert await operator.run_once() is Exit.OK
        async with surveyed(operator, tmp_path) as survey:
            runs = await survey.runs("main", since=operator.clock.now() - days(365))
    shown = year(runs.rows, today=operator.clock.now().date())
    marks = [day.mark for month in shown for week in month.weeks for day in week if day and day.words]

    assert marks == [Mark.MISSED, Mark.ARCHIVED]


async def test_a_snapshot_that_is_not_there_is_an_error_of_its_asker(tmp_path):
    async with operated(tmp_path) as operator:
        await operator.run_once()
        async with surveyed(operator, tmp_path) as survey:
            with pytest.raises(UsageError):
                await survey.snapshot("main/2022/nothing")


async def test_the_page_of_a_real_archive(tmp_path):
    async with operated(tmp_path) as operator:
        await operator.run_once()
        ear = Ear()
        async with (
            surveyed(operator, tmp_path) as survey,
            Front(operator.clock, ear, "1") as front,
            aiohttp.ClientSession() as session,
        ):
            await front.show(Place("127.0.0.1", 0), survey)
            base = ear.of(events.PageServed)[0].address
            (path,) = operator.snapshots
            texts = []
            for page in ("", "orgs/main", f"snapshots/{path}", "healthz", "metrics"):
                async with session.get(base + page) as answer:
                    assert answer.status == 200, page
                    texts.append(await answer.text())

    assert "Your backups are safe" in texts[0]
    assert 'class="day archived"' in texts[1]
    assert all(name in texts[2] for name in NAMES)
    assert json.loads(texts[3])["status"] == "ok"
    assert 'backupd_archive_files{org="main"} 3.0' in texts[4]
