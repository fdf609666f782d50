"""What a trial gives to the program: settings, secrets; and what must come of it: a whole snapshot."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.system.boot.inside import ARCHIVE, SERVICE, SETTINGS, do
from tests.system.boot.vendor import ADDRESS, FILES

SECRETS = {"CLIENT_SECRET": "simulated", "REFRESH_TOKEN": "1000.simulated"}


def settings(*, root: Path = ARCHIVE, every: str = "1h", more: str = "") -> str:
    """Write the settings of a trial."""
    return f"""
[archive]
root = "{root}"
min_free = "0MB"
{more}
[poll]
every = "{every}"
jitter = "0s"
[log]
format = "json"
[orgs.main]
client_id = "1000.SIMULATED"
accounts_url = "{ADDRESS}"
api_domain = "{ADDRESS}"
download_hosts = ["{ADDRESS.partition("//")[2]}"]
"""


def holds_whole_snapshot(root: Path) -> bool:
    (sums,) = root.glob("main/*/*/SHA256SUMS")
    do("sh", "-c", f"cd {sums.parent} && sha256sum --check --quiet SHA256SUMS && unzip -tq data/Data_001.zip")
    return len(sums.read_text().splitlines()) == len(FILES) + 1


@contextmanager
def settings_that_wait() -> Iterator[int]:
    """Put a pipe in place of the settings, and hold its end once somebody reads them: who does has to wait."""
    pipe = SETTINGS.with_name("pipe")
    os.mkfifo(pipe)
    pipe.chmod(0o640)
    os.chown(pipe, 0, pwd.getpwnam("backupd").pw_gid)
    pipe.rename(SETTINGS)
    do("systemctl", "kill", "--signal=SIGHUP", SERVICE)
    end = os.open(SETTINGS, os.O_WRONLY)  # waits for a reader
    try:
        yield end
    finally:
        os.close(end)
