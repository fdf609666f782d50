"""A program that dies before any one of its steps on the disk, and does nothing any more once it is dead.

Every change to the disk goes through a function of `os`. They are counted; before the chosen one `Killed` is raised,
and before every later one too, so that no `finally` tidies up what a real SIGKILL would have left. fsync is counted but
not done: these tests lose no power.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread
from typing import Any

_STEPS = ("rename", "replace", "unlink", "rmdir", "mkdir", "fsync", "write", "ftruncate", "chmod", "fchmod")
_NAMING = {"rename", "replace", "unlink", "rmdir"}


class Killed(BaseException):
    """The program is dead."""


class Guillotine:
    """Counts steps, and falls before the `at`-th one (from 1); `look` sees the disk before each that changes a name."""

    def __init__(self, *, at: int | None = None, torn: bool = False, look: Callable[[], None] | None = None) -> None:
        self.steps: list[str] = []
        self._at = at
        self._torn = torn  # a write that is hit leaves half of its bytes
        self._look = look

    def hits(self, name: str) -> bool:
        """Count a step, and tell whether it must not be done any more.

        Steps of the download's own threads do not count: the blade would end a thread only, which is not how a process
        dies. `tests/system` kills them for real.
        """
        if current_thread().name.startswith("bytes-"):
            return False
        self.steps.append(name)
        if self._look is not None and name in _NAMING:
            self._look()
        return self._at is not None and len(self.steps) >= self._at

    def wrap(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            if self.hits(name):
                if self._torn and name == "write" and len(self.steps) == self._at:
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                raise Killed(f"before step {len(self.steps)}: {name}")
            return None if name == "fsync" else real(*arguments, **options)

        return step

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the program run under the blade."""
        real = {name: getattr(os, name) for name in _STEPS}
        try:
            for name, function in real.items():
                setattr(os, name, self.wrap(name, function))
            yield
        finally:
            for name, function in real.items():
                setattr(os, name, function)
