"""The bytes of a zip, at any offset: generated once into an unnamed temporary file, or given, and altered on the way.

Memory stays constant: nothing here holds a whole zip, but what a test gave as bytes.
"""

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from backupd.simulator.effects import Effect, Flip, Instead, Lengthen, Shorten
from backupd.simulator.scenario import FileSpec
from backupd.simulator.zips import zip_stream

EMPTY_ZIP = b"PK\x05\x06" + bytes(18)
_HTML = b"<!DOCTYPE html>\n<html><head><title>Zoho</title></head><body>The link is no longer valid.</body></html>\n"
_JSON = b'{"code":"INTERNAL_ERROR","message":"Internal Server Error","status":"error","details":{}}'
_PADDING = b"What follows the end. "


class Content(Protocol):
    """Bytes that can be read anywhere."""

    @property
    def size(self) -> int:
        """Give how many there are."""

    def read(self, offset: int, count: int) -> bytes:
        """Give `count` bytes from `offset`, fewer at the end."""


@dataclass(frozen=True, slots=True)
class Given:
    """Bytes in memory."""

    data: bytes
    media_type: str = "application/zip"

    @property
    def size(self) -> int:
        """Give how many there are."""
        return len(self.data)

    def read(self, offset: int, count: int) -> bytes:
        """Give `count` bytes from `offset`, fewer at the end."""
        return self.data[offset : offset + count]


@dataclass(frozen=True, slots=True)
class Spooled:
    """Bytes of an open file."""

    file: BinaryIO
    size: int

    def read(self, offset: int, count: int) -> bytes:
        """Give `count` bytes from `offset`, fewer at the end."""
        return os.pread(self.file.fileno(), count, offset)


@dataclass(frozen=True, slots=True)
class Altered:
    """Other bytes with another size, or with some of their bits turned over."""

    source: Content
    size: int
    flips: Mapping[int, int] = field(default_factory=dict)  # offset: mask

    def read(self, offset: int, count: int) -> bytes:
        """Give `count` bytes from `offset`, fewer at the end."""
        count = max(0, min(count, self.size - offset))
        data = bytearray(self.source.read(offset, count))
        while len(data) < count:
            data += _PADDING[: count - len(data)]
        for at, mask in self.flips.items():
            if offset <= at < offset + count:
                data[at - offset] ^= mask
        return bytes(data)


def altered(content: Content, effect: Effect | None) -> Content:
    """Give the content as a fault leaves it."""
    match effect:
        case Flip(offset, bit):
            return Altered(content, content.size, {offset % max(content.size, 1): 1 << bit})
        case Shorten(by):
            return Altered(content, max(0, content.size - by))
        case Lengthen(by):
            return Altered(content, content.size + by)
        case Instead("html"):
            return Given(_HTML, "text/html")
        case Instead("json"):
            return Given(_JSON, "application/json")
        case Instead("empty-zip"):
            return Given(EMPTY_ZIP)
        case Instead("nothing"):
            return Given(b"")
        case _:
            return content


def version(job_id: str, spec: FileSpec) -> str:
    """Give a word that is the same for the same content only; an ETag is made of it."""
    digest = hashlib.sha256(spec.content or b"")
    stat = spec.path.stat() if spec.path else None
    digest.update(repr((job_id, spec.kind, spec.name, spec.size, spec.seed, spec.compression, spec.zip64)).encode())
    digest.update(repr((spec.path, stat.st_size, stat.st_mtime_ns) if stat else None).encode())
    return digest.hexdigest()[:32]


class Shelf:
    """The contents of all files asked for so far; a zip is generated when it is first asked for, whoever goes away."""

    def __init__(self) -> None:
        """Begin empty."""
        self._files: dict[str, Spooled] = {}
        self._making: dict[str, asyncio.Task[Spooled]] = {}

    async def open(self, job_id: str, spec: FileSpec) -> Content:
        """Give the content of a file."""
        if spec.content is not None:
            return Given(spec.content)
        key = version(job_id, spec)
        making = self._making.get(key)
        if making is None or (making.done() and key not in self._files):  # not begun, or it failed
            making = asyncio.create_task(asyncio.to_thread(self._spool, key, job_id, spec), name=f"make {spec.name}")
            self._making[key] = making
        return await asyncio.shield(making)

    def close(self) -> None:
        """Let go of every file; generated ones are gone from the disk."""
        files, self._files = self._files, {}
        self._making.clear()
        for spooled in list(files.values()):
            spooled.file.close()

    def _spool(self, key: str, job_id: str, spec: FileSpec) -> Spooled:
        files = self._files
        spooled = files[key] = _spool(job_id, spec)
        if files is not self._files:  # closed meanwhile
            spooled.file.close()
        return spooled


def _spool(job_id: str, spec: FileSpec) -> Spooled:
    if spec.path:
        given = spec.path.open("rb")
        return Spooled(given, os.fstat(given.fileno()).st_size)
    file = tempfile.TemporaryFile(prefix="backupd-simulator-")  # noqa: SIM115  # closed by the shelf
    try:
        seed = f"{job_id}/{spec.kind}/{spec.name}/{spec.seed}"
        for piece in zip_stream(spec.kind, spec.size, seed, compression=spec.compression, zip64=spec.zip64):
            file.write(piece)
        file.flush()
    except BaseException:
        file.close()
        raise
    return Spooled(file, file.tell())
