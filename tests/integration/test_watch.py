"""Weeks of an org's life: what goes wrong is told at once, again once a day, and when it is over; never in a flood.

Every run is a process of its own, as from cron: whatever it knows of earlier ones, it has from the archive.
"""

import json
from collections import Counter

import pytest

from backupd.archive import Archive
from backupd.bell import Bell
from backupd.cli.alarms import alarms
from backupd.cli.invocation import Invocation
from backupd.cli.reconcile import reconcile
from backupd.core import events
from backupd.core.errors import ArchiveError, ArchiveFull, RunsMissing, UsageError
from backupd.core.exits import Exit
from backupd.core.facts import AlarmRaised, Missed, Scrubbed
from backupd.core.model import FileId, JobId, Kind
from backupd.journal import Journal
from backupd.simulator import Refuse, Switches
from tests.fakes.catcher import http_catcher
from tests.fakes.guillotine import Killed
from tests.fakes.records import Ear
from tests.integration.operator import NAMES, Operator, days, operated, run

SECOND = "4876876000001602004"
THIRD = "4876876000001610004"


def rung(operator: Operator) -> list[tuple[str, str]]:
    """Give what was told of alarms since the last call: the event's name and the key."""
    kinds = (events.AlarmWasRaised, events.AlarmWasRepeated, events.AlarmWasCleared)
    told = [(event.name, event.key) for event in operator.ear.heard if isinstance(event, kinds)]
    operator.ear.heard.clear()
    return told


async def live(operator: Operator, *, for_days: float, every_hours: float = 12) -> None:
    """Poll so often for so long."""
    end = operator.clock.now() + days(for_days)
    while operator.clock.now() < end:
        await operator.run_once()
        operator.clock.pass_time(hours=every_hours)


def journal(operator: Operator, kind: str) -> list[dict[str, object]]:
    """Give the journal's lines of one kind."""
    lines = map(json.loads, (operator.root / "main" / "journal.jsonl").read_text().splitlines())
    return [line for line in lines if line["kind"] == kind]


@pytest.fixture
def at_the_vendors_time(monkeypatch):
    """Let commands live in an operator's time, without a log."""
    monkeypatch.setattr("backupd.cli.session.set_up_log", lambda *_, **__: None)

    def live_in(operator: Operator) -> Invocation:
        monkeypatch.setattr("backupd.app.SystemClock.now", lambda _: operator.clock.now())
        return Invocation(operator.config)

    return live_in


# --- absence ------------------------------------------------------------------------------------------------------


async def test_weeks_without_trouble_ring_no_alarm(tmp_path):
    async with operated(tmp_path, run()) as operator:
        await live(operator, for_days=10)

        assert rung(operator) == []


async def test_a_stopped_schedule_is_told_at_once_then_daily_and_when_it_runs_again(tmp_path):
    async with operated(tmp_path, run()) as operator:
        await operator.run_once()
        operator.vendor.switch(status="STOPPED")

        await operator.run_once()
        assert rung(operator) == [("alarm.raised", "schedule_stopped")]
        await live(operator, for_days=10)
        assert Counter(rung(operator)) == {("alarm.repeated", "schedule_stopped"): 9}
        operator.vendor.switch(status="SCHEDULED")
        await operator.run_once()
        assert rung(operator) == [("alarm.cleared", "schedule_stopped")]


async def test_a_vendor_that_fails_for_days_is_told_after_six_hours_and_once_a_day(tmp_path):
    async with operated(tmp_path, run()) as operator:
        await operator.run_once()
        operator.vendor.switch(status="STOPPED")
        await operator.run_once()
        rung(operator)
        operator.vendor.fault(Refuse(500), on="api", always=True)

        await live(operator, for_days=0.25, every_hours=1)
        assert rung(operator) == []
        await live(operator, for_days=5)
        told = Counter(rung(operator))
        assert told.pop(("alarm.raised", "polls_failing")) == 1
        assert 4 <= told.pop(("alarm.repeated", "polls_failing")) <= 5
        assert told[("alarm.raised", "not_reconciled")] == 1
        assert ("alarm.cleared", "schedule_stopped") not in told  # nobody could look

        operator.vendor.org().faults.clear()
        operator.vendor.switch(status="SCHEDULED")
        await operator.run_once()
        assert sorted(rung(operator)) == [
            ("alarm.cleared", "not_reconciled"),
            ("alarm.cleared", "polls_failing"),
            ("alarm.cleared", "schedule_stopped"),
        ]


