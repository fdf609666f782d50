"""The service at work: a whole cycle, what it says of itself meanwhile, new settings, another disk, the end."""

import os
from pathlib import Path

from tests.system.boot.given import holds_whole_snapshot, settings, settings_that_wait
from tests.system.boot.inside import ARCHIVE, SERVICE, SETTINGS, do, drop_in, pid, show, start, until
from tests.system.boot.vendor import FILES, SIZE, SLOW

ANOTHER_DISK = Path("/srv/backups")


def test_a_whole_cycle_archives_what_the_vendor_has(vendor, journal):
    start()
    until(lambda: journal.told("cycle.finished"))

    assert [event["result"] for event in journal.told("cycle.finished")] == ["archived"]
    assert holds_whole_snapshot(ARCHIVE)
    assert not list(ARCHIVE.glob(".staging/*/*"))


def test_the_status_says_what_it_does_now_and_when_it_asks_next(vendor, journal):
    vendor.pace(SLOW)
    start()

    until(lambda: show("StatusText") == f"downloading {len(FILES)} files of job 4001 (main)")
    vendor.pace(0)
    until(lambda: show("StatusText").startswith("next poll: main at 20"))


def test_a_reload_is_seen_as_one_and_puts_settings_in_force_in_the_same_process(vendor, journal):
    before = start()
    until(lambda: journal.told("cycle.finished"))
    next_poll = show("StatusText")

    with settings_that_wait() as settings_pipe:
        until(lambda: show("ActiveState") == "reloading")
        assert show("StatusText") == "reading the settings again"
        os.write(settings_pipe, settings(every="9h").encode())
    until(lambda: show("ActiveState") == "active")

    assert pid() == before
    assert len(journal.told("settings.reloaded")) == 1
    until(lambda: show("StatusText").startswith("next poll:"))
    assert show("StatusText") != next_poll
    assert journal.told("service.started")[-1]["every"] == 9 * 3600
    assert show("NRestarts") == "0"


def test_systemctl_reload_asks_for_it(vendor, journal):
    before = start()

    do("systemctl", "reload", SERVICE)

    until(lambda: journal.told("settings.reloaded"))
    assert pid() == before


def test_a_reload_of_wrong_settings_keeps_the_old_ones_and_the_process(vendor, journal):
    before = start()
    SETTINGS.write_text(settings(every="soon"))

    do("systemctl", "reload", SERVICE)

    until(lambda: journal.told("settings.kept"))
    until(lambda: show("ActiveState") == "active")
    assert pid() == before


def test_the_archive_may_lie_on_a_disk_of_its_own(vendor, journal):
    ANOTHER_DISK.mkdir()
    do("mount", "-t", "tmpfs", "-o", "size=64m,mode=0750", "tmpfs", ANOTHER_DISK)
    try:
        do("chown", "backupd:backupd", ANOTHER_DISK)
        SETTINGS.write_text(settings(root=ANOTHER_DISK, more="require_mount = true"))
        drop_in(Path("/opt/source/systemd/drop-ins/another-disk.conf").read_text())
        start()
        until(lambda: journal.told("cycle.finished"))

        assert holds_whole_snapshot(ANOTHER_DISK)
        assert "srv-backups.mount" in show("After")
    finally:
        do("systemctl", "stop", SERVICE)
        do("umount", ANOTHER_DISK)


def test_sigterm_within_a_download_is_a_clean_end(vendor, journal):
    drop_in("[Service]\nExecStopPost=/bin/sh -c 'echo ended: $$SERVICE_RESULT, $$EXIT_CODE $$EXIT_STATUS'\n")
    vendor.pace(SLOW)
    start()
    until(lambda: vendor.sent() > SIZE)

    do("systemctl", "stop", SERVICE)

    assert "ended: success, exited 0" in journal.lines()
    assert [event["reason"] for event in journal.told("service.stopping")] == ["SIGTERM"]
    assert list(ARCHIVE.glob(".staging/main/*/parts/*/*.part"))
    assert not list(ARCHIVE.glob("main/*/*"))
