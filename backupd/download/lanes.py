"""How one file is shared among connections: a lane is one connection's share, and shares are cut out of others' shares.

Values and rules only; `fetching` opens the connections.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from statistics import median

from backupd.core.ranges import Ranges, Span

_SMALLEST = 1_000_000  # bytes; what is left is not cut into less: a new connection costs some round trips
_LEAST_SHARE = 8_000_000  # bytes, where there is so much
_SHARE_SECONDS = 10.0
_FAR = 0.1  # seconds from asking to the first answer: a long line, where a connection is slow at first
_LEAST_FAR_SHARE = 100_000_000  # bytes, on a long line
_WORTH = 4  # smallest shares: more than that is asked for where there is more
_LAST = 4  # towards the end shares are cut into so many
_PLENTY = 64  # connections; how many there may be is said elsewhere
_FIRST_LOOK = 0.3  # seconds that the first connection is watched
_SETTLING = 1.0  # seconds that new connections get to come up to speed before they are judged
_COMING = 5.0  # seconds that an answer is waited for until those that came are judged without it
_GAIN = 1.1  # more connections that do not bring this much were no help
_FULL_GAIN = 0.75  # of what they would bring if each were as fast as those before: then many more come at once
_NO_HELP = 15.0  # seconds until more connections are tried again
_STARVED = 0.5  # of the time spent waiting for the network: below, more connections would only wait for us
_CRAWL = 8.0  # times slower than the others
_CRAWL_SEEN = 5.0  # seconds over which a crawl is judged


@dataclass(slots=True, eq=False)
class Lane:
    """One connection's share: the bytes from `at` up to `stop` are still to come. `stop` moves when it is cut."""

    at: int
    stop: int | None  # None: to the end, wherever that is
    helps: bool = False  # it may be told to leave
    endless: bool = False  # its answer goes on behind `stop`: once cut, the connection is lost
    pending: int = 0  # bytes that came but do not fill a block yet
    brought: int = 0  # bytes
    marked: tuple[float, int] = (0.0, 0)  # running time, and bytes brought then: where its rate begins
    fresh: tuple[float, int] = (0.0, 0)  # where its next rate begins

    @property
    def left(self) -> int:
        """Bytes still to come, as far as that is known."""
        return max(0, self.stop - self.at) if self.stop is not None else 0


def unassigned(taken: Ranges, total: int, lanes: Iterable[Lane]) -> tuple[Span, ...]:
    """Return what is missing and in no lane's share."""
    for lane in lanes:
        taken = taken.add(lane.at, max(lane.at, total if lane.stop is None else lane.stop))
    return taken.gaps(total)