async def test_credentials_that_die_and_recover_are_told_both_times(tmp_path):
    async with operated(tmp_path, run()) as operator:
        await operator.run_once()
        operator.vendor.revoke_tokens()
        operator.vendor.revoke_refresh_token()

        await operator.run_once()
        assert rung(operator) == [("alarm.raised", "access_refused")]
        await live(operator, for_days=0.2, every_hours=1)
        assert rung(operator) == []
        operator.vendor.revoke_refresh_token(revoked=False)
        operator.clock.pass_time(hours=1)
        await operator.run_once()
        assert rung(operator) == [("alarm.cleared", "access_refused")]


@pytest.mark.parametrize(("setting", "bound"), [("", 16), ('expect_every = "3d"', 3)])
async def test_no_new_backup_for_longer_than_expected_is_told(setting, bound, tmp_path):
    async with operated(tmp_path, run()) as operator:
        operator.poll_settings = setting
        await operator.run_once()

        operator.clock.pass_time(days=bound, hours=-1)
        await operator.run_once()
        assert rung(operator) == []
        operator.clock.pass_time(hours=2)
        await operator.run_once()
        assert rung(operator) == [("alarm.raised", "no_new_backup")]
        operator.vendor.add_run(run(SECOND, days_ago=0))
        await operator.run_once()
        assert rung(operator) == [("alarm.cleared", "no_new_backup")]


async def test_an_archive_that_never_saw_a_backup_knows_when_it_began(tmp_path):
    async with operated(tmp_path, run(days_ago=30)) as operator:
        await operator.run_once()
        assert len(journal(operator, "began")) == 1

        operator.clock.pass_time(days=17)
        await operator.run_once()

        assert rung(operator) == [("alarm.raised", "no_new_backup")]
        assert len(journal(operator, "began")) == 1


# --- deadlines ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_a_file_that_never_comes_is_told_at_72_24_6_and_1_hours_and_missed_once(tmp_path):
    async with operated(tmp_path, run(days_ago=0)) as operator:
        operator.vendor.fault(Refuse(404), file="Data_002.zip", always=True)

        await live(operator, for_days=5.75, every_hours=6)
        await live(operator, for_days=1.15, every_hours=1)
        near = operator.ear.of(events.DeadlineNear)
        await live(operator, for_days=0.1, every_hours=0.5)
        await live(operator, for_days=3, every_hours=6)

        assert [event.step for event in near] == [72, 24, 6]
        assert [event.step for event in operator.ear.of(events.DeadlineNear)] == [72, 24, 6, 1]
        assert {event.missing for event in near} == {1}
        assert len(operator.ear.of(events.JobWasMissed)) == 1
        assert Counter(rung(operator)) == {
            ("alarm.raised", "job_missed/4876876000001594004"): 1,
            ("alarm.repeated", "job_missed/4876876000001594004"): 2,
        }


async def test_a_job_that_comes_in_good_time_has_no_deadline(tmp_path):
    async with operated(tmp_path, run(days_ago=6.9)) as operator:
        assert await operator.run_once() is Exit.OK

        assert operator.ear.of(events.DeadlineNear) == []


async def test_an_alarm_that_could_not_be_written_is_raised_by_the_next_run(tmp_path, monkeypatch):
    async def fail(*_args, **_options):
        raise ArchiveError("the disk failed")

    async with operated(tmp_path, run(days_ago=9), switches=Switches(links_after_expiry="stale")) as operator:
        with monkeypatch.context() as patched:
            patched.setattr(Bell, "ring", fail)
            assert await operator.run_once() is Exit.ARCHIVE
        assert rung(operator) == []

        assert await operator.run_once() is Exit.OK

        assert rung(operator) == [("alarm.raised", "job_missed/4876876000001594004")]


async def test_an_alarm_is_raised_by_the_next_run_if_the_program_died_while_it_was_told(tmp_path, monkeypatch):
    def die(ear: Ear, event: events.Event) -> None:
        if isinstance(event, events.AlarmWasRaised):
            raise Killed
        ear.heard.append(event)

    async with operated(tmp_path, run(days_ago=9), switches=Switches(links_after_expiry="stale")) as operator:
        with monkeypatch.context() as patched:
            patched.setattr(Ear, "__call__", die)
            with pytest.raises(Killed):
                await operator.run_once()

        await operator.run_once()

        assert rung(operator) == [("alarm.raised", "job_missed/4876876000001594004")]


