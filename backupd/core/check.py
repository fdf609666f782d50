"""The port between receiving and checking: bytes in order in, a verdict out.

It lets a zip be checked while it arrives, without the downloader knowing how. Implemented in `verify`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from backupd.core.model import Checked


class Check(Protocol):
    """The check of one zip, fed from its first byte to its last. Used by one thread at a time."""

    def feed(self, block: bytes | bytearray | memoryview) -> None:
        """Take the next bytes. The block may be reused by the caller afterwards.

        Raises ZipRejected as soon as the bytes cannot become a whole zip any more.
        """

    def finish(self, path: Path) -> Checked:
        """Say what was found in the whole zip; `path` holds the same bytes, for what cannot be judged in passing.

        Raises ZipRejected.
        """


NewCheck = Callable[[str], Check]
"""Start the check of one zip; the argument is its name, for error texts."""
