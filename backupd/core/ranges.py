"""Which bytes of a file are there: a set of ranges, as a value.

A range is `(start, stop)`, the stop not included. Knows neither files nor answers.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ranges:
    """A set of bytes: ranges in rising order that neither overlap nor touch. Made by `of` and `add`."""

    spans: tuple[Span, ...] = ()

    @classmethod
    def of(cls, spans: Iterable[Span]) -> "Ranges":
        """Unite ranges given in any order. Raises ValueError on one that is negative or runs backwards."""
        ranges = cls()
        for start, stop in spans:
            ranges = ranges.add(start, stop)
        return ranges

    @property
    def size(self) -> int:
        """How many bytes are in the set."""
        return sum(stop - start for start, stop in self.spans)

    @property
    def stop(self) -> int:
        """One past the highest byte, or 0."""
        return self.spans[-1][1] if self.spans else 0

    def add(self, start: int, stop: int) -> "Ranges":
        """Return the set with one more range in it. Raises ValueError if it is negative or runs backwards."""
        if not 0 <= start <= stop:
            message = f"{start}..{stop} is not a range"
            raise ValueError(message)
        if start == stop:
            return self
        first = bisect_left(self.spans, start, key=lambda span: span[1])  # the first that ends at or behind the start
        last = bisect_right(self.spans, stop, key=lambda span: span[0])  # one past the last that begins by the stop
        if first < last:
            start, stop = min(start, self.spans[first][0]), max(stop, self.spans[last - 1][1])
        return Ranges((*self.spans[:first], (start, stop), *self.spans[last:]))

    def run_end(self, at: int) -> int:
        """Return how far one can read from `at` without a gap; `at` itself if that byte is missing."""
        index = bisect_right(self.spans, at, key=lambda span: span[0]) - 1
        return max(at, self.spans[index][1]) if index >= 0 else at

    def run_start(self, at: int) -> int:
        """Return how far back one can go from `at` without a gap; `at` itself if the byte before it is missing."""
        index = bisect_left(self.spans, at, key=lambda span: span[1])
        return min(at, self.spans[index][0]) if index < len(self.spans) else at

    def covers(self, start: int, stop: int) -> bool:
        """Tell whether every byte from `start` up to `stop` is in the set."""
        return stop <= start or self.run_end(start) >= stop

    def gaps(self, total: int) -> tuple[Span, ...]:
        """Return what is missing of a file of `total` bytes, in rising order."""
        gaps = []
        at = 0
        for start, stop in self.spans:
            if at >= total:
                break
            if at < start:
                gaps.append((at, min(start, total)))
            at = stop
        if at < total:
            gaps.append((at, total))
        return tuple(gaps)

    def common(self, other: "Ranges") -> "Ranges":
        """Return the bytes that are in both sets."""
        return Ranges.of(
            (max(start, other_start), min(stop, other_stop))
            for start, stop in self.spans
            for other_start, other_stop in other.spans
            if max(start, other_start) < min(stop, other_stop)
        )


NOTHING = Ranges()
