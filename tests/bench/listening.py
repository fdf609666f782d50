"""What listens while backupd downloads: whoever does in the daemon, a stopwatch, asyncio's log of slow callbacks."""

import asyncio
import logging
import os
import pty
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from backupd.core.events import Event, FileProgress, Tell

LONG = 0.05  # seconds for which the event loop must never be blocked
_NOTED = 0.005  # seconds; shorter ones are not looked at


class Stopwatch:
    """Hands events on, and measures what CPU the progress events among them cost the event loop."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self.events = 0
        self.seconds = 0.0

    def __call__(self, event: Event) -> None:
        """Hand an event on."""
        began = time.thread_time()
        self._tell(event)
        if isinstance(event, FileProgress):
            self.events += 1
            self.seconds += time.thread_time() - began


class Blocks(logging.Handler):
    """Reads asyncio's own log of callbacks that took long."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.longest = 0.0  # seconds
        self.long: list[str] = []  # what took longer than it may

    @contextmanager
    def watching(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Watch a loop that runs in debug mode."""
        log = logging.getLogger("asyncio")
        log.addHandler(self)
        loop.slow_callback_duration = _NOTED
        try:
            yield
        finally:
            log.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of `Executing <what> took N seconds`."""
        if not record.msg.startswith("Executing") or not isinstance(record.args, tuple):
            return
        what, seconds = record.args
        assert isinstance(seconds, float)
        self.longest = max(self.longest, seconds)
        if seconds > LONG:
            self.long.append(f"{seconds:.3f} s: {what}"[:500])


def everybody() -> Callable[[Event], None]:
    """Let the log at its most talkative, metrics, bars on a terminal and two open pages hear everything."""
    # Late: who is timed without them does not load them.
    from backupd.cli.progress import Bars
    from backupd.telemetry import Redactor, log_event, set_up_log
    from backupd.telemetry.metrics import Metrics
    from backupd.web.feed import Feed

    set_up_log(Redactor(), form="json", level="debug", stream=open(os.devnull, "w"))  # noqa: PTH123, SIM115  for good
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    feed, bars, metrics = Feed(queue=0), Bars(_terminal()), Metrics("bench")
    for _ in range(2):
        feed.reader(lambda: None).__enter__()
    listeners: tuple[Tell, ...] = (log_event, metrics, feed, bars)

    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return tell


def _terminal() -> TextIO:
    """Open a terminal whose screen nobody sees."""
    screen, stream = pty.openpty()

    def look_away() -> None:
        while os.read(screen, 65536):
            pass

    threading.Thread(target=look_away, daemon=True).start()
    return open(stream, "w")  # noqa: PTH123  for good
