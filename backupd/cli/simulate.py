"""`backupd simulate`: the vendor on loopback, in the foreground, for trials and for other people's tests."""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from backupd.cli import trial
from backupd.cli.invocation import Invocation
from backupd.core.errors import ConfigurationError, UsageError
from backupd.core.figures import size
from backupd.simulator import Recorded, Scenario, ScenarioError, Simulator, Vendor, load_scenario

_PORT = 8322
_LOOK = 0.2  # seconds between looks at what was asked

_PORT_OPTION = Parameter(metavar="N", help=f"Listen on this port of 127.0.0.1 (default: {_PORT}; 0 takes any).")
_SCENARIO_OPTION = Parameter(metavar="FILE", help="What the vendor holds and how it behaves (default: one backup).")


async def simulate(
    *,
    port: Annotated[int, _PORT_OPTION] = _PORT,
    scenario: Annotated[Path | None, _SCENARIO_OPTION] = None,
    invocation: Annotated[Invocation, Parameter(parse=False)],
) -> int:
    """Serve until SIGTERM or Ctrl-C; requests are told on stderr."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with AsyncExitStack() as stack:
        try:
            vendor = await stack.enter_async_context(Simulator(_read(scenario), port=port))
        except (OSError, OverflowError) as error:
            message = f"simulate: port {port} of 127.0.0.1 cannot be had"
            raise UsageError(message, advice="Choose another with --port; 0 takes any that is free.") from error
        sys.stdout.write(_welcome(vendor))
        sys.stdout.flush()
        await _tell_requests(vendor, stop, quiet=invocation.quiet)
    return 0


def _read(scenario: Path | None) -> Scenario | None:
    try:
        return load_scenario(scenario) if scenario else None
    except ScenarioError as error:
        raise ConfigurationError(f"simulate: {error}") from error


def _welcome(vendor: Vendor) -> str:
    return f"""\
The simulated vendor listens on {vendor.url}; Ctrl-C ends it.

To try it, save these lines as trial.toml:

{trial.configuration(vendor, Path.cwd() / "backupd-trial")}
and, in another terminal:

  mkdir backupd-trial
  backupd --config trial.toml --run-once
  backupd --config trial.toml list

"""


async def _tell_requests(vendor: Vendor, stop: asyncio.Event, *, quiet: bool) -> None:
    told = 0
    while not stop.is_set():
        while not quiet and told < len(vendor.requests) and vendor.requests[told].done:
            sys.stderr.write(_line(vendor.requests[told]))
            told += 1
        try:
            await asyncio.wait_for(stop.wait(), _LOOK)
        except TimeoutError:
            continue


def _line(request: Recorded) -> str:
    what = f"{request.at:%H:%M:%S} {request.method} {request.path} {request.status}"
    part = f" {request.range}" if request.range else ""
    return f"{what}{part}{f' {size(request.sent)}' if request.sent else ''}\n"
