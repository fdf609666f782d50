"""A start: what it needs, what it says, and what stands there afterwards."""

import pwd
from pathlib import Path

from tests.system.boot.given import SECRETS, settings
from tests.system.boot.inside import (
    ARCHIVE,
    CREDENTIALS,
    SERVICE,
    SETTINGS,
    as_user,
    do,
    pid,
    readme,
    run,
    show,
    start,
    until,
)

BACKUPD = "backupd"
ALREADY = Path("/run/credentials/backupd.service")


def owner_and_mode(path: Path) -> tuple[str, str, str]:
    found = path.stat()
    return path.owner(), path.group(), oct(found.st_mode & 0o7777)


def start_fails() -> None:
    assert run("systemctl", "start", SERVICE).returncode == 1
    until(lambda: show("ActiveState") == "failed")


def test_the_readmes_commands_make_user_and_folders_and_keep_secrets_to_root():
    assert pwd.getpwnam(BACKUPD).pw_dir == str(ARCHIVE)
    assert owner_and_mode(ARCHIVE) == (BACKUPD, BACKUPD, "0o750")
    assert owner_and_mode(SETTINGS) == ("root", BACKUPD, "0o640")
    assert owner_and_mode(CREDENTIALS) == ("root", "root", "0o700")
    assert {owner_and_mode(secret) for secret in CREDENTIALS.iterdir()} == {("root", "root", "0o600")}


def test_the_readmes_check_sees_what_the_service_will_see(vendor):
    check = readme("Then look whether all is well").splitlines()[0]

    said = do("sh", "-e", "-c", check)

    assert "credentials accepted" in said
    assert "FAILED" not in said


def test_a_start_comes_to_ready_as_its_own_user(vendor):
    start()

    assert (show("Type"), show("ActiveState"), show("SubState")) == ("notify", "active", "running")
    assert Path(f"/proc/{pid()}").owner() == BACKUPD
    assert show("StatusText")


def test_ready_is_said_only_once_the_catalog_is_open(vendor):
    start()
    assert (ARCHIVE / "catalog.sqlite").exists()

    do("systemctl", "stop", SERVICE)
    before = show("ActiveEnterTimestampMonotonic")
    SETTINGS.write_text(settings(more='[catalog]\npath = "/proc/catalog.sqlite"'))
    assert run("systemctl", "start", SERVICE).returncode == 1
    assert show("ActiveEnterTimestampMonotonic") == before


def test_systemd_keeps_watch_from_ready_on(vendor):
    start()

    assert show("WatchdogUSec") == "2min"
    assert show("WatchdogTimestampMonotonic") != "0"
    assert f"WATCHDOG_PID={pid()}" in Path(f"/proc/{pid()}/environ").read_text().split("\0")


def test_the_state_directory_is_made_for_the_service_and_its_group(vendor):
    ARCHIVE.rmdir()

    start()

    assert owner_and_mode(ARCHIVE) == (BACKUPD, BACKUPD, "0o750")


def test_the_credentials_arrive_and_nobody_else_reads_them(vendor, journal):
    start()
    until(lambda: journal.told("cycle.finished"))

    environment = Path(f"/proc/{pid()}/environ").read_text().split("\0")
    assert f"CREDENTIALS_DIRECTORY={ALREADY}" in environment
    copies = {copy.name: copy for copy in ALREADY.iterdir()}
    assert set(copies) == {f"backupd_BACKUPD_ORGS__MAIN__{name}" for name in SECRETS}
    for copy in copies.values():
        assert owner_and_mode(copy)[::2] == (BACKUPD, "0o400")
        assert as_user("nobody", "cat", copy).returncode == 1
    shown = [
        *environment,
        Path(f"/proc/{pid()}/cmdline").read_text(),
        *journal.lines(),
        do("systemctl", "show", SERVICE),
    ]
    assert not [text for text in shown for secret in SECRETS.values() if secret in text.replace("1000.SIMULATED", "")]
    assert [request["status"] for request in vendor.requests("token")] == [200]


def test_without_a_credential_the_start_fails_and_names_it(vendor, journal):
    (CREDENTIALS / "BACKUPD_ORGS__MAIN__REFRESH_TOKEN").unlink()

    start_fails()

    assert show("ExecMainStatus") == "78"
    assert [line for line in journal.lines() if "orgs.main.refresh_token" in line]
    assert vendor.requests() == []


def test_without_the_folder_of_credentials_the_start_fails_at_that_step(vendor, journal):
    for secret in CREDENTIALS.iterdir():
        secret.unlink()
    CREDENTIALS.rmdir()
    try:
        assert run("systemctl", "start", SERVICE).returncode == 1
        assert [line for line in journal.lines() if "Failed to set up credentials" in line]
    finally:
        do("systemctl", "stop", SERVICE)
        do("systemd-tmpfiles", "--create", "/etc/tmpfiles.d/backupd.conf")


def test_the_commands_that_only_read_work_as_the_services_user_without_any_secret(vendor, journal):
    start()
    until(lambda: journal.told("cycle.finished"))

    listed, status = (as_user(BACKUPD, "/usr/local/bin/backupd", word) for word in ("list", "status"))

    assert (listed.returncode, listed.stderr) == (0, "")
    assert "_4001" in listed.stdout
    assert f"runs as process {pid()}" in status.stdout


def test_people_in_the_group_read_the_snapshots_and_others_do_not(vendor, journal):
    do("useradd", "--groups", BACKUPD, "reader")
    start()
    until(lambda: journal.told("job.published"))
    (sums,) = ARCHIVE.glob("main/*/*/SHA256SUMS")

    read = as_user(
        "reader", "sh", "-c", f"cd {sums.parent} && sha256sum --check --quiet SHA256SUMS && cat manifest.json"
    )

    assert read.returncode == 0, read.stderr
    assert '"4001"' in read.stdout
    assert as_user("reader", "touch", sums.parent / "mine").returncode == 1
    assert as_user("nobody", "ls", ARCHIVE).returncode != 0
    assert owner_and_mode(sums) == (BACKUPD, BACKUPD, "0o440")
