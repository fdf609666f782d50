"""What the tests of processes have in common."""

from collections.abc import AsyncIterator

import pytest

from tests.system.process import Shell

pytest.register_assert_rewrite("tests.system.bays")


@pytest.fixture
async def shell() -> AsyncIterator[Shell]:
    """A shell that leaves nothing running."""
    shell = Shell()
    yield shell
    await shell.clear()