def cut(
    taken: Ranges, total: int, lanes: Iterable[Lane], hands: int, size: int, smallest: int = _SMALLEST
) -> Span | None:
    """Find a share of at most `size` bytes for one more connection, as near to the front of the file as there is one.

    It may lie in another lane's share, which is cut there once the answer is seen. `smallest`: less than that is not
    worth a connection. None if there is no share.

    Hash and check read from the front: were the file cut into a few large parts, most of it would wait for them at the
    end. So the shares become smaller towards the end, where `hands` connections are to arrive together.
    """
    shares = [Lane(at, stop) for at, stop in _as_if_cut(lanes)]
    gaps = unassigned(taken, total, shares)
    largest = max(shares, key=lambda lane: lane.left, default=None)
    left = sum(stop - start for start, stop in gaps) if gaps else largest.left if largest is not None else 0
    size = min(size, max(left // (2 * hands), size // _LAST, _WORTH * smallest))
    if gaps:
        start, stop = gaps[0]
        return start, _stop(start, stop, size, smallest)
    if largest is None or largest.stop is None or left < 2 * smallest:
        return None
    start = largest.at + size if left > 2 * size else largest.stop - left // 2
    return start, _stop(start, largest.stop, size, smallest)


def _as_if_cut(lanes: Iterable[Lane]) -> Iterator[tuple[int, int | None]]:
    """Yield each lane's share as it will be: up to where the next one begins, also one that has no answer yet."""
    ordered = sorted(lanes, key=lambda lane: lane.at)
    for lane, following in zip_longest(ordered, ordered[1:]):
        overlaps = following is not None and lane.stop is not None and following.at < lane.stop
        yield lane.at, following.at if overlaps else lane.stop


def _stop(start: int, end: int, size: int, smallest: int) -> int:
    """Say where a share of `size` bytes stops: at the end, if what it left there were no share."""
    return end if end - start < size + smallest else start + size


def rate(lane: Lane, now: float) -> float | None:
    """Return how fast a lane was since it was marked; None if that is not long enough ago."""
    since, brought = lane.marked
    return (lane.brought - brought) / (now - since) if now - since >= _CRAWL_SEEN else None


def crawling(lanes: Iterable[Lane], now: float, usual: float = 0.0) -> list[Lane]:
    """Return the lanes that are far slower than the others were over the last seconds.

    `usual`: bytes a second of a connection while there were others, for one that is alone now.
    """
    judged = [(lane, speed) for lane in lanes if (speed := rate(lane, now)) is not None]
    for lane, _ in judged:
        if now - lane.fresh[0] >= _CRAWL_SEEN:
            lane.marked, lane.fresh = lane.fresh, (now, lane.brought)
    return [
        lane
        for index, (lane, speed) in enumerate(judged)
        if speed * _CRAWL < median([other for number, (_, other) in enumerate(judged) if number != index] or [usual])
    ]


class Growth:
    """Decides when a file gets more connections: twice as many, then four times while each is as fast as before.

    On a long line, where that would take as long as a file, all that may be had come as soon as parts are served.
    """

    def __init__(self) -> None:
        self._since: float | None = None  # when the last decision fell
        self._brought = 0  # until then
        self._starved = 0.0  # until then
        self._lanes = 0  # how many there were then
        self._rate = 0.0  # how fast they were
        self._not_before = 0.0
        self._doubt = False  # the last more brought too little, once
        self._coming_since: float | None = None  # answers are waited for
        self._trip = 0.0  # seconds
        self.far: bool | None = None  # it is a long line; None: no answer yet
        self._leapt = False

    @property
    def share(self) -> int:
        """How large a share is to be: some seconds' work for one connection, so that new requests do not weigh."""
        least = _LEAST_FAR_SHARE if self.far else _LEAST_SHARE
        return max(least, int(_SHARE_SECONDS * self.speed))

    @property
    def smallest(self) -> int:
        """How small a share may be: what is left is brought sooner by whoever has it than by a new connection."""
        return max(_SMALLEST, int(2 * self._trip * self.speed))

    @property
    def speed(self) -> float:
        """How fast one connection was when it was last looked at, in bytes a second."""
        return self._rate / max(1, self._lanes)

    def answered(self, seconds: float) -> None:
        """Take note of how long an answer was in coming."""
        self._trip = seconds
        if self.far is None:
            self.far = seconds >= _FAR

    def more(
        self, *, now: float, brought: int, starved: float, lanes: int, coming: int = 0, served: bool = True
    ) -> int:
        """Return how many more connections are worth a try.

        `brought` and `starved` are sums over all lanes so far: bytes, and seconds spent waiting for the network. Of the
        lanes, `coming` have no answer yet. `served`: the server serves parts of this file, or says so.
        """
        since = self._since
        if since is None or lanes <= coming or self._wait_for(coming, now):
            self._begin(now, brought, starved)
            return 0
        if self.far and not self._leapt:
            self._leapt = served
            self._begin(now, brought, starved)
            return _PLENTY
        span = now - since
        if span < (_SETTLING if self._lanes else _FIRST_LOOK):
            return 0
        speed = (brought - self._brought) / span
        hungry = (starved - self._starved) / (span * lanes) >= _STARVED
        factor = self._factor(speed, lanes)
        self._begin(now, brought, starved)
        self._doubt = factor == 1 and not self._doubt
        if self._doubt:  # they may not be up to speed yet
            return 0
        self._lanes, self._rate = lanes, speed
        if factor == 1:
            self._not_before = now + _NO_HELP
        return lanes * (factor - 1) if hungry and now >= self._not_before else 0

    def _wait_for(self, coming: int, now: float) -> bool:
        if not coming:
            self._coming_since = None
            return False
        if self._coming_since is None:
            self._coming_since = now
        return now - self._coming_since < _COMING

    def _begin(self, now: float, brought: int, starved: float) -> None:
        self._since, self._brought, self._starved = now, brought, starved

    def _factor(self, speed: float, lanes: int) -> int:
        """Judge the growth so far: return by how much the number of lanes may be multiplied now."""
        if lanes <= self._lanes or not self._lanes or not self._rate:
            return 2
        gain = speed / self._rate
        if gain < _GAIN:
            return 1
        return 4 if gain >= _FULL_GAIN * lanes / self._lanes else 2
