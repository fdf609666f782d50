"""What is in a backup zip: which members, in which order, how large.

Data zips: metadata, small modules, an index of the attachments, record images, and large modules that are split at
100,000 rows. Attachments zips: files named by record id and original name, among them names beyond ASCII.
The same description gives the same bytes each time (on the same zlib).
"""

import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Literal

from backupd.simulator.zips import rows
from backupd.simulator.zips.stream import Block, ZipStream, deflate

Compression = Literal["deflated", "stored", "mixed"]

ROWS_PER_PART = 100_000  # the vendor splits a module's CSV there
_PAGE = 1_000  # rows that are compressed together
_FRESH_PAGES = 128  # pages made anew; a larger zip repeats them, records included
_ROW = 45  # bytes of a compressed row, roughly
_LARGEST = 4_000_000  # bytes of an attachment
_NAMES = (
    "Angebot Müller.pdf", "見積書.pdf", "Résumé (final).docx", "photo.JPG", "Złącze #3.png", "meeting notes.txt",
    "Договор.pdf", "a,b;c.csv", "README", "größe.xlsx",
)  # fmt: skip
_MODULES = (
    ("Leads", "Leads"), ("Contacts", "Contacts"), ("Accounts", "Accounts"), ("Deals", "Deals"),
    ("Sales Orders", "Sales_Orders"), ("Projects", "Projects_C"),
)  # fmt: skip


def zip_stream(
    kind: Literal["data", "attachments"], size: int, seed: str, *, compression: Compression, zip64: bool = False
) -> Iterator[bytes]:
    """Give the bytes of a zip of roughly `size` bytes; a few KB at least."""
    stream = ZipStream(zip64=zip64)
    match kind:
        case "data":
            yield from _data(stream, size, seed, stored=compression == "stored")
        case "attachments":
            yield from _attachments(stream, size, seed, compression)
    yield from stream.end()


def _data(stream: ZipStream, size: int, seed: str, *, stored: bool) -> Iterator[bytes]:
    for name, content in _small_tables(seed, size):
        yield from _member(stream, name, content, stored=stored)
    for number in range(3):
        digest = zlib.crc32(f"{seed}/{number}".encode())
        yield from stream.stored(f"RecordImages/{digest:08x}.png".encode(), _png(seed, side=8 + 8 * number))
    pages = _Pages(seed)
    for module, share in (("Leads", 0.5), ("Contacts", 1.0)):
        yield from _module(stream, module, int(size * share), pages, stored=stored)


def _small_tables(seed: str, size: int) -> Iterator[tuple[str, bytes]]:
    count = min(200, 5 + size // 20_000)
    modules = [("Module", "API Name"), *_MODULES]
    fields = [(label, label.replace(" ", "_"), module) for module in ("Leads", "Contacts") for label in rows.PEOPLE]
    yield "Metadata/Modules_001.csv", rows.table(modules)
    yield "Metadata/Fields_001.csv", b"\xef\xbb\xbf" + rows.table([("Field Label", "API Name", "Module"), *fields])
    picks = [("Field", "Value", "Module"), ("Stage", "Closed Won", "Deals"), ("Stage", "Closed Lost", "Deals")]
    yield "Metadata/PickListFieldProperties_001.csv", rows.table(picks)
    for offset, module in enumerate(("Accounts", "Deals", "Sales Orders", "Projects_C")):
        start = 900_000_000 + offset * 1_000
        yield f"Data/{module}_001.csv", rows.table([rows.DEALS, *rows.deals(seed, start, count)])
    index = [("Record Id", "File Name", "Parent Id"), *((rows.record_id(n), name, "") for n, name in enumerate(_NAMES))]
    yield "Data/Attachments_001.csv", rows.table(index)


def _module(stream: ZipStream, module: str, until: int, pages: "_Pages", *, stored: bool) -> Iterator[bytes]:
    """Add parts of a module until the zip has so many bytes; one row at least."""
    part = 1
    while part == 1 or stream.written < until:
        name = f"Data/{module}_{part:03d}.csv"
        if stored:
            raw = rows.table([rows.PEOPLE]) + pages.raw(min(_PAGE, max(1, (until - stream.written) // 250)))
            yield from stream.stored(name.encode(), raw)
        else:
            yield from stream.deflated(name.encode(), _part(stream, until, pages))
        part += 1


def _part(stream: ZipStream, until: int, pages: "_Pages") -> Iterator[Block]:
    yield deflate(rows.table([rows.PEOPLE]))
    yield from islice(pages.take(until - stream.written), ROWS_PER_PART // _PAGE)


class _Pages:
    """Compressed pages of persons: new ones first, then these again and again."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._blocks: list[Block] = []
        self._given = 0
        self._row = 0

    def take(self, size: int) -> Iterator[Block]:
        """Give pages of about `size` bytes in all: whole ones, then a smaller one that fills the rest."""
        while size >= _PAGE * _ROW:
            block = self._next()
            yield block
            size -= len(block.deflated)
        yield deflate(self.raw(max(1, size // _ROW)))

    def _next(self) -> Block:
        self._given += 1
        if len(self._blocks) < _FRESH_PAGES:
            self._blocks.append(deflate(self.raw(_PAGE)))
            return self._blocks[-1]
        return self._blocks[self._given % _FRESH_PAGES]

    def raw(self, count: int) -> bytes:
        self._row += count
        return rows.table(rows.people(self._seed, self._row - count, count))


def _attachments(stream: ZipStream, size: int, seed: str, compression: Compression) -> Iterator[bytes]:
    yield from _member(stream, "Attachments/487687600000099_terms.txt", b"The same in every zip.\r\n", stored=False)
    random, pages = Random(seed), _Pages(seed)  # noqa: S311  # reproducible test data, not a secret
    largest, number = min(_LARGEST, max(1_000, size // 6)), 0
    while stream.written < size:
        name = f"Attachments/{4876876000000 + number}_{_NAMES[number % len(_NAMES)]}"
        wanted = min(random.randrange(largest // 10, largest), max(200, size - stream.written))
        if compression == "deflated" or (compression == "mixed" and number % 4 == 0):
            yield from stream.deflated(name.encode(), pages.take(wanted))
        else:
            yield from stream.stored(name.encode(), b"%PDF-1.4\n" + random.randbytes(wanted))
        number += 1


def _member(stream: ZipStream, name: str, content: bytes, *, stored: bool) -> Iterator[bytes]:
    return stream.stored(name.encode(), content) if stored else stream.deflated(name.encode(), [deflate(content)])


def _png(seed: str, side: int) -> bytes:
    pixels = Random(f"{seed}/{side}").randbytes(side * side)  # noqa: S311  # reproducible test data, not a secret
    lines = b"".join(b"\0" + pixels[row * side : (row + 1) * side] for row in range(side))
    head = struct.pack(">2L5B", side, side, 8, 0, 0, 0, 0)  # 8 bits of grey
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    parts = (
        struct.pack(">L", len(data)) + tag + data + struct.pack(">L", zlib.crc32(tag + data)) for tag, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
