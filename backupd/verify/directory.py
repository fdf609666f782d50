"""Reading the central directory and the end records, from the directory's first byte to the end of the file."""

from collections.abc import Callable

from backupd.core.zipformat import (
    CENTRAL,
    CENTRAL_SIZE,
    END,
    END64,
    END64_SIZE,
    END_SIZE,
    LOCATOR64,
    LOCATOR64_SIZE,
    End,
    Entry,
    ZipFault,
    judge_end,
    lengths_after_central,
    parse_central,
    parse_end,
    parse_end64,
    parse_locator64,
)
from backupd.verify.inlet import Inlet, Steps
from backupd.verify.member import Place


def read_directory(inlet: Inlet, signature: bytes, place: Place, see: Callable[[Entry], None]) -> Steps[None]:
    """Read the central directory, whose first signature was read already, and all that follows up to the comment's end.

    Each entry is handed to `see`. Raises ZipFault.
    """
    start = inlet.offset - 4
    entries = 0
    while signature == CENTRAL:
        entries += 1
        place.enter(entries)
        see((yield from _read_entry(inlet, place)))
        signature = yield from inlet.take(4)
    place.leave()
    found = End(0, 0, entries, entries, inlet.offset - 4 - start, start)
    end64 = None
    if signature == END64:
        end64 = yield from _read_end64(inlet)
        signature = yield from inlet.take(4)
    if signature != END:
        raise ZipFault("directory", f"the bytes at offset {inlet.offset - 4} are no record of a central directory")
    end, comment_length = parse_end((yield from inlet.take(END_SIZE)))
    judge_end(end, end64, found)
    comment = yield from inlet.take(comment_length)
    if END in comment:
        raise ZipFault(
            "ambiguous_end", "its comment holds another end record, so that programs disagree on its content"
        )


def _read_entry(inlet: Inlet, place: Place) -> Steps[Entry]:
    fixed = yield from inlet.take(CENTRAL_SIZE)
    name_length, extra_length, comment_length = lengths_after_central(fixed)
    more = yield from inlet.take(name_length + extra_length + comment_length)
    place.name = more[:name_length]
    return parse_central(fixed, place.name, more[name_length : name_length + extra_length])


def _read_end64(inlet: Inlet) -> Steps[End]:
    """Read the zip64 end record, whose signature was read already, and its locator."""
    offset = inlet.offset - 4
    end64, more = parse_end64((yield from inlet.take(END64_SIZE)))
    yield from inlet.take(more)
    if (yield from inlet.take(4)) != LOCATOR64:
        raise ZipFault("zip64", "the zip64 end record has no locator behind it")
    stated = parse_locator64((yield from inlet.take(LOCATOR64_SIZE)))
    if stated != offset:
        raise ZipFault("zip64", f"the zip64 end record lies at offset {offset}, its locator states {stated}")
    return end64
