"""The alert rules, judged by Prometheus's own tool."""

import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

HERE = Path(__file__).parent
RULES = HERE.parents[1] / "config" / "prometheus-rules.yml"


def promtool(*arguments: str | Path) -> str:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_are_whole():
    assert "SUCCESS" in promtool("check", "rules", RULES)


def test_the_rules_fire_when_they_should_and_only_then():
    assert "SUCCESS" in promtool("test", "rules", HERE / "prometheus-rules.test.yml")