async def test_a_missed_job_whose_links_live_again_is_archived_and_its_alarm_is_over(tmp_path):
    async with operated(tmp_path, run(days_ago=9), switches=Switches(links_after_expiry="stale")) as operator:
        await operator.run_once()
        rung(operator)
        operator.vendor.expire("4876876000001594004", days(3))

        assert await operator.run_once() is Exit.OK

        assert rung(operator) == [("alarm.cleared", "job_missed/4876876000001594004")]


async def test_a_job_that_is_missed_twice_is_told_of_twice(tmp_path, at_the_vendors_time):
    job, key = "4876876000001594004", "job_missed/4876876000001594004"
    async with operated(tmp_path, run(days_ago=9), switches=Switches(links_after_expiry="stale")) as operator:
        operator.vendor.fault(Refuse(404), file="Data_002.zip", always=True)
        await operator.run_once()
        await alarms("acknowledge", key, invocation=at_the_vendors_time(operator))
        await operator.run_once()
        operator.vendor.expire(job, days(1))
        await operator.run_once()
        assert rung(operator) == [("alarm.raised", key), ("alarm.cleared", key)]

        await live(operator, for_days=1.75)

        assert rung(operator) == [("alarm.raised", key)]


# --- what was saved -----------------------------------------------------------------------------------------------


async def test_what_was_saved_of_a_missed_job_is_published_as_partial_if_wanted(tmp_path):
    async with operated(tmp_path, run(days_ago=0)) as operator:
        operator.archive_settings = "keep_partial = true"
        operator.vendor.fault(Refuse(404), file="Data_002.zip", always=True)
        await operator.run_once()
        operator.clock.pass_time(days=8)

        assert await operator.run_once() is Exit.INCOMPLETE
        assert await operator.run_once() is Exit.OK

        (folder,) = operator.snapshots
        manifest = json.loads((operator.root / folder / "manifest.json").read_text())
        assert manifest["partial"] is True
        assert manifest["missing"] == [{"kind": "data", "name": "Data_002.zip", "path": "data/Data_002.zip"}]
        assert await operator.is_whole(names=("Data_001.zip", "Attachments_001.zip"))
        assert [event.missing for event in operator.ear.of(events.JobPublished)] == [1]
        assert len(operator.ear.of(events.JobWasMissed)) == 1


async def test_a_partial_snapshot_becomes_whole_when_its_links_live_again(tmp_path):
    async with operated(tmp_path, run(days_ago=0), switches=Switches(links_after_expiry="stale")) as operator:
        operator.archive_settings = "keep_partial = true"
        operator.vendor.fault(Refuse(404), file="Data_002.zip", always=True)
        await operator.run_once()
        operator.clock.pass_time(days=8)
        await operator.run_once()
        operator.vendor.org().faults.clear()
        operator.vendor.expire("4876876000001594004", days(3))

        assert await operator.run_once() is Exit.OK

        manifest = json.loads((operator.root / operator.snapshots[0] / "manifest.json").read_text())
        assert "partial" not in manifest
        assert manifest["revision"] == 2
        assert await operator.is_whole(names=NAMES)


async def test_a_crash_between_publishing_in_part_and_giving_up_is_finished_by_the_next_run(tmp_path, monkeypatch):
    append = Journal.append

    async def crash(self, *facts):
        if any(isinstance(fact, Missed) for fact in facts):
            raise ArchiveError("the power went")
        return await append(self, *facts)

    async with operated(tmp_path, run(days_ago=0)) as operator:
        operator.archive_settings = "keep_partial = true"
        operator.vendor.fault(Refuse(404), file="Data_002.zip", always=True)
        await operator.run_once()
        operator.clock.pass_time(days=8)
        with monkeypatch.context() as patched:
            patched.setattr(Journal, "append", crash)
            await operator.run_once()

        assert await operator.run_once() is Exit.INCOMPLETE
        assert await operator.run_once() is Exit.OK

        assert len(operator.snapshots) == len(journal(operator, "published")) == 1
        assert [line["saved"] for line in journal(operator, "missed")] == [2]


