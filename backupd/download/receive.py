"""The body of an answer as blocks, in memory that goes round, which are passed on when they are full.

There are two ways. `DirectBody` lets the socket fill our blocks, without a copy and without losing what came before a
break; it takes the connection over from aiohttp once the head is read, through public attributes of both libraries, and
needs to know how long the body is. `StreamBody` reads aiohttp's own stream: for chunked, short or unusual answers.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

import aiohttp

from backupd.download.blocks import BLOCK, Block, Ring
from backupd.download.setback import STALLED, Setback, reason_of

_SHORT = 512 * 1024  # bytes; a shorter body is worth more as a connection that can be used again

Seen = Callable[[int], None]
"""Told of bytes as they come."""


class Body(Protocol):
    """The body of one answer."""

    @property
    def starved(self) -> float:
        """Seconds spent waiting for the network."""

    async def next(self) -> Block | None:
        """Return the next block, or None at the proper end.

        Raises Setback at a break, but returns what came before it first.
        """

    def rest(self) -> Block | None:
        """Return what came but was not returned yet, the next of several blocks."""

    def close(self) -> None:
        """Let the connection go. What waits in `next` gets a Setback."""


def body_of(
    response: aiohttp.ClientResponse, ring: Ring, seen: Seen, *, start: int, stall: float, careful: bool
) -> Body:
    """Choose the way; `start` is where the body lies in the file, `stall` how many seconds may pass without a byte.

    `careful`: connections of this file broke; a short body, too, must not lose what came before the next break.
    """
    connection = response.connection
    length = response.content_length
    if connection is None or connection.transport is None or length is None or (length < _SHORT and not careful):
        return StreamBody(response, ring, seen)
    if "Transfer-Encoding" in response.headers or response.content.exception() is not None:
        return StreamBody(response, ring, seen)
    if connection.transport.get_protocol() is not connection.protocol:
        return StreamBody(response, ring, seen)  # TLS that ended a moment ago: only aiohttp's protocol will hear of it
    if connection.protocol is not None:  # its own watch for stalls would find the connection silent
        connection.protocol.read_timeout = None
        connection.protocol.start_timeout()
    return DirectBody(response, connection.transport, length, ring, seen, start=start, stall=stall)


class _Hunger:
    """Measures the time spent waiting, up to this moment."""

    def __init__(self) -> None:
        self._time = asyncio.get_running_loop().time
        self._before = 0.0
        self._since: float | None = None

    def begin(self) -> None:
        """Waiting begins."""
        self._since = self._time()

    def end(self) -> None:
        """Waiting ends."""
        self._before, self._since = self.seconds, None

    @property
    def seconds(self) -> float:
        """How long was waited."""
        return self._before + (self._time() - self._since if self._since is not None else 0.0)


class StreamBody:
    """Reads aiohttp's stream. A stall is noticed there."""

    def __init__(self, response: aiohttp.ClientResponse, ring: Ring, seen: Seen) -> None:
        self._response = response
        self._ring = ring
        self._seen = seen
        self._block: Block | None = None
        self._left = memoryview(b"")
        self._ended: Setback | bool = False
        self._hunger = _Hunger()

    @property
    def starved(self) -> float:
        """See Body."""
        return self._hunger.seconds

    async def next(self) -> Block | None:
        """See Body."""
        while not self._ended or self._left:
            block = self._block = self._block or await self._ring.take()
            if not self._left:
                await self._receive()
            count = min(len(self._left), BLOCK - block.size)
            block.view[block.size : block.size + count] = self._left[:count]
            block.size += count
            self._left = self._left[count:]
            if block.size == BLOCK:
                return self.rest()
        if (last := self.rest()) is not None:
            return last
        if isinstance(self._ended, Setback):
            raise self._ended
        return None

    def rest(self) -> Block | None:
        """See Body."""
        block, self._block = self._block, None
        if block is not None and block.size == 0:
            block.give_back()
            return None
        return block

    def close(self) -> None:
        """See Body."""
        self._response.close()

    async def _receive(self) -> None:
        self._hunger.begin()
        try:
            data = await self._response.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            self._ended = Setback(reason_of(error))
            self._ended.__cause__ = error
            return
        self._hunger.end()
        self._left = memoryview(data)
        self._ended = not data
        self._seen(len(data))


