import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

UNITS = Path(__file__).parents[2] / "systemd"
SERVICES = ("backupd.service", "backupd-once.service")
HIGHEST_EXPOSURE = "12"  # of systemd's hundred: 1.2 in its report


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def hardening(unit: str) -> list[str]:
    text = (UNITS / unit).read_text()
    return text[text.index("# It needs its folder") :].partition("\n\n")[0].splitlines()


@pytest.mark.parametrize("unit", [*SERVICES, "backupd-once.timer"])
def test_systemd_finds_nothing_to_say_about_the_units(tmp_path, unit):
    for path in UNITS.glob("backupd*"):
        text = path.read_text().replace("/usr/local/bin/backupd", "/bin/true")  # it need not be installed here
        (tmp_path / path.name).write_text(text)

    checked = run("systemd-analyze", "verify", "--man=no", tmp_path / unit)

    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("unit", SERVICES)
def test_a_service_is_exposed_to_little(unit):
    checked = run("systemd-analyze", "security", "--offline=true", f"--threshold={HIGHEST_EXPOSURE}", UNITS / unit)

    assert checked.returncode == 0, checked.stdout


def test_systemd_finds_nothing_to_say_about_an_archive_on_another_disk(tmp_path):
    (tmp_path / "backupd.service.d").mkdir()
    shutil.copy(UNITS / "drop-ins" / "another-disk.conf", tmp_path / "backupd.service.d")
    text = (UNITS / "backupd.service").read_text().replace("/usr/local/bin/backupd", "/bin/true")
    (tmp_path / "backupd.service").write_text(text)

    checked = run("systemd-analyze", "verify", "--man=no", tmp_path / "backupd.service")

    assert (checked.returncode, checked.stderr) == (0, "")


def test_growing_pauses_are_words_that_systemd_knows_from_254_on(tmp_path):
    (tmp_path / "backupd.service.d").mkdir()
    drop_in = shutil.copy(UNITS / "drop-ins" / "back-off.conf", tmp_path / "backupd.service.d")
    text = (UNITS / "backupd.service").read_text().replace("/usr/local/bin/backupd", "/bin/true")
    (tmp_path / "backupd.service").write_text(text)

    checked = run("systemd-analyze", "verify", "--man=no", tmp_path / "backupd.service")

    assert checked.returncode == 0
    if int(run("systemd-analyze", "--version").stdout.split()[1]) >= 254:
        assert checked.stderr == ""
    else:  # it says so of each of them, and of nothing else
        unknown = re.findall(r"back-off\.conf:\d+: Unknown key\D* '(\w+)' in section", checked.stderr)
        assert (unknown, checked.stderr.count("\n")) == (["RestartSteps", "RestartMaxDelaySec"], 2)
    settings = ConfigParser()
    settings.optionxform = str  # type: ignore[method-assign,assignment]  # systemd minds capitals
    settings.read([drop_in])
    assert settings.sections() == ["Service"]
    assert dict(settings["Service"]) == {"RestartSteps": "5", "RestartMaxDelaySec": "10min"}


def test_both_services_are_hardened_alike():
    assert hardening("backupd.service") == hardening("backupd-once.service")


def test_root_gets_user_and_folders_made(tmp_path):
    (tmp_path / "etc").mkdir()

    users = run("systemd-sysusers", f"--root={tmp_path}", UNITS / "sysusers.d" / "backupd.conf")
    folders = run("systemd-tmpfiles", "--create", f"--root={tmp_path}", UNITS / "tmpfiles.d" / "backupd.conf")

    assert (users.returncode, folders.returncode, folders.stderr) == (0, 0, "")
    passwd = dict(line.split(":", 1) for line in (tmp_path / "etc" / "passwd").read_text().splitlines())
    user, group = passwd["backupd"].split(":")[1:3]
    made = {
        name: (
            oct((tmp_path / name).stat().st_mode & 0o7777),
            (tmp_path / name).stat().st_uid,
            (tmp_path / name).stat().st_gid,
        )
        for name in ("var/lib/backupd", "etc/backupd", "etc/backupd/credentials")
    }
    assert made == {
        "var/lib/backupd": ("0o750", int(user), int(group)),
        "etc/backupd": ("0o750", 0, int(group)),
        "etc/backupd/credentials": ("0o700", 0, 0),
    }