async def test_without_the_wish_nothing_partial_is_published(tmp_path):
    async with operated(tmp_path, run(days_ago=0)) as operator:
        operator.vendor.fault(Refuse(404), file="Data_002.zip", always=True)
        await operator.run_once()
        operator.clock.pass_time(days=8)

        assert await operator.run_once() is Exit.INCOMPLETE

        assert operator.snapshots == []


async def test_damage_is_told_daily_until_it_is_healed(tmp_path):
    job = JobId("757345985", "4876876000001594004")
    damage = (FileId(Kind.DATA, "Data_001.zip"),)
    async with operated(tmp_path, run(days_ago=0)) as operator:
        await operator.run_once()
        await operator.write(Scrubbed(job, 3, damage, read=damage))
        operator.vendor.fault(Refuse(404), always=True)

        await live(operator, for_days=2)
        assert [name for name, _ in rung(operator)] == ["alarm.raised", "alarm.repeated"]
        await operator.write(Scrubbed(job, 3, (), read=damage))
        operator.vendor.org().faults.clear()
        await operator.run_once()
        assert rung(operator) == [("alarm.cleared", "damaged/4876876000001594004")]


# --- the vendor's history -----------------------------------------------------------------------------------------


async def test_the_history_is_kept_for_good_and_read_once_a_day(tmp_path):
    async with operated(tmp_path, run(), past_events=230) as operator:
        await operator.run_once()
        read = len(operator.vendor.asked("history"))
        await operator.run_once()
        assert len(operator.vendor.asked("history")) == read

        operator.clock.pass_time(days=1)
        await live(operator, for_days=1, every_hours=2)
        entries = journal(operator, "history")
        assert len(operator.vendor.asked("history")) - read == 2  # two pages
        assert len({entry["id"] for entry in entries}) == len(entries) >= 230
        await live(operator, for_days=1, every_hours=2)
        assert len(operator.vendor.asked("history")) - read == 4
        assert len(journal(operator, "history")) == len(entries)
        assert operator.ear.of(events.RunFailed) == []  # what was before the archive began is no news
        assert rung(operator) == []  # and no gap


async def test_a_run_that_publishes_leaves_the_history_to_the_next_one(tmp_path):
    async with operated(tmp_path, run()) as operator:
        await operator.run_once()
        operator.clock.pass_time(days=2)
        operator.vendor.add_run(run(SECOND, days_ago=1))

        await operator.run_once()
        assert journal(operator, "history_read") == []
        await operator.run_once()
        assert len(journal(operator, "history_read")) == 1


async def test_a_cycle_that_breaks_off_is_judged_too(tmp_path, monkeypatch):
    async def fail(*_args):
        raise ArchiveFull("no space left")

    async with operated(tmp_path, run()) as operator:
        await operator.run_once()
        with monkeypatch.context() as patched:
            patched.setattr(Archive, "staged", fail)
            assert await operator.run_once() is Exit.ARCHIVE
        assert rung(operator) == [("alarm.raised", "disk_full")]

        await operator.run_once()
        assert rung(operator) == [("alarm.cleared", "disk_full")]


async def test_an_alarm_named_by_odd_words_of_the_vendor_is_kept_and_told_once(tmp_path):
    odd = AlarmRaised("run_lost/\ud800", "run_lost", "half a \ud800", 1, stays=True)
    async with operated(tmp_path, run()) as operator:
        await operator.run_once()
        await operator.write(odd)
        await live(operator, for_days=1, every_hours=8)

        assert rung(operator) == []


async def test_a_run_that_a_newer_one_hid_is_a_gap_until_somebody_knows(tmp_path, at_the_vendors_time, capsys):
    async with operated(tmp_path, run(days_ago=2)) as operator:
        await operator.run_once()
        operator.clock.pass_time(days=2)
        operator.vendor.add_run(run(SECOND, days_ago=1))
        operator.vendor.add_run(run(THIRD, days_ago=0.5))
        await live(operator, for_days=2)

        told = rung(operator)
        assert [name for name, _ in told] == ["alarm.raised", "alarm.repeated"]
        assert {key.partition("/")[0] for _, key in told} == {"run_lost"}

        invocation, key = at_the_vendors_time(operator), told[0][1]
        with pytest.raises(RunsMissing, match="1 backup"):
            await reconcile(invocation=invocation)
        assert capsys.readouterr().out.count("MISSED: a newer one hid its links") == 1
        assert await alarms("acknowledge", key, invocation=invocation) == 0
        assert await alarms(as_json=True, invocation=invocation) == 0
        assert '"acknowledged": true' in capsys.readouterr().out
        with pytest.raises(UsageError, match="there is no alarm"):
            await alarms("acknowledge", "nonsense", invocation=invocation)

        await live(operator, for_days=4)
        assert rung(operator) == [("alarm.cleared", key)]


