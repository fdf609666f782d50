"""Whether two lists of members are the same, in whatever order, in constant memory."""

import hashlib
import os

from backupd.core.zipformat import Entry

_MODULUS = 1 << 128


class Ledger:
    """A sum over keyed digests of members: equal sums, equal lists.

    The key is secret and new each time, so no zip can be made to fool it.
    """

    __slots__ = ("_key", "count", "sum")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.sum = 0
        self.count = 0

    @staticmethod
    def new_key() -> bytes:
        """Return a key for ledgers that are to be compared."""
        return os.urandom(16)

    def add(self, entry: Entry) -> None:
        """Enter one member."""
        digest = hashlib.blake2b(entry.key(), key=self._key, digest_size=16).digest()
        self.sum = (self.sum + int.from_bytes(digest, "little")) % _MODULUS
        self.count += 1

    def agrees_with(self, other: "Ledger") -> bool:
        """Tell whether both list the same members equally often."""
        return self.sum == other.sum
