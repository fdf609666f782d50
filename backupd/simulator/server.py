"""The simulator as a server on loopback."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType

from aiohttp import web

from backupd.simulator import api, control, downloads
from backupd.simulator.exchange import VENDOR, date_headers, record
from backupd.simulator.pace import Sleep
from backupd.simulator.scenario import Scenario, load_scenario
from backupd.simulator.vendor import Vendor

HOST = "127.0.0.1"
_GRACE = 0.2  # seconds that open answers have when the server stops


class Simulator:
    """A vendor and the server that speaks for it: `async with Simulator() as vendor: … vendor.url …`.

    It can be stopped and started again, on the same port, with the vendor unchanged.
    """

    def __init__(
        self,
        scenario: Scenario | None = None,
        *,
        port: int = 0,
        clock: Callable[[], datetime] | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Prepare; nothing listens yet. Port 0 takes any free one."""
        self.vendor = Vendor(scenario, clock=clock, sleep=sleep)
        self._port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen; OSError if the port is taken."""
        runner = web.AppRunner(
            self._app(), access_log=None, handler_cancellation=True, shutdown_timeout=_GRACE, auto_decompress=False
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, self._port, reuse_address=True).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._port = runner.addresses[0][1]
        self.vendor.url = f"http://{HOST}:{self._port}"

    async def stop(self) -> None:
        """Stop listening and end open answers."""
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Vendor:
        """Start, and give the vendor."""
        await self.start()
        return self.vendor

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and leave nothing on the disk."""
        await self.stop()
        self.vendor.shelf.close()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[record, api.unknown], client_max_size=2**30)
        app[VENDOR] = self.vendor
        app.on_response_prepare.append(date_headers)
        for part in (api, downloads, control):
            app.add_routes(part.routes())
        return app


async def serve(
    *, port: int = 8322, scenario: Path | None = None, ready: Callable[[Vendor], None] | None = None
) -> None:
    """Run a simulator until cancelled; `ready` is told once it listens. ScenarioError and OSError are the caller's."""
    async with Simulator(load_scenario(scenario) if scenario else None, port=port) as vendor:
        if ready:
            ready(vendor)
        await asyncio.Event().wait()
