"""The simulated vendor in the machine, a service of its own, and what it has: one job of a few files."""

import json
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.system.boot.inside import do, until

PORT = 8322
ADDRESS = f"http://127.0.0.1:{PORT}"
SIZE = 2_000_000  # bytes a file
SLOW = 1_000_000  # bytes a second
FILES = ("data", "Data_001.zip"), ("data", "Data_002.zip"), ("attachments", "Attachments_001.zip")
_PATIENCE = 60.0  # seconds for an answer

_SCENARIO = """
[[orgs]]
[orgs.schedule]
[orgs.switches]
token_throttle = 1000000
[[orgs.runs]]
job_id = "4001"
finished = "-1h"
""" + "".join(
    f'[[orgs.runs.files]]\nkind = "{kind}"\nname = "{name}"\nsize = {SIZE}\ncompression = "stored"\n'
    for kind, name in FILES
)


class Vendor:
    """The simulated vendor, which runs as a service of its own."""

    def start(self, scenario: Path) -> None:
        """Start it, and wait until it answers."""
        scenario.write_text(_SCENARIO, encoding="utf-8")
        program = ("/usr/local/bin/backupd", "--quiet", "simulate", "--port", str(PORT), "--scenario", scenario)
        do("systemd-run", "--quiet", "--unit=vendor", *program)
        until(self._answers)

    def reset(self) -> None:
        """Put it back to its start."""
        self._ask("POST", "reset")
        self._ask("DELETE", "requests")
        self.pace(0)

    def pace(self, total: int) -> None:
        """Send so many bytes a second in all; 0: as fast as may be."""
        self._ask("POST", "pace", {"total": total})

    def requests(self, operation: str = "") -> list[dict[str, Any]]:
        """Return what it was asked."""
        found = self._ask("GET", "requests")["requests"]
        return [request for request in found if operation in ("", request["operation"])]

    def sent(self) -> int:
        """Return how many bytes of files it sent."""
        return sum(request["sent"] for request in self.requests("download"))

    def _answers(self) -> bool:
        try:
            self._ask("GET", "state")
        except OSError:
            return False
        return True

    @staticmethod
    def _ask(method: str, what: str, body: dict[str, Any] | None = None) -> Any:
        line = HTTPConnection("127.0.0.1", PORT, timeout=_PATIENCE)
        try:
            line.request(method, f"/_control/{what}", json.dumps(body) if body is not None else None)
            return json.load(line.getresponse())
        finally:
            line.close()
