"""What a command that needs settings begins with: settings, log, and who hears what happens."""

import sys
from dataclasses import dataclass, field
from typing import TextIO, cast

from backupd.app import Surroundings
from backupd.cli.invocation import Invocation
from backupd.cli.shown import hide_with
from backupd.core.events import Event, Tell
from backupd.settings import Settings, load, load_telling
from backupd.telemetry import Redactor, log_event, set_up_log


class _Stderr:
    """Standard error as it is at each moment: while bars are drawn, lines go above them."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


@dataclass(slots=True)
class Session:
    """One run of the program. Its log is set up by the first settings, and again by each that take force."""

    invocation: Invocation
    redactor: Redactor = field(default_factory=Redactor)
    _in_force: Settings | None = None

    def load(self) -> Settings:
        """Read the settings. Raises ConfigurationError."""
        settings = load(self.invocation.config)
        if self._in_force is None:
            self.take_force(settings)
        return settings

    def take_force(self, settings: Settings) -> None:
        """Log as these settings say, and show none of their secrets."""
        self.redactor = Redactor(settings.secrets())
        hide_with(self.redactor)
        quiet, log = self.invocation.quiet, settings.log
        set_up_log(self.redactor, form=log.format, level=log.level, quiet=quiet, stream=cast("TextIO", _Stderr()))
        self._in_force = settings

    def telling(self) -> Settings:
        """Give the settings in force; where none came into force, what is right of how and whom to tell of that."""
        if self._in_force is None:
            self.take_force(load_telling(self.invocation.config))
        return self._in_force or load_telling(self.invocation.config)

    def around(self, *listeners: Tell, logged: bool = True) -> Surroundings:
        """Give what all parts share; the log, unless it is left out, and these listeners hear what happens."""

        def tell(event: Event) -> None:
            if logged:
                log_event(event)
            for listener in listeners:
                listener(event)

        return Surroundings(tell=tell, learn=self._learn, clean=self._clean)

    def _learn(self, secret: str) -> None:
        self.redactor.learn(secret)  # the one in force, which a reload replaces

    def _clean(self, text: str) -> str:
        return self.redactor.text(text)
