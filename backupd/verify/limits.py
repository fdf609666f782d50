"""What a zip may cost to unpack before it is refused."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ZipLimits:
    """The bounds on time and memory that one zip may take; nothing is ever unpacked to disk.

    Deflate cannot exceed 1032:1, and CSV of repeated values comes near it, so `max_ratio` lies just above: no honest
    deflated member reaches it, while bzip2 and LZMA, which know no such bound, are stopped there. Deflated bombs
    beyond it need overlapping members, and those are refused for overlapping. `max_total` leaves room for a zip of
    2 GB that is packed 1000-fold.
    """

    max_ratio: float = 1100.0  # unpacked to packed, each member; its first MiB is free
    max_total: int = 2 * 1024**4  # bytes, all members unpacked
    max_members: int = 1_000_000
