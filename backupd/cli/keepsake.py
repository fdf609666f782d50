"""One secret into one file: its owner's only, whole or not there, and sure to be writable before it is had."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from backupd.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Keepsake:
    """A file that is there once it was written."""

    path: Path
    scratch: Path

    def write(self, secret: str) -> None:
        """Put the secret in its place, in one step. Raises ConfigurationError."""
        try:
            with self.scratch.open("w", encoding="utf-8") as file:
                file.write(f"{secret}\n")
                file.flush()
                os.fsync(file.fileno())
            self.scratch.replace(self.path)
        except OSError as error:
            raise _failed(self.path, error) from error


@contextmanager
def keepsake(path: Path) -> Iterator[Keepsake]:
    """Open the place for a secret; one that is not written leaves no trace. Raises ConfigurationError."""
    if path.is_dir():
        raise ConfigurationError(f"{path}: is a folder", advice="Name a file.")
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600 from the start
        os.close(handle)
    except OSError as error:
        raise _failed(path, error) from error
    scratch = Path(name)
    try:
        yield Keepsake(path, scratch)
    finally:
        with suppress(FileNotFoundError):
            scratch.unlink()


def _failed(path: Path, error: OSError) -> ConfigurationError:
    message = f"{path}: cannot be written ({error.strerror})"
    return ConfigurationError(message, advice="Name a file in a folder that is there and yours.")
