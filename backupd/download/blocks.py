"""Blocks of memory that go round: a connection fills them, the file writes and reads them, and gives them back.

A connection has one ring of a few blocks and waits when all are out. So memory is bounded by the number of connections,
a slow disk or a slow check slows the connection down, and at most one ring is lost when the process is killed.
"""

import asyncio
import contextlib
from collections import deque

BLOCK = 256 * 1024  # bytes; as much as one read from a socket brings
_BLOCKS = 3  # of a ring: one fills, one is written and hashed, one is checked; with a record a block, under 1 MB


class Block:
    """A piece of memory, `size` bytes of which count. `holders` says how many have not done with it."""

    __slots__ = ("holders", "ring", "size", "view")

    def __init__(self, ring: "Ring") -> None:
        self.view = memoryview(bytearray(BLOCK))
        self.size = 0
        self.holders = 0
        self.ring = ring

    @property
    def data(self) -> memoryview:
        """The bytes that count."""
        return self.view[: self.size]


class Ring:
    """The blocks of one connection."""

    def __init__(self, blocks: int = _BLOCKS) -> None:
        self._loop = asyncio.get_running_loop()
        self._not_made = blocks
        self._free: deque[Block] = deque()
        self._given_back = asyncio.Event()
        self._waited_for = False

    async def take(self) -> Block:
        """Return an empty block, as soon as there is one."""
        while (block := self.take_now()) is None:
            self._given_back.clear()
            self._waited_for = True
            if not self._free:  # else one came back before the flag was up
                await self._given_back.wait()
            self._waited_for = False
        return block

    def take_now(self) -> Block | None:
        """Return an empty block if there is one."""
        if self._free:
            return self._free.popleft()
        if self._not_made:
            self._not_made -= 1
            return Block(self)
        return None

    def give_back(self, block: Block) -> None:
        """Let a block be filled again. May be called from any thread."""
        block.size = 0
        self._free.append(block)
        if self._waited_for:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                self._loop.call_soon_threadsafe(self._given_back.set)
