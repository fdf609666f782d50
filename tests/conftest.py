"""What all tests have in common."""

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure; what a test may cost in all is bounded by pytest's own time-out.
settings.register_profile("backupd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("backupd")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say how long the tests that attack the program go on; without, as long as fits every change."""
    group = parser.getgroup("backupd")
    group.addoption("--kills", type=int, default=50, help="at so many random moments the program is killed")
    group.addoption("--crash-points", default="40", help="of each kind of work, so many steps, or `all`")
