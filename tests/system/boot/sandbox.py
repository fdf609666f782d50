"""What the service cannot do: tried by a program under the very same unit."""

import json
import shutil
from pathlib import Path

import pytest

from tests.system.boot.inside import ARCHIVE, DROP_INS, SERVICE, do, drop_in, pid, start

OPEN_TO_ALL = Path("/srv/open-to-all")
_PROBE = """\
[Service]
Type=oneshot
ExecStart=
ExecStart=/opt/backupd/bin/python /opt/source/tests/system/boot/probe.py
Restart=no
WatchdogSec=0
"""


@pytest.fixture(scope="module")
def probed(installed):
    """What a program saw that ran in place of the daemon."""
    OPEN_TO_ALL.mkdir()
    OPEN_TO_ALL.chmod(0o777)
    Path("/tmp/of-another").touch()  # noqa: S108 (its name is its place)
    shutil.copy(f"/etc/systemd/system/{SERVICE}", DROP_INS / "probe.service")
    drop_in(_PROBE, unit="probe.service")
    do("systemctl", "start", "probe.service")
    return json.loads((ARCHIVE / "probed.json").read_bytes())


def test_a_daemon_that_runs_has_no_privileges_to_gain(vendor):
    start()

    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{pid()}/status").read_text().splitlines() if ":\t" in line
    )
    assert {name: status[name] for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == dict.fromkeys(
        ("CapEff", "CapPrm", "CapBnd", "CapAmb"), "0" * 16
    )
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    for space in ("user", "mnt"):
        assert Path(f"/proc/{pid()}/ns/{space}").readlink() != Path(f"/proc/1/ns/{space}").readlink()


def test_it_writes_into_the_archive_and_nowhere_else(probed):
    assert probed["write"] == {
        str(ARCHIVE): "done",
        str(OPEN_TO_ALL): "EROFS",  # anybody may write there, but for the sandbox
        "/etc": "EROFS",
        "/usr": "EROFS",
        "/var/lib": "EROFS",
        "/opt": "EROFS",
        "/tmp": "done",  # noqa: S108 (a folder of its own, as the next trial sees)
    }


def test_what_it_writes_is_for_nobody_else(probed):
    assert probed["mode"] == "0o600"


def test_temporary_files_of_others_are_out_of_its_sight(probed):
    assert probed["tmp"] == []
    assert not Path("/tmp/probe").exists()  # noqa: S108 (its name is its place)


def test_homes_devices_and_processes_are_out_of_its_sight(probed):
    assert probed["homes"] == dict.fromkeys(("/root", "/home", "/run/user"), "EACCES")
    assert probed["processes"] == [probed["pid"]]
    harmless = {"full", "null", "ptmx", "random", "tty", "urandom", "zero"}
    assert {device for device in probed["devices"] if not device.isdecimal()} <= harmless  # those are terminals


def test_no_core_of_it_is_dumped_that_would_hold_the_secrets(probed):
    assert probed["core"] == [0, 0]


def test_the_kernel_refuses_what_it_has_no_need_of(probed):
    assert probed["calls"] == {
        "mount": "EPERM",
        "unshare": "EPERM",
        "ptrace": "EPERM",
        "bpf": "EPERM",
        "chroot": "EPERM",
        "setuid bit": "EPERM",
        "priority": "EPERM",
        "memory to write and execute": "EPERM",
        "packet socket": "EAFNOSUPPORT",
        "netlink socket": "EAFNOSUPPORT",
        "internet socket": "done",
    }
