"""The options that every command takes."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Invocation:
    """How this run of the program was asked for, whatever the command."""

    config: Path | None = None  # None: the settings' own search
    quiet: bool = False  # tell failures only
