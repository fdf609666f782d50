"""What the demo tells: headings, plain lines, and those events of a cycle that a newcomer wants to see."""

import sys
from dataclasses import dataclass, field
from time import monotonic

from backupd.core import events
from backupd.core.figures import counted, rate, short, size

_NAME_WIDTH = 20
_PACE = 1.0  # seconds between two lines about progress, where no bars are drawn


def heading(text: str) -> None:
    """Begin a new part."""
    sys.stdout.write("\n")
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.text import Text

        Console(file=sys.stdout).print(Text(text, style="bold"))
    else:
        say(text)


def say(text: str = "") -> None:
    """Write one line, at once: bars and log go another way, and the order shall be right."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@dataclass(slots=True)
class Story:
    """A listener to events."""

    bars: bool  # bars are drawn as well: no lines about progress
    _received: dict[str, int] = field(default_factory=dict)
    _rates: dict[str, float] = field(default_factory=dict)
    _told_at: float = field(default_factory=monotonic)

    def __call__(self, event: events.Event) -> None:
        """Tell it, if it is worth telling."""
        match event:
            case events.JobFound():
                say(f"   found job {event.job_id}: {counted(event.files, 'file')}")
            case events.FileProgress() if not self.bars:
                self._progress(event)
            case events.FileRetrying():
                _file(event.file, f"{event.reason}; trying again in {event.wait:.1f} s")
            case events.FileResumed():
                _file(event.file, f"goes on from {size(event.offset)}, which are not fetched again")
            case events.FileVerified():
                self._rates.pop(event.file, None)
                _file(event.file, f"whole: {size(event.size)}, {counted(event.members, 'member')}, every CRC checked")
            case events.FileFailed():
                _file(event.file, f"FAILED: {event.reason}")
            case events.JobPublished():
                say(f"   published {event.path}")
            case _:
                pass

    def _progress(self, event: events.FileProgress) -> None:
        self._received[event.file] = event.received
        self._rates[event.file] = event.rate
        if monotonic() - self._told_at >= _PACE:
            self._told_at = monotonic()
            say(f"   … {size(sum(self._received.values()))} received, {rate(sum(self._rates.values()))}")


def _file(file: str, text: str) -> None:
    say(f"   {short(file):<{_NAME_WIDTH}} {text}")