async def test_a_run_that_failed_at_the_vendor_is_told_once(tmp_path):
    async with operated(tmp_path, run()) as operator:
        await operator.run_once()
        operator.clock.pass_time(days=2)
        operator.vendor.add_run(run(SECOND, days_ago=1, failed=True))

        await live(operator, for_days=3)

        assert len(operator.ear.of(events.RunFailed)) == 1


async def test_a_failed_run_is_told_again_if_the_program_died_while_it_was_told(tmp_path, monkeypatch):
    def die(ear: Ear, event: events.Event) -> None:
        if isinstance(event, events.RunFailed):
            raise Killed
        ear.heard.append(event)

    async with operated(tmp_path, run()) as operator:
        await operator.run_once()
        operator.clock.pass_time(days=2)
        operator.vendor.add_run(run(SECOND, days_ago=1, failed=True))
        with monkeypatch.context() as patched:
            patched.setattr(Ear, "__call__", die)
            with pytest.raises(Killed):
                await live(operator, for_days=2)

        await live(operator, for_days=2)

        assert len(operator.ear.of(events.RunFailed)) == 1


# Apprise's plugins import it where there still is one
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
async def test_what_reconcile_finds_first_is_told_as_a_cycle_would(tmp_path, at_the_vendors_time):
    async with operated(tmp_path, run()) as operator, http_catcher() as catcher:
        await operator.run_once()
        operator.clock.pass_time(days=2)
        operator.vendor.add_run(run(SECOND, days_ago=1, failed=True))
        invocation = at_the_vendors_time(operator)
        with operator.config.open("a") as config:
            config.write(f'\n[notify]\nurls = ["{catcher.url.replace("http://", "json://")}"]\n')

        await reconcile(invocation=invocation)

        (body,) = [body for _, body in catcher.caught]
        assert "a backup failed at the vendor" in body


async def test_reconcile_reads_the_history_keeps_it_and_finds_no_gap(tmp_path, at_the_vendors_time, capsys):
    async with operated(tmp_path, run(), past_events=12) as operator:
        await operator.run_once()
        invocation = at_the_vendors_time(operator)

        assert await reconcile(invocation=invocation) == 0
        assert len(journal(operator, "history")) == 13
        table = capsys.readouterr().out
        asked = len(operator.vendor.requests)
        assert await reconcile(offline=True, invocation=invocation) == 0
        assert capsys.readouterr().out == table
        assert len(operator.vendor.requests) == asked
        assert "main/2022/2022-06-22_4876876000001594004" in table


async def test_a_history_that_cannot_be_read_fails_no_cycle_but_is_told(tmp_path):
    async with operated(tmp_path, run()) as operator:
        await operator.run_once()
        operator.vendor.fault(Refuse(500), on="history", always=True)
        operator.clock.pass_time(days=2)

        assert await operator.run_once() is Exit.OK
        assert len(operator.ear.of(events.HistoryUnavailable)) == 1
        operator.clock.pass_time(days=2)
        await operator.run_once()
        assert rung(operator) == [("alarm.raised", "not_reconciled")]
        operator.vendor.org().faults.clear()
        await operator.run_once()
        assert rung(operator) == [("alarm.cleared", "not_reconciled")]


async def test_a_new_catalog_knows_the_same_of_alarms_and_deadlines(tmp_path):
    async with operated(tmp_path, run(days_ago=0)) as operator:
        operator.vendor.fault(Refuse(404), file="Data_002.zip", always=True)
        operator.vendor.switch(status="STOPPED")
        operator.clock.pass_time(days=5)
        await operator.run_once()
        assert rung(operator) == [("alarm.raised", "schedule_stopped")]

        (operator.root / "catalog.sqlite").unlink()
        await operator.run_once()

        assert operator.ear.of(events.DeadlineNear) == []
        assert rung(operator) == []
