"""Reading one member: its local header, its data down to the CRC, and the descriptor that may follow."""

from dataclasses import dataclass

from backupd.core.zipformat import (
    DESCRIBED,
    LOCAL_SIZE,
    LZMA,
    LZMA_END_MARK,
    RECORDS,
    STORED,
    Entry,
    ZipFault,
    descriptor_forms,
    lengths_after_local,
    parse_local,
    refuse_unreadable,
)
from backupd.verify.inlet import Inlet, Steps
from backupd.verify.limits import ZipLimits
from backupd.verify.tally import Tally
from backupd.verify.unpack import unpacker

_MOST_WORDS = 7  # of the longest descriptor, and the signature behind it
LOOK_AHEAD = 4 * _MOST_WORDS  # bytes that reading a member may take beyond its data; a whole zip has them


@dataclass(slots=True)
class Place:
    """Where in the zip a reader is, for error texts: the member's number from 1, and its name once it is known."""

    number: int = 0  # 0: in no member
    name: bytes | None = None

    def enter(self, number: int) -> None:
        """Go on to this member."""
        self.number = number
        self.name = None

    def leave(self) -> None:
        """Go on to what belongs to no member."""
        self.number = 0
        self.name = None


class NotInPassing(Exception):
    """Where this member's data ends is told by the central directory only."""


def read_header(inlet: Inlet, place: Place) -> Steps[Entry]:
    """Read a local header whose signature was read already. Raises ZipFault if nobody could read the member."""
    offset = inlet.offset - 4
    fixed = yield from inlet.take(LOCAL_SIZE)
    name_length, extra_length = lengths_after_local(fixed)
    more = yield from inlet.take(name_length + extra_length)
    place.name = more[:name_length]
    entry = parse_local(fixed, place.name, more[name_length:], offset)
    refuse_unreadable(entry)
    return entry


def read_data(
    inlet: Inlet, local: Entry, listed: Entry | None, limits: ZipLimits, unpacked_before: int
) -> Steps[tuple[Entry, bytes]]:
    """Read what follows a local header; returns the member as it was found, and the next record's signature.

    `listed` is the member's entry in the central directory, where that is known already. Raises ZipFault, and
    NotInPassing where it would be needed.
    """
    described = bool(local.flags & DESCRIBED)
    packed = _packed_size(local, listed, described=described)
    stated = _stated(local, listed)
    tally = Tally(limits, stated, unpacked_before)
    unpacking = unpacker(local, tally, packed=packed, unpacked=stated)
    poured = yield from inlet.pour(unpacking, packed)
    if not unpacking.complete and not _is_folder_of_nothing(local, packed):
        raise ZipFault("damaged_data", f"its compressed data does not end within its {packed} bytes")
    found = local._replace(crc=tally.crc, packed=poured, unpacked=tally.unpacked)
    _compare(local, found, described=described)
    if not described:
        return found, (yield from inlet.take(4))
    guessed = local.method == STORED and listed is None and not local.packed
    return found, (yield from _read_descriptor(inlet, found, guessed=guessed))


def _is_folder_of_nothing(local: Entry, packed: int | None) -> bool:
    """Tell whether this is a folder that its writer says is deflated, while there is not a byte of data."""
    return packed == 0 and local.name.endswith(b"/")


def _packed_size(local: Entry, listed: Entry | None, *, described: bool) -> int | None:
    """Return how many bytes of data follow, or None where the data itself tells."""
    if not described:
        return local.packed
    if listed is not None:
        return listed.packed
    if local.method == LZMA and not local.flags & LZMA_END_MARK:
        raise NotInPassing  # whatever its header says of its length, what it unpacks to is needed as well
    if local.packed:
        return local.packed
    if local.method == STORED:
        return 0  # as for an empty member; the descriptor shows whether it is one
    return None


def _stated(local: Entry, listed: Entry | None) -> int | None:
    """Return the length that the member should unpack to, or None if nothing told yet."""
    if not local.flags & DESCRIBED:
        return local.unpacked
    return None if listed is None else listed.unpacked


def _compare(stated: Entry, found: Entry, *, described: bool) -> None:
    """Raise ZipFault if the header states anything but what was found; zeros are fine where a descriptor follows."""
    for value, actual in ((stated.packed, found.packed), (stated.unpacked, found.unpacked)):
        if value != actual and not (described and value == 0):
            raise ZipFault("size", f"its header states {value} bytes, found {actual}")
    if stated.crc != found.crc and not (described and stated.crc == 0):
        raise ZipFault("crc", "its content does not have the stated CRC")


def _read_descriptor(inlet: Inlet, found: Entry, *, guessed: bool) -> Steps[bytes]:
    """Read the descriptor, in whichever form it has, and the signature behind it, which tells the forms apart."""
    forms = descriptor_forms(found.crc, found.packed, found.unpacked)
    words: list[int] = []
    while len(words) < _MOST_WORDS:
        word = yield from inlet.take(4)
        if word in RECORDS and tuple(words) in forms:
            return word
        words.append(int.from_bytes(word, "little"))
    if guessed:
        raise NotInPassing
    if any(tuple(words[: len(form)]) == form for form in forms):
        raise ZipFault("gap", "the bytes behind it belong to no member")
    if found.crc not in words[:2]:
        raise ZipFault("crc", "its content does not have the CRC that follows it")
    raise ZipFault("size", f"the sizes that follow it are not {found.packed} and {found.unpacked} bytes")
