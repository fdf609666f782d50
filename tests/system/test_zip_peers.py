"""The corpus against `unzip -t` and `7zz t`: no disagreement without an explanation."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fakes.corpus import cases
from tests.fakes.peers import unexplained

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

_PATIENCE = 10.0  # seconds; unzip never ends on some damaged bzip2 members


@pytest.mark.parametrize("command", [("unzip", "-tqq", "-P", "x"), ("7zz", "t", "-px")], ids=lambda command: command[0])
def test_no_other_program_disagrees_without_an_explanation(command: tuple[str, ...], tmp_path: Path):
    path = tmp_path / "case.zip"
    assert shutil.which(command[0]), f"{command[0]} is missing: tests/system/install-tools gets it"

    surprises = []
    for case in cases():
        path.write_bytes(case.data)
        theirs = _accepts(*command, str(path))
        if unexplained(case.name, command[0], ours=case.reason, theirs=theirs):
            surprises.append((case.name, case.reason, theirs))

    assert surprises == []


def _accepts(*command: str) -> bool:
    try:
        run = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        return False
    return run.returncode == 0
