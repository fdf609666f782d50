"""A long line on loopback: passes connections on with a delay each way, a window, and losses if wanted.

python -m tests.bench.relay PORT DELAY WINDOW LOSS — prints the port it listens on, and passes on to PORT.

It behaves as TCP does on such a line, as far as downloads feel it: connecting costs a round trip; what is on its way
unacknowledged is bounded by a window, which begins with ten segments and grows by what was acknowledged (slow start); a
loss stops a direction for a retransmission's time and halves its window. A process of its own, so that its CPU is
nobody's. No kernel's netem is needed.
"""

import asyncio
import contextlib
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_FIRST_WINDOW = 14_600  # bytes: ten segments
_PIECE = 64 * 1024
_RETRANSMISSION = 0.2  # seconds, besides a round trip


@dataclass(frozen=True, slots=True)
class Line:
    """What the line is like."""

    delay: float  # seconds, each way
    window: int = 2_000_000  # bytes on their way, at most, of each direction of each connection
    loss: float = 0.0  # of the pieces of 64 KB, how many are lost at first


class Direction:
    """One direction of one connection."""

    def __init__(self, line: Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, opened: float) -> None:
        self._line, self._reader, self._writer = line, reader, writer
        self._loop = asyncio.get_running_loop()
        self._not_before = opened  # when the next piece may leave
        self._window = min(_FIRST_WINDOW, line.window)
        self._unacknowledged = 0
        self._acknowledged = asyncio.Event()
        self._on_its_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        self._rng = random.Random(1)

    async def run(self) -> None:
        """Pass everything on, up to the end of it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._take())
            group.create_task(self._give())

    async def _take(self) -> None:
        data = b"-"
        while data:
            while self._unacknowledged >= self._window:
                self._acknowledged.clear()
                await self._acknowledged.wait()
            data = await self._reader.read(min(_PIECE, self._window - self._unacknowledged))
            self._unacknowledged += len(data)
            leaves = self._not_before = max(self._not_before, self._loop.time())
            if self._rng.random() < self._line.loss:
                leaves = self._not_before = leaves + _RETRANSMISSION + 2 * self._line.delay
                self._window = max(_FIRST_WINDOW, self._window // 2)
            self._on_its_way.put_nowait((leaves + self._line.delay, data))

    async def _give(self) -> None:
        while True:
            due, data = await self._on_its_way.get()
            await asyncio.sleep(due - self._loop.time())
            if not data:
                self._writer.write_eof()
                return
            self._writer.write(data)
            await self._writer.drain()
            self._loop.call_later(self._line.delay, self._acknowledge, len(data))

    def _acknowledge(self, count: int) -> None:
        self._unacknowledged -= count
        self._window = min(self._line.window, self._window + count)
        self._acknowledged.set()


async def serve(line: Line, port: int) -> asyncio.Server:
    """Listen on a port of loopback, and pass on to another."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened = asyncio.get_running_loop().time() + 2 * line.delay
        there, back = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ExceptionGroup):  # one side went away: so does the other
            async with asyncio.TaskGroup() as group:
                group.create_task(Direction(line, reader, back, opened).run())
                group.create_task(Direction(line, there, writer, opened).run())
        for side in (writer, back):
            side.transport.abort()

    return await asyncio.start_server(pass_on, "127.0.0.1", 0, limit=2 * _PIECE)


@contextmanager
def relay(port: int, line: Line) -> Iterator[int]:
    """Run one before a port of loopback, in a process of its own; give its port."""
    told = [str(port), str(line.delay), str(line.window), str(line.loss)]
    command = [sys.executable, "-m", "tests.bench.relay", *told]
    with subprocess.Popen(  # noqa: S603  ourselves
        command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


async def _run(port: int, line: Line) -> None:
    server = await serve(line, port)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    """Relay until told to stop."""
    port, delay, window, loss = sys.argv[1:]
    asyncio.run(_run(int(port), Line(float(delay), int(window), float(loss))))


if __name__ == "__main__":
    main()
