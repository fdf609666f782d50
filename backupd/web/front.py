"""The page's place in the daemon: it hears events from the start, and serves where it is told, or nowhere.

It outlives reloads: an address that stays the same stays open. An address that cannot be had is told, and no more.
"""

from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

from backupd.core import events
from backupd.core.clock import Clock
from backupd.web.feed import Feed
from backupd.web.ports import Facts

if TYPE_CHECKING:
    from backupd.telemetry.metrics import Metrics
    from backupd.web.server import Server


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen, and who may look: anybody on this machine, or whoever has the token."""

    host: str
    port: int
    token: str | None = field(default=None, repr=False)
    hosts: tuple[str, ...] = ()  # names by which browsers may come, besides this machine's own

    def __str__(self) -> str:
        return f"http://[{self.host}]:{self.port}/" if ":" in self.host else f"http://{self.host}:{self.port}/"


class Front:
    """Serves page, /healthz and /metrics. A listener to events; close it at the end."""

    def __init__(self, clock: Clock, tell: events.Tell, version: str) -> None:
        self._clock = clock
        self._tell = tell
        self._version = version
        self.feed = Feed()
        self._metrics: Metrics | None = None
        self._server: Server | None = None

    def __call__(self, event: events.Event) -> None:
        """Take note of what happened."""
        self.feed(event)
        if self._metrics is not None:
            self._metrics(event)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stop()

    async def show(self, place: Place | None, facts: Facts) -> None:
        """Serve there from now on, and show these facts. Never raises because of the address."""
        if self._server is not None and self._server.place == place:
            self._server.show(facts)
            return
        await self._stop()
        if place is not None:
            await self._start(place, facts)

    async def _start(self, place: Place, facts: Facts) -> None:
        from backupd.telemetry.metrics import Metrics
        from backupd.web.server import Server

        self._metrics = self._metrics or Metrics(self._version)
        server = Server(place, facts, feed=self.feed, metrics=self._metrics, clock=self._clock, version=self._version)
        try:
            await server.start()
        except OSError as error:
            await server.stop()
            advice = "Set web.listen to a free address of this machine, or to '' for no page; then reload."
            self._tell(events.PageUnavailable(str(place), error.strerror or str(error), advice))
        else:
            self._server = server
            self._tell(events.PageServed(server.address))

    async def _stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.stop()
