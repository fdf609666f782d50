"""The program as a process: started, listened to, signalled, and how it ended."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.system.gate import Gate
from tests.system.seccomp import CALLS

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}
_PATIENCE = 60.0  # seconds for anything to happen; a busy machine is no failure


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended; killed by a signal, its status is the negative number."""

    status: int
    out: str
    lines: tuple[str, ...]  # on standard error
    peak: int = 0  # kilobytes it had in memory at most

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it logged."""
        return [json.loads(line) for line in self.lines if line.startswith("{") and line.endswith("}")]

    def told(self, event: str) -> list[dict[str, Any]]:
        """Return the events of one name."""
        return [told for told in self.events if told["event"] == event]


@dataclass(slots=True)
class Running:
    """A process that runs, or has just ended."""

    pid: int
    _end: asyncio.Task[tuple[int, int]]  # status and peak
    _out: asyncio.Task[bytes]
    _reading: asyncio.Task[None]
    lines: list[str]
    _news: asyncio.Condition

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if not self.has_ended:
            os.kill(self.pid, number)

    @property
    def has_ended(self) -> bool:
        """Whether it is over."""
        return self._end.done()

    async def told(self, text: str, times: int = 1) -> None:
        """Wait until so many lines that hold the text came on standard error, or the process ended without."""

        def reached() -> bool:
            return sum(text in line for line in self.lines) >= times or self._reading.done()

        async with asyncio.timeout(_PATIENCE), self._news:
            await self._news.wait_for(reached)

    async def ended(self, *, within: float = _PATIENCE) -> Ended:
        """Wait for its end; TimeoutError if that takes longer."""
        async with asyncio.timeout(within):
            status, peak = await asyncio.shield(self._end)
        await self._reading
        return Ended(status, (await self._out).decode(), tuple(self.lines), peak)


class Shell:
    """Starts the program anew, as a user's shell does, but without a terminal."""

    def __init__(self) -> None:
        self._started: list[Running] = []

    async def start(self, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> Running:
        """Start the program in a session of its own."""
        ours, theirs = _pipes()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "backupd", *arguments,
            stdin=asyncio.subprocess.DEVNULL, stdout=theirs[0], stderr=theirs[1],
            env={**ENVIRONMENT, **(environment or {})}, cwd="/", start_new_session=True,
        )  # fmt: skip
        _close(theirs)

        async def end() -> tuple[int, int]:
            return await process.wait(), 0

        running = await _listen(process.pid, ours, end())
        self._started.append(running)
        return running

    async def run(self, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> Ended:
        """Run the program to its end."""
        return await (await self.start(*arguments, environment=environment)).ended()

    async def clear(self) -> None:
        """Kill what still runs: the test that started it has failed."""
        for running in self._started:
            running.signal(signal.SIGKILL)
            await running.ended()


@dataclass(slots=True)
class Nursery:
    """Makes processes of the program quickly, one at a time: see `nursery`."""

    _channel: socket.socket
    _watcher: asyncio.Future[None] | None = None
    _child: Running | None = None

    async def start(
        self, *arguments: str | Path, gate: Gate | None = None, environment: Mapping[str, str] | None = None
    ) -> Running:
        """Start the program, behind a gate if one is given."""
        ours, theirs = _pipes()
        doors = socket.socketpair() if gate is not None else None
        request = {
            "arguments": [str(argument) for argument in arguments],
            "environment": {**ENVIRONMENT, **(environment or {})},
            "watched": list(CALLS),
        }
        handed = [*theirs, *([doors[1].fileno()] if doors else [])]
        socket.send_fds(self._channel, [json.dumps(request).encode()], handed)
        _close(theirs)
        pid = (await self._hear())["pid"]
        self._watcher = None
        if gate is not None and doors:
            doors[1].close()
            with doors[0] as door:
                _, (listener, *_), _, _ = await asyncio.to_thread(socket.recv_fds, door, 1, 1)
            self._watcher = asyncio.ensure_future(asyncio.to_thread(gate.watch, listener, pid))

        async def end() -> tuple[int, int]:
            word = await self._hear()
            if self._watcher is not None:
                await self._watcher
            return word["status"], word["peak"]

        self._child = await _listen(pid, ours, end())
        return self._child

    async def clear(self) -> None:
        """Kill the child if it still runs: the test that started it has failed."""
        if self._child is not None:
            self._child.signal(signal.SIGKILL)
            await self._child.ended()

    async def run(
        self, *arguments: str | Path, gate: Gate | None = None, environment: Mapping[str, str] | None = None
    ) -> Ended:
        """Run the program to its end."""
        return await (await self.start(*arguments, gate=gate, environment=environment)).ended()

    async def _hear(self) -> dict[str, int]:
        word = await asyncio.to_thread(self._channel.recv, 4096)
        heard: dict[str, int] = json.loads(word)
        return heard


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    """Open a nursery; its process ends with the block."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.system.nursery", str(theirs.fileno()),
            pass_fds=[theirs.fileno()], env=ENVIRONMENT, cwd=ROOT,
        )  # fmt: skip
        theirs.close()
        made = Nursery(ours)
        try:
            yield made
        finally:
            await made.clear()
            ours.close()
            await process.wait()


def _pipes() -> tuple[Sequence[int], Sequence[int]]:
    """Make two pipes: our ends, and the program's, for standard output and error."""
    pairs = [os.pipe(), os.pipe()]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


async def _listen(pid: int, ours: Sequence[int], end: Awaitable[tuple[int, int]]) -> Running:
    out, errors = [await _reader(descriptor) for descriptor in ours]
    lines: list[str] = []
    news = asyncio.Condition()

    async def read() -> None:
        while line := await errors.readline():
            async with news:
                lines.append(line.decode().rstrip("\n"))
                news.notify_all()

    reading = asyncio.create_task(read())
    running = Running(pid, asyncio.ensure_future(end), asyncio.create_task(out.read()), reading, lines, news)
    reading.add_done_callback(_telling(news))
    return running


def _telling(news: asyncio.Condition) -> Callable[[asyncio.Task[None]], None]:
    """Let those who wait see that nothing more will come."""

    async def tell() -> None:
        async with news:
            news.notify_all()

    tasks: set[asyncio.Task[None]] = set()

    def done(_: asyncio.Task[None]) -> None:
        task = asyncio.create_task(tell())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    return done


async def _reader(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=2**20)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    return reader
