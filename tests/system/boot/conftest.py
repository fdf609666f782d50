"""What every trial begins with: the program as the README installs it, a vendor, and nothing of the trial before."""

import shutil
from collections.abc import Iterator

import pytest

from tests.system.boot.given import SECRETS, settings
from tests.system.boot.inside import (
    ARCHIVE,
    CREDENTIALS,
    DROP_INS,
    ETC,
    SERVICE,
    SETTINGS,
    Journal,
    do,
    drop_in,
    readme,
    run,
)
from tests.system.boot.vendor import Vendor

UNITS = (SERVICE, "backupd-once.service", "backupd-once.timer", "probe.service")


@pytest.fixture(scope="session", autouse=True)
def installed() -> None:
    """Do what the README says a new user should do, by its own words."""
    ETC.mkdir()
    SETTINGS.write_text(settings())
    do("sh", "-e", "-x", "-c", readme("**As a service.**"))


@pytest.fixture(scope="session")
def running_vendor(installed, tmp_path_factory) -> Vendor:
    """Let the simulated vendor run, as a service of its own."""
    vendor = Vendor()
    vendor.start(tmp_path_factory.mktemp("vendor") / "scenario.toml")
    return vendor


@pytest.fixture
def vendor(running_vendor: Vendor) -> Vendor:
    """The vendor as at its start."""
    running_vendor.reset()
    return running_vendor


@pytest.fixture(autouse=True)
def fresh(installed) -> Iterator[None]:
    """Settings and secrets in their place, an empty archive, units as they come; but no long wait before a restart."""
    SETTINGS.unlink(missing_ok=True)
    SETTINGS.write_text(settings())
    for name, value in SECRETS.items():
        (CREDENTIALS / f"BACKUPD_ORGS__MAIN__{name}").write_text(f"{value}\n")
    do("systemd-tmpfiles", "--create", "/etc/tmpfiles.d/backupd.conf")
    drop_in("[Service]\nRestartSec=1s\n")
    yield
    do("systemctl", "stop", *UNITS[:3])
    run("systemctl", "reset-failed", *UNITS)
    for unit in UNITS:
        shutil.rmtree(DROP_INS / f"{unit}.d", ignore_errors=True)
    shutil.rmtree(ARCHIVE, ignore_errors=True)
    do("systemctl", "daemon-reload")


@pytest.fixture
def journal() -> Journal:
    """What was said since the trial began."""
    return Journal()
