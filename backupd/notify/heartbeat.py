"""Heartbeats in the protocol of healthchecks.io: `/start`, success only after real success, `/fail`, each with a log.

Whoever listens there notices what no program can tell of itself: that it does not run. A cycle that another backupd
kept from working is neither success nor failure, and only logged.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields
from urllib.parse import urlsplit

import aiohttp

from backupd.core import events
from backupd.core.clock import Clock
from backupd.core.errors import ArchiveBusy
from backupd.core.events import Event
from backupd.core.figures import counted, size
from backupd.notify.failures import Failures

_TIMEOUT = aiohttp.ClientTimeout(total=10, connect=5)
_PAUSES = (2.0, 10.0)  # seconds before trying again
_TAKEN = range(200, 300)
_MOST_LINES = 50  # of a cycle's log
_MOST_WAITING = 10  # beats; what is older has been overtaken
_UNSAID = frozenset({"org", "fault"})
_LOUD = frozenset({"warning", "error"})


@dataclass(frozen=True, slots=True)
class Beat:
    """One request: what is added to the address, and the log that goes along."""

    path: str
    log: str


class Heartbeat:
    """The heartbeat of one org."""

    def __init__(
        self,
        org: str,
        url: str,
        session: aiohttp.ClientSession,
        clock: Clock,
        failures: Failures,
        clean: Callable[[str], str],
    ) -> None:
        """`clean` takes secrets out of a text."""
        self._org = org
        self._url = url
        self._session = session
        self._clock = clock
        self._failures = failures
        self._clean = clean
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)
        self._waiting: deque[Beat] = deque(maxlen=_MOST_WAITING)
        self._something = asyncio.Event()

    def __call__(self, event: Event) -> None:
        """Take note of what happens to the org, or to all of them."""
        if isinstance(event, events.ServiceFailed):
            self._beat("/fail", f"exit status {event.exit_status} ({event.kind}): {event.reason}")
        if getattr(event, "org", None) != self._org:
            return
        match event:
            case events.CycleStarted():
                self._lines.clear()
                self._beat("/start", "")
            case events.CycleFinished():
                self._beat("" if event.exit_status == 0 else "/fail", self._log(_finished(event)))
            case events.CycleFailed():
                path = "/log" if event.kind == ArchiveBusy.kind else "/fail"
                self._beat(path, self._log(f"exit status {event.exit_status} ({event.kind}): {event.reason}"))
            case _ if event.level in _LOUD or isinstance(event, events.JobPublished | events.JobRevised):
                self._lines.append(_line(event))
            case _:
                pass

    async def run(self) -> None:
        """Send beat after beat, in order, until cancelled."""
        while True:
            await self._something.wait()
            await self._send_all(_PAUSES)

    async def finish(self) -> None:
        """Send what is left, without trying again; to be called after `run` was cancelled."""
        await self._send_all(())

    def _beat(self, path: str, log: str) -> None:
        self._waiting.append(Beat(path, self._clean(log)))
        self._something.set()

    def _log(self, first: str) -> str:
        return "\n".join((first, *self._lines))

    async def _send_all(self, pauses: tuple[float, ...]) -> None:
        while self._waiting:
            beat = self._waiting[0]
            reason = await self._send(beat)
            for pause in pauses:
                if reason is None:
                    break
                await self._clock.sleep(pause)
                reason = await self._send(beat)
            if reason is not None:
                self._failures.note("heartbeat", self._org, reason)
            if self._waiting and self._waiting[0] is beat:
                self._waiting.popleft()
        self._something.clear()

    async def _send(self, beat: Beat) -> str | None:
        """Send one beat; return why it did not arrive, without a word of the address, which is a secret."""
        try:
            async with self._session.post(
                _with_path(self._url, beat.path), data=beat.log, allow_redirects=False, timeout=_TIMEOUT
            ) as response:
                await response.read()
                return None if response.status in _TAKEN else f"the answer was {response.status}"
        except TimeoutError:
            return f"no answer within {_TIMEOUT.total:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return f"no answer ({type(error).__name__})"


def _with_path(url: str, path: str) -> str:
    parts = urlsplit(url)
    return parts._replace(path=parts.path.rstrip("/") + path).geturl()


def _finished(event: events.CycleFinished) -> str:
    work = f"{counted(event.files, 'file')} of {counted(event.jobs, 'job')}, {size(event.size)}"
    return (
        f"exit status {event.exit_status} ({event.result}): {work}, in {event.seconds:.0f} s\n"
        f"journal head {event.journal_head}"
    )


def _line(event: Event) -> str:
    told = (f"{field.name}={getattr(event, field.name)}" for field in fields(event) if field.name not in _UNSAID)
    return " ".join((event.name, *told))
