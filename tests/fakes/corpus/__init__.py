"""The corpus: whole and hostile zips, each with the one answer that is expected of it."""

from functools import cache

from tests.fakes.corpus import damaged, lying, refused, whole
from tests.fakes.corpus.case import Case

__all__ = ["Case", "cases"]


@cache
def cases() -> tuple[Case, ...]:
    """Return the whole corpus, in a stable order."""
    found = (
        *whole.usual(),
        *whole.odd(),
        *whole.wide(),
        *damaged.not_zips(),
        *damaged.bytes_too_few_or_many(),
        *damaged.damaged_data(),
        *lying.lying_headers(),
        *lying.lying_directories(),
        *lying.lying_ends(),
        *lying.broken_zip64(),
        *refused.unreadable(),
        *refused.bombs(),
    )
    assert len({case.name for case in found}) == len(found)
    return found
