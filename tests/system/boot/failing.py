"""The service in trouble: killed, hung, or wrongly set up; and what systemd makes of it."""

import os
import signal
import time

from tests.system.boot.given import holds_whole_snapshot, settings, settings_that_wait
from tests.system.boot.inside import ARCHIVE, SERVICE, SETTINGS, do, drop_in, pid, run, show, start, until
from tests.system.boot.vendor import FILES, SIZE, SLOW

_HUNG = 6  # seconds; systemd's patience in these trials


def parts() -> dict[str, int]:
    """Return how much of each file is on the disk."""
    return {path.name: path.stat().st_blocks * 512 for path in ARCHIVE.glob(".staging/main/*/parts/*/*.part")}


def test_sigkill_within_a_download_is_followed_by_a_start_that_goes_on_where_it_was(vendor, journal):
    vendor.pace(SLOW)
    killed = start()
    until(lambda: len(parts()) == len(FILES) and min(parts().values()) > SIZE // 4)

    os.kill(killed, signal.SIGKILL)
    until(lambda: show("NRestarts") == "1" and show("ActiveState") == "active")
    vendor.pace(0)
    until(lambda: journal.told("cycle.finished"))

    assert pid() != killed
    assert holds_whole_snapshot(ARCHIVE)
    resumed = journal.told("file.resumed")
    assert len(resumed) == len(FILES)
    assert min(event["offset"] for event in resumed) > SIZE // 8
    zips = sum(path.stat().st_size for path in ARCHIVE.glob("main/*/*/*/*.zip"))
    twice = vendor.sent() - zips
    assert twice < zips // 4, f"{twice} of {zips} bytes came twice"


def test_a_loop_that_hangs_is_killed_says_where_it_hung_and_is_started_again(vendor, journal):
    drop_in(f"[Service]\nWatchdogSec={_HUNG}s\n")
    hung = start()
    until(lambda: journal.told("cycle.finished"))

    with settings_that_wait():  # read by the loop itself, which waits for an end that does not come
        SETTINGS.unlink()
        SETTINGS.write_text(settings())
        do("systemd-tmpfiles", "--create", "/etc/tmpfiles.d/backupd.conf")
        until(lambda: show("NRestarts") == "1" and show("ActiveState") == "active")

    assert pid() != hung
    lines = journal.lines()
    assert [line for line in lines if "Watchdog timeout" in line]
    assert [line for line in lines if "Failed with result 'watchdog'" in line]
    assert [line for line in lines if line.startswith("Fatal Python error: Aborted")]
    assert [line for line in lines if "settings/sources.py" in line and " in from_file" in line]
    until(lambda: len(journal.told("cycle.finished")) > 1)


def test_a_loop_that_works_is_let_be_for_longer_than_the_watchdog_waits(vendor, journal):
    drop_in(f"[Service]\nWatchdogSec={_HUNG}s\n")
    vendor.pace(SLOW // 2)
    alive = start()

    until(lambda: journal.told("cycle.finished"))

    assert journal.told("cycle.finished")[0]["seconds"] > _HUNG
    assert (pid(), show("NRestarts")) == (alive, "0")


def test_wrong_settings_fail_once_with_78_and_are_not_tried_again(vendor, journal):
    SETTINGS.write_text(settings(every="soon"))

    assert run("systemctl", "start", SERVICE).returncode == 1

    time.sleep(3)  # thrice as long as it waits before it starts again
    assert (show("ActiveState"), show("Result")) == ("failed", "exit-code")
    assert (show("ExecMainStatus"), show("NRestarts")) == ("78", "0")
    (told,) = [line for line in journal.lines() if "poll.every" in line]
    assert "soon" in told or "duration" in told
    assert show("ActiveEnterTimestampMonotonic") == "0"  # it never was ready


def test_another_failure_is_tried_again_for_as_long_as_it_takes(vendor):
    drop_in("[Service]\nRestartSec=50ms\nExecStart=\nExecStart=/bin/sh -c 'exit 73'\n")

    do("systemctl", "start", "--no-block", SERVICE)

    until(lambda: int(show("NRestarts")) >= 8)  # systemd would give up after five within ten seconds
