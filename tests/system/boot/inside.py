"""How the trials talk to the machine they run in: commands, systemd, its journal, the README."""

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SERVICE = "backupd.service"
ARCHIVE = Path("/var/lib/backupd")
ETC = Path("/etc/backupd")
CREDENTIALS = ETC / "credentials"
SETTINGS = ETC / "backupd.toml"
DROP_INS = Path("/run/systemd/system")
_README = Path("/opt/source/README.md")
_PATIENCE = 60.0  # seconds for anything to happen; a busy machine is no failure


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever that is."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)


def do(*command: str | Path) -> str:
    """Run a command, which must succeed; return what it said."""
    done = run(*command)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def as_user(user: str, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command as somebody else, with all of their groups."""
    return run("runuser", "-u", user, "--", *command)


def show(name: str, unit: str = SERVICE) -> str:
    """Return a property of a unit."""
    return do("systemctl", "show", "--value", f"--property={name}", unit).strip()


def start() -> int:
    """Start the daemon, which must come to READY; return its process id."""
    do("systemctl", "start", SERVICE)
    return pid()


def pid() -> int:
    """Return the daemon's process id."""
    return int(show("MainPID"))


def until(condition: Callable[[], Any], within: float = _PATIENCE) -> None:
    """Wait until it is so."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it did not come so"
        time.sleep(0.2)


def readme(after: str) -> str:
    """Return the first block of commands in the README behind these words."""
    text = _README.read_text(encoding="utf-8")
    found = re.search(r"```sh\n(.*?)```", text[text.index(after) :], flags=re.DOTALL)
    assert found is not None, after
    return found[1]


def drop_in(text: str, *, unit: str = SERVICE) -> None:
    """Change a unit for one trial."""
    folder = DROP_INS / f"{unit}.d"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"trial-{len(list(folder.iterdir()))}.conf").write_text(text)
    do("systemctl", "daemon-reload")


class Journal:
    """What was said from now on by a unit and about it."""

    def __init__(self) -> None:
        self._cursor = do("journalctl", "--lines=0", "--show-cursor").rpartition("-- cursor: ")[2].strip()

    def lines(self, unit: str = SERVICE) -> list[str]:
        """Return the messages, oldest first."""
        do("journalctl", "--sync")
        said = do("journalctl", f"--after-cursor={self._cursor}", f"--unit={unit}", "--output=cat", "--quiet")
        return said.splitlines()

    def told(self, event: str, unit: str = SERVICE) -> list[dict[str, Any]]:
        """Return the program's events of one name."""
        events = [json.loads(line) for line in self.lines(unit) if line.startswith("{")]
        return [found for found in events if found["event"] == event]
