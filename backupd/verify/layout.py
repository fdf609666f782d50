"""Where the members of a zip on disk lie: from the end record to the central directory to each member's extent."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from backupd.core.zipformat import (
    END,
    END64,
    END64_SIZE,
    END_SIZE,
    LOCAL_SIZE,
    LOCATOR64,
    LOCATOR64_SIZE,
    LONGEST_END,
    End,
    Entry,
    ZipFault,
    parse_end,
    parse_end64,
    parse_locator64,
)
from backupd.verify.directory import read_directory
from backupd.verify.inlet import Inlet, Steps
from backupd.verify.limits import ZipLimits
from backupd.verify.member import Place
from backupd.verify.source import Source
from backupd.verify.tally import beyond_members, beyond_total


@dataclass(frozen=True, slots=True)
class Extent:
    """A member's place in the file: from its local header to whatever comes next."""

    number: int  # in the central directory, from 1
    entry: Entry
    end: int


@dataclass(frozen=True, slots=True)
class Layout:
    """What a first look at the central directory tells. `starts` is None where members lie in its order."""

    directory: int  # its offset
    members: int
    unpacked: int  # bytes, as stated
    starts: "array[int] | None"


def find_directory(source: Source) -> int:
    """Return the central directory's offset, found from the end of the file. Raises ZipFault."""
    base = max(0, source.size - LONGEST_END)
    tail = source.read(base, LONGEST_END)
    fault = ZipFault("truncated", "it has no end record")
    at = tail.rfind(END)
    rightmost = at
    while at >= 0:
        fixed = tail[at + 4 : at + 4 + END_SIZE]
        if len(fixed) == END_SIZE:
            end, comment = parse_end(fixed)
            spare = len(tail) - (at + 4 + END_SIZE + comment)
            if spare == 0:
                start = _directory_before(source, base + at, end)
                if start is not None:
                    return start
                fault = ZipFault("end_record", "its end record does not fit the central directory before it")
            elif spare > 0 and at == rightmost:
                fault = ZipFault("trailing_bytes", f"{spare} bytes follow the end of the zip")
        at = tail.rfind(END, 0, at)
    raise fault


def _directory_before(source: Source, at: int, end: End) -> int | None:
    """Return where the directory of an end record at `at` starts; None if it does not lie right before it."""
    locator = source.read(at - 4 - LOCATOR64_SIZE, 4 + LOCATOR64_SIZE)
    if locator.startswith(LOCATOR64):
        offset = parse_locator64(locator[4:])
        record = source.read(offset, 4 + END64_SIZE)
        if record.startswith(END64) and len(record) == 4 + END64_SIZE:
            end64, more = parse_end64(record[4:])
            fits = offset + 4 + END64_SIZE + more == at - len(locator) and end64.offset + end64.size == offset
            return end64.offset if fits else None
    return end.offset if end.offset + end.size == at else None


def survey(source: Source, limits: ZipLimits, place: Place) -> Layout:
    """Read the central directory and the end records once. Raises ZipFault, with `place` telling where."""
    directory = find_directory(source)
    members = unpacked = 0
    ordered = True
    first, last = directory, -1
    for entry in entries(source, directory, place):
        members += 1
        unpacked += entry.unpacked
        if members > limits.max_members:
            raise beyond_members(limits)
        if unpacked > limits.max_total:
            raise beyond_total(limits)
        if entry.offset + LOCAL_SIZE > directory:
            raise ZipFault("directory", f"its offset, {entry.offset}, lies behind all members")
        ordered = ordered and entry.offset > last
        first, last = min(first, entry.offset), entry.offset
    place.leave()
    if first != 0:
        raise ZipFault("gap", f"the first {first} bytes belong to no member")
    starts = None if ordered else array("Q", sorted(entry.offset for entry in entries(source, directory, place)))
    return Layout(directory, members, unpacked, starts)


def entries(source: Source, directory: int, place: Place) -> Iterator[Entry]:
    """Read the central directory block by block, and the end records behind it. Raises ZipFault."""
    inlet = Inlet(directory)
    seen: list[Entry] = []
    steps = _whole_directory(inlet, place, seen)
    for block in source.blocks(directory, source.size):
        inlet.put(block)
        try:
            next(steps)
        except StopIteration:
            yield from seen
            return
        yield from seen
        seen.clear()
    raise ZipFault("truncated", "the central directory is not complete")


def _whole_directory(inlet: Inlet, place: Place, seen: list[Entry]) -> Steps[None]:
    signature = yield from inlet.take(4)
    yield from read_directory(inlet, signature, place, seen.append)


def extents(source: Source, layout: Layout, place: Place) -> Iterator[Extent]:
    """Go through the members as listed, each with the offset at which the next one in the file begins."""
    if layout.starts is not None:
        for number, entry in enumerate(entries(source, layout.directory, place), 1):
            behind = bisect_right(layout.starts, entry.offset)
            twice = behind > 1 and layout.starts[behind - 2] == entry.offset
            end = layout.starts[behind] if behind < len(layout.starts) else layout.directory
            yield Extent(number, entry, entry.offset if twice else end)
        return
    before: Entry | None = None
    number = 0
    for number, entry in enumerate(entries(source, layout.directory, place)):
        if before is not None:
            yield Extent(number, before, entry.offset)
        before = entry
    if before is not None:
        yield Extent(number + 1, before, layout.directory)
