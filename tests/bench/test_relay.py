"""The long line of the benchmark is as long as it says."""

import asyncio

import pytest

from tests.bench.relay import Line, serve

pytestmark = pytest.mark.slow

SIZE = 300_000


async def fetch(line: Line, size: int = SIZE) -> float:
    """Ask a server behind the line for some bytes; return how long it took."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(bytes(size))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    loop = asyncio.get_running_loop()
    async with (
        await asyncio.start_server(answer, "127.0.0.1", 0) as server,
        await serve(line, server.sockets[0].getsockname()[1]) as relay,
    ):
        began = loop.time()
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.sockets[0].getsockname()[1])
        writer.write(b"all\n")
        assert await reader.read() == bytes(size)
        took = loop.time() - began
        writer.close()
        await writer.wait_closed()
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})  # the relay hears of it later
        return took


@pytest.mark.parametrize(
    ("line", "size", "trips"),
    [
        (Line(0.05), 1_000, 2),  # one to connect, one to ask
        (Line(0.05), SIZE, 6),  # and the window doubles: 14.6, 29, 58, 117, then the rest
        (Line(0.05, window=60_000), SIZE, 8),  # which has an end
        (Line(0.05, loss=1.0), SIZE, 30),
    ],
)
async def test_the_line_takes_round_trips(line: Line, size: int, trips: int):
    took = await fetch(line, size)

    assert trips <= took / (2 * line.delay) < 1.5 * trips + 1  # a busy machine adds to it
