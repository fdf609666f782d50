"""The steps alone, each by itself and as lean as it can be: receive, hash, unpack and sum, write. In CPU seconds.

python -m tests.bench.floor [--in-turn | --small] CA FOLDER OUT URL... — FOLDER has the files, too; writes into OUT;
prints JSON. With `--small` aiohttp receives, over connections that are used again, as small files are.
With `--in-turn` a single thread takes all steps with each block as it comes: what they cost together, since a block
that goes through several hands does not stay in the processor's nearest memory.
"""

import asyncio
import hashlib
import json
import os
import ssl
import sys
import time
import zipfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

from isal import igzip_lib, isal_zlib

from backupd.verify import ZipLimits, new_check

_BLOCK = 256 * 1024
_UNPACKED = 1024 * 1024


Take = Callable[[memoryview], None]
"""Takes an answer, head and body, block by block."""


class _Sink(asyncio.BufferedProtocol):
    """Receives into one buffer, again and again."""

    def __init__(self, done: asyncio.Future[None], take: Take) -> None:
        self._memory = memoryview(bytearray(_BLOCK))
        self._size = 0
        self._done, self._take = done, take

    def get_buffer(self, sizehint: int) -> memoryview:
        del sizehint
        return self._memory[self._size :]

    def buffer_updated(self, nbytes: int) -> None:
        self._size += nbytes
        if self._size == _BLOCK:
            self._pass_on()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._pass_on()
        self._done.set_result(None)

    def _pass_on(self) -> None:
        self._take(self._memory[: self._size])
        self._size = 0


def forget(_: str) -> Take:
    """Take, and forget."""
    return lambda _: None


class InTurn:
    """Takes one file: writes it, hashes it and checks it, block by block."""

    def __init__(self, path: Path) -> None:
        self._path, self._at = path, 0
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._digest, self._check = hashlib.sha256(), new_check(ZipLimits())(path.name)

    def __call__(self, block: memoryview) -> None:
        """Take a block; the first one begins with the answer's head."""
        if not self._at:
            block = block[bytes(block).index(b"\r\n\r\n") + 4 :]
        os.pwrite(self._file, block, self._at)
        self._digest.update(block)
        self._check.feed(block)
        self._at += len(block)

    def finish(self) -> None:
        """Sync it, and see that it is whole."""
        os.fsync(self._file)
        os.close(self._file)
        self._check.finish(self._path)


def in_turn(authority: str, urls: list[str], folder: Path) -> None:
    """Receive, and take all steps with each block as it comes."""
    files: list[InTurn] = []

    def taker(url: str) -> Take:
        files.append(InTurn(folder / url.rpartition("/")[2]))
        return files[-1]

    asyncio.run(receive(authority, urls, taker))
    for file in files:
        file.finish()


async def receive(authority: str, urls: list[str], taker: Callable[[str], Take]) -> None:
    """Receive over TLS, several at once."""
    loop = asyncio.get_running_loop()
    context = ssl.create_default_context(cafile=authority)
    places = asyncio.Semaphore(4)

    async def one(url: str) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        async with places:
            done: asyncio.Future[None] = loop.create_future()
            transport, _ = await loop.create_connection(
                lambda: _Sink(done, taker(url)), host, parts.port or 443, ssl=context, server_hostname=host
            )
            transport.write(f"GET {parts.path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            await done

    await asyncio.gather(*(one(url) for url in urls))


async def receive_small(authority: str, urls: list[str]) -> None:
    """Receive small files as lean as aiohttp can, four at once, and forget them."""
    import aiohttp

    context = ssl.create_default_context(cafile=authority)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=4, ssl=context)) as session:

        async def one(url: str) -> None:
            async with session.get(url) as response:
                await response.read()

        await asyncio.gather(*(one(url) for url in urls))


def hash_all(paths: list[Path]) -> None:
    """Hash, from the page cache."""
    memory = memoryview(bytearray(_BLOCK))
    for path in paths:
        digest = hashlib.sha256()
        with path.open("rb", buffering=0) as file:
            while count := file.readinto(memory):
                digest.update(memory[:count])


def unpack_all(paths: list[Path]) -> None:
    """Unpack and sum every member."""
    for path in paths:
        with zipfile.ZipFile(path) as archive, path.open("rb", buffering=0) as file:
            for member in archive.infolist():
                file.seek(member.header_offset + 30 + len(member.filename.encode()))
                packed = memoryview(file.read(member.compress_size))
                crc = 0
                if member.compress_type == zipfile.ZIP_STORED:
                    crc = isal_zlib.crc32(packed, crc)
                else:
                    unpacker = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)
                    for at in range(0, len(packed), _BLOCK):
                        data = packed[at : at + _BLOCK]
                        while output := unpacker.decompress(data, _UNPACKED):
                            crc = isal_zlib.crc32(output, crc)
                            if unpacker.eof:
                                break
                            data = memoryview(b"")
                if crc != member.CRC:
                    raise SystemExit("the floor does not check what it should")


def write_all(paths: list[Path], folder: Path) -> None:
    """Write as many bytes into as many files, which stay as downloads do, and sync them."""
    block = os.urandom(_BLOCK)
    for path in paths:
        file = os.open(folder / path.name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for at in range(0, path.stat().st_size, _BLOCK):
            os.pwrite(file, block, at)
        os.fsync(file)
        os.close(file)


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return round(time.process_time() - began, 3)


def main() -> None:
    """Measure, and print."""
    option = sys.argv[1] if sys.argv[1].startswith("--") else ""
    authority, root, out, *urls = sys.argv[2 if option else 1 :]
    if option == "--small":
        import_module("aiohttp")  # the other floors start without it; now, for its import is no step
    bytes(24 * _UNPACKED)  # never touched: glibc keeps freed blocks of such sizes from now on; it looks up to 32 MB
    paths = [Path(root) / url.rpartition("/")[2] for url in urls]
    if option == "--in-turn":
        sys.stdout.write(json.dumps({"in turn": _cpu(lambda: in_turn(authority, urls, Path(out)))}))
        return
    received = receive_small(authority, urls) if option == "--small" else receive(authority, urls, forget)
    took = {
        "receive": _cpu(lambda: asyncio.run(received)),
        "hash": _cpu(lambda: hash_all(paths)),
        "unpack": _cpu(lambda: unpack_all(paths)),
        "write": _cpu(lambda: write_all(paths, Path(out))),
    }
    sys.stdout.write(json.dumps(took))


if __name__ == "__main__":
    main()