class DirectBody(asyncio.BufferedProtocol):
    """Takes the place of aiohttp's protocol on the connection and receives into blocks.

    Its blocks end where the file's own blocks of that size do: what is written in one piece then lies in the disk's
    cache in one piece too, which takes the kernel a fifth less.
    """

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        transport: asyncio.Transport,
        length: int,
        ring: Ring,
        seen: Seen,
        *,
        start: int,
        stall: float,
    ) -> None:
        self._response, self._transport, self._ring, self._seen = response, transport, ring, seen
        self._loop = asyncio.get_running_loop()
        self._aiohttp = transport.get_protocol()
        self._early = self._arrived_already()
        self._left = length - len(self._early)  # bytes that the socket still has to bring
        self._at = start  # where the next byte for a block lies in the file
        self._ready: deque[Block] = deque()
        self._block: Block | None = None  # being filled; None: reading is paused
        self._ended: Setback | None = None
        self._hunger = _Hunger()
        self._news: asyncio.Future[None] | None = None
        self._lost = False
        self._closed = False
        self._stall = stall
        self._heard = self._loop.time()
        self._watch = self._loop.call_later(stall, self._look_for_stall)
        transport.pause_reading()
        transport.set_protocol(self)

    # --- for whoever takes the blocks -----------------------------------------------------------------------------

    @property
    def starved(self) -> float:
        """See Body."""
        return self._hunger.seconds

    async def next(self) -> Block | None:
        """See Body."""
        while not self._ready:
            if self._early:
                await self._take_early()
            elif self._left == 0 or self._ended is not None:
                return self._last()
            elif self._block is None:
                self._fill(await self._ring.take())
            else:
                self._news = self._loop.create_future()
                self._hunger.begin()
                await self._news
                self._hunger.end()
        return self._ready.popleft()

    def rest(self) -> Block | None:
        """See Body."""
        if self._ready:
            return self._ready.popleft()
        block, self._block = self._block, None
        if block is not None and block.size == 0:
            block.give_back()
            return None
        return block

    def close(self) -> None:
        """See Body. The old protocol is put back: it waits for the connection's next answer, or for its end."""
        if self._closed:  # whoever replaces a crawling connection, or stops all of them, comes before its own user
            return
        self._closed = True
        self._watch.cancel()
        whole = not self._left and self._ended is None
        self._end(Setback("the connection was closed"))
        if not self._lost:
            self._transport.set_protocol(self._aiohttp)
            if whole:
                self._response.content.feed_eof()  # as aiohttp's parser would: the connection may be used again
            else:
                self._transport.abort()  # else a long body would go on coming until the server sees the end
        self._response.close()

    # --- for the connection ---------------------------------------------------------------------------------------

    def get_buffer(self, sizehint: int) -> memoryview:
        """Say where to put what comes."""
        del sizehint
        block = self._block
        if block is None:  # reading is paused, but closing TLS reads once more
            return memoryview(bytearray(1))
        return block.view[block.size : block.size + min(self._left, self._room)]

    def buffer_updated(self, nbytes: int) -> None:
        """Take note of what came."""
        block = self._block
        if block is None:
            return
        block.size += nbytes
        self._at += nbytes
        self._left -= nbytes
        self._heard = self._loop.time()
        if self._at % BLOCK == 0 or not self._left:
            self._ready.append(block)
            self._block = self._ring.take_now() if self._left else None
            if self._block is None:
                self._transport.pause_reading()
            self._wake()
        self._seen(nbytes)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone; aiohttp's protocol waits to hear it too."""
        self._lost = True
        self._end(Setback(reason_of(exc) if exc is not None else "the connection broke"))
        self._aiohttp.connection_lost(exc)

    # --- inside ---------------------------------------------------------------------------------------------------

    @property
    def _room(self) -> int:
        """Bytes that the block may still take."""
        return BLOCK - self._at % BLOCK

    def _arrived_already(self) -> memoryview:
        """Take what aiohttp has received behind the head. Once its stream is empty, its parser holds nothing either."""
        parts = []
        while part := self._response.content.read_nowait():
            parts.append(part)
        return memoryview(b"".join(parts))

    async def _take_early(self) -> None:
        block = self._block = self._block or await self._ring.take()
        count = min(len(self._early), self._room)
        block.view[block.size : block.size + count] = self._early[:count]
        block.size += count
        self._at += count
        self._early = self._early[count:]
        self._seen(count)
        self._ready.append(block)  # full or not: on a long line, more comes only after some round trips
        self._block = None

    def _fill(self, block: Block) -> None:
        self._block = block
        self._heard = self._loop.time()
        if self._ended is None:
            self._transport.resume_reading()

    def _last(self) -> Block | None:
        if (block := self.rest()) is not None:
            return block
        if self._left and self._ended is not None:
            raise self._ended
        return None

    def _look_for_stall(self) -> None:
        waited = self._loop.time() - self._heard if self._block is not None else 0.0
        if waited >= self._stall:
            self._end(Setback(STALLED))
        else:
            self._watch = self._loop.call_later(self._stall - waited, self._look_for_stall)

    def _end(self, setback: Setback) -> None:
        if self._ended is None:
            self._ended = setback
            self._watch.cancel()
            self._wake()

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
