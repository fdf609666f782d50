"""The service under a systemd that was really booted. What is tried in it stands in tests/system/boot."""

import pytest

from tests.system.boot.machine import Booted, boot
from tests.system.boot.tried import trials

pytestmark = [pytest.mark.system, pytest.mark.timeout(700)]

_END = 20_000  # characters of what was said that tell why


@pytest.fixture(scope="module")
def booted(tmp_path_factory) -> Booted:
    """A machine that was booted, tried everything, and is off again."""
    return boot(tmp_path_factory.mktemp("boot"))


def test_the_machine_boots_tries_everything_and_ends_by_itself(booted):
    assert set(booted.told) == set(trials()), booted.words[-_END:]
    assert booted.status == 0, [trial for trial, told in booted.told.items() if told != "passed"]


@pytest.mark.parametrize("trial", trials())
def test_in_a_booted_machine(booted, trial):
    assert booted.told.get(trial) == "passed", booted.told.get(trial, "it was not tried")
