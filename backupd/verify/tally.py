"""Counting what a member unpacks to, and stopping what grows beyond its bounds."""

from backupd.core.zipformat import ZipFault
from backupd.verify.engine import engine
from backupd.verify.limits import ZipLimits

_FREE = 1024**2  # bytes of a member that the ratio does not count


class Tally:
    """Length and CRC of what came out of one member so far.

    `stated` is the length that its headers promise, or None where they do not yet; `before` is what the members in
    front of it unpacked to. Raises ZipFault if the promise is more than the zip may still unpack to.
    """

    __slots__ = ("_limits", "_most", "_stated", "crc", "packed", "unpacked")

    def __init__(self, limits: ZipLimits, stated: int | None, before: int) -> None:
        self.packed = 0  # bytes fed so far
        self.unpacked = 0
        self.crc = 0
        self._limits = limits
        self._stated = stated
        self._most = limits.max_total - before
        if stated is not None:
            if stated > self._most:
                raise beyond_total(limits)
            self._most = stated

    def add(self, unpacked: bytes | memoryview) -> None:
        """Count what came out. Raises ZipFault beyond a bound."""
        self.unpacked += len(unpacked)
        if self.unpacked > self._most:
            if self._stated is None:
                raise beyond_total(self._limits)
            raise ZipFault("size", f"it unpacks to more than the {self._stated} bytes stated")
        if self.unpacked > _FREE + self._limits.max_ratio * self.packed:
            raise ZipFault("ratio", f"it unpacks to more than {self._limits.max_ratio:g} times its size")
        self.crc = engine.crc32(unpacked, self.crc)


def beyond_total(limits: ZipLimits) -> ZipFault:
    """Say that the zip unpacks to more than it may."""
    return ZipFault("total_size", f"the zip unpacks to more than {limits.max_total} bytes")


def beyond_members(limits: ZipLimits) -> ZipFault:
    """Say that the zip has more members than it may."""
    return ZipFault("too_many_members", f"the zip has more than {limits.max_members} members")
