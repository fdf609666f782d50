"""A person at a real terminal: what is secret is not shown, and Ctrl-C ends a question at once."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from select import select

import pytest

pytestmark = pytest.mark.system

PATIENCE = 30  # seconds for one answer


class Person:
    """Types, and reads what appears."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self.seen = ""

    def wait_for(self, words: str) -> None:
        while words not in self.seen:
            assert select([self._terminal], [], [], PATIENCE)[0], self.seen
            self.seen += self._read()

    def read_on(self) -> None:
        while text := self._read():
            self.seen += text

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def _read(self) -> str:
        try:
            return os.read(self._terminal, 4096).decode()
        except OSError:  # the other side ended
            return ""


@pytest.fixture
def authorizing(tmp_path) -> Iterator[tuple[Person, subprocess.Popen[bytes]]]:
    """Run `backupd authorize` on a terminal of its own."""
    ours, theirs = pty.openpty()
    command = ["setsid", "--ctty", sys.executable, "-m", "backupd", "authorize", "--data-center", "eu", "--print"]
    environment = os.environ | {"BACKUPD_CONFIG": str(tmp_path / "none"), "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as program:
        os.close(theirs)
        try:
            yield Person(ours), program
        finally:
            program.kill()
            os.close(ours)


def test_what_is_secret_is_not_shown_and_ctrl_c_ends_the_question(authorizing):
    person, program = authorizing

    person.wait_for("client id: ")
    person.type("1000.CLIENT\n")
    person.wait_for("client secret: ")
    person.type("hunter2\n")
    person.wait_for("code: ")
    person.type("\x03")
    person.read_on()

    assert program.wait(PATIENCE) == 130
    assert "https://api-console.zoho.eu " in person.seen
    assert "hunter2" not in person.seen
    assert "1000.CLIENT" not in person.seen
    assert "Traceback" not in person.seen
