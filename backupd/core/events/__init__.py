"""What happens, said once: each event is a frozen, flat value with a name; log, progress, metrics and page listen.

`name` is the log name (`file.resumed`), `level` its weight, and the fields are what a listener may show: no URL, no
token, nothing out of a record. `org` comes first wherever there is one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, Final, Literal

if TYPE_CHECKING:
    from backupd.core.events.alarm import *
    from backupd.core.events.archive import *
    from backupd.core.events.cycle import *
    from backupd.core.events.file import *
    from backupd.core.events.job import *
    from backupd.core.events.service import *
    from backupd.core.events.upkeep import *
    from backupd.core.events.vendor import *

SUBJECTS: Final = ("cycle", "job", "file", "archive", "upkeep", "alarm", "vendor", "service")
Level = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    name: ClassVar[str]
    level: ClassVar[Level] = "info"


Tell = Callable[[Event], None]
"""Say that something happened. Never raises, never blocks."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Load a subject when one of its events is first asked for: a command that only answers tells of nothing."""
        for subject in SUBJECTS:
            found = vars(import_module(f"{__name__}.{subject}")).get(name)
            if found is not None:
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
