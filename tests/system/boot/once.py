"""The timer, in place of the daemon."""

from pathlib import Path

import pytest

from tests.system.boot.given import holds_whole_snapshot, settings
from tests.system.boot.inside import ARCHIVE, SETTINGS, do, drop_in, run, show, until
from tests.system.boot.vendor import SIZE, SLOW

TIMER = "backupd-once.timer"
ONCE = "backupd-once.service"
_STAMP = Path("/var/lib/systemd/timers/stamp-backupd-once.timer")


@pytest.fixture
def overdue():
    """A machine that was off at the timer's last time, and a timer that waits for no chance."""
    _STAMP.parent.mkdir(exist_ok=True)
    _STAMP.touch()
    do("touch", "--date=-2 days", _STAMP)
    drop_in("[Timer]\nRandomizedDelaySec=0\n", unit=TIMER)
    yield
    _STAMP.unlink()


def test_a_timer_that_slept_through_its_time_runs_one_cycle_and_then_waits(vendor, journal, overdue):
    do("systemctl", "enable", "--now", TIMER)
    until(lambda: journal.told("cycle.finished", ONCE))
    until(lambda: show("ActiveState", ONCE) == "inactive")

    assert holds_whole_snapshot(ARCHIVE)
    assert show("SubState", TIMER) == "waiting"
    assert len(journal.told("cycle.started", ONCE)) == 1
    assert len([line for line in journal.lines(ONCE) if line.startswith("Finished backupd-once.service")]) == 1
    assert ARCHIVE.owner() == "backupd"


def test_the_timers_next_time_is_spread_by_chance_and_kept_over_a_boot():
    assert show("Persistent", TIMER) == "yes"
    assert show("RandomizedDelayUSec", TIMER) == "15min"
    assert "OnCalendar=*-*-* 00/6:00:00" in show("TimersCalendar", TIMER)


def test_a_run_that_fails_leaves_its_status_with_systemd(vendor):
    SETTINGS.write_text(settings(every="soon"))

    assert run("systemctl", "start", ONCE).returncode == 1

    assert (show("ActiveState", ONCE), show("ExecMainStatus", ONCE)) == ("failed", "78")


def test_a_run_that_is_stopped_is_no_failure_and_keeps_what_came(vendor):
    vendor.pace(SLOW)
    do("systemctl", "start", "--no-block", ONCE)
    until(lambda: vendor.sent() > SIZE)

    do("systemctl", "stop", ONCE)

    assert (show("ActiveState", ONCE), show("ExecMainStatus", ONCE)) == ("inactive", "130")
    assert list(ARCHIVE.glob(".staging/main/*/parts/*/*.part"))
