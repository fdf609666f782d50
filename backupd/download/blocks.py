"""Blocks of memory that go round: a connection fills them, the file writes and reads them, and gives them back.

A connection has one ring of a few blocks and waits when all are out. So memory is bounded by the number of connections,
a slow disk or a slow check slows the connection down, and at most one ring is lost when the process is killed.
"""

import asyncio
import contextlib
from collections import deque

BLOCK = 256 * 1024  # bytes; as much as one read from a socket brings
_BLOCKS = 3  # of a ring: one fills, one is written and hashed, one is checked; with a record a block, under 1 MB
_ENOUGH = 2  # of them are back: only then does a connection go on that had none; a wake-up costs more than a block
RING = _BLOCKS * BLOCK  # bytes; what a connection may have on its way


class Block:
    """A piece of memory, `size` bytes of which count. `holders` says how many have not done with it."""

    __slots__ = ("holders", "ring", "size", "view")

    def __init__(self) -> None:
        self.view = memoryview(bytearray(BLOCK))
        self.size = 0
        self.holders = 0
        self.ring: Ring | None = None  # to which it goes back

    @property
    def data(self) -> memoryview:
        """The bytes that count."""
        return self.view[: self.size]

    def give_back(self) -> None:
        """Let the block be filled again. May be called from any thread."""
        self.size = 0
        if self.ring is not None:
            self.ring.give_back(self)


class Depot:
    """Blocks that no ring has now: connections come and go, their memory stays."""

    def __init__(self) -> None:
        self._blocks: deque[Block] = deque()

    def take(self) -> Block:
        """Return a block, a new one if there is none."""
        try:
            return self._blocks.popleft()
        except IndexError:
            return Block()

    def put(self, block: Block) -> None:
        """Keep a block for the next ring. May be called from any thread."""
        block.ring = None
        self._blocks.append(block)


class Ring:
    """The blocks of one connection."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot
        self._loop = asyncio.get_running_loop()
        self._not_had = _BLOCKS
        self._free: deque[Block] = deque()
        self._given_back = asyncio.Event()
        self._waited_for = False
        self._retired = False

    async def take(self) -> Block:
        """Return an empty block; if all are out, as soon as some are back. The caller has none of them in hand."""
        while (block := self.take_now()) is None:
            self._given_back.clear()
            self._waited_for = True
            if len(self._free) < _ENOUGH:  # else they came back before the flag was up
                await self._given_back.wait()
            self._waited_for = False
        return block

    def take_now(self) -> Block | None:
        """Return an empty block if there is one."""
        if self._free:
            return self._free.popleft()
        if self._not_had:
            self._not_had -= 1
            block = self._depot.take()
            block.ring = self
            return block
        return None

    def give_back(self, block: Block) -> None:
        """Take an empty block back. May be called from any thread."""
        if self._retired:
            self._depot.put(block)
            return
        self._free.append(block)
        if self._waited_for and len(self._free) >= _ENOUGH:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                self._loop.call_soon_threadsafe(self._given_back.set)

    def retire(self) -> None:
        """The connection is done: its blocks go to the depot, those that are still out as they come back."""
        self._retired = True
        while self._free:
            self._depot.put(self._free.popleft())
