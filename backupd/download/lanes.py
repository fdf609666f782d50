"""How one file is shared among connections: a lane is one connection's share, and shares are cut out of others' shares.

Values and rules only; `fetching` opens the connections.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from backupd.core.ranges import Ranges, Span

_SMALLEST = 1_000_000  # bytes; what is left is not cut into less: a new connection costs some round trips
_LEAST_SHARE = 8_000_000  # bytes, where there is so much
_SHARE_SECONDS = 10.0
_FIRST_LOOK = 0.3  # seconds that the first connection is watched
_SETTLING = 1.0  # seconds that new connections get to come up to speed before they are judged
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
    pending: int = 0  # bytes that came but do not fill a block yet
    brought: int = 0  # bytes
    marked: tuple[float, int] = (0.0, 0)  # running time, and bytes brought then: where a rate begins

    @property
    def left(self) -> int:
        """Bytes still to come, as far as that is known."""
        return max(0, self.stop - self.at) if self.stop is not None else 0


def unassigned(taken: Ranges, total: int, lanes: Iterable[Lane]) -> tuple[Span, ...]:
    """Return what is missing and in no lane's share."""
    for lane in lanes:
        taken = taken.add(lane.at, max(lane.at, total if lane.stop is None else lane.stop))
    return taken.gaps(total)


def cut(taken: Ranges, total: int, lanes: Sequence[Lane], size: int) -> tuple[Span, Lane | None] | None:
    """Find a share of at most `size` bytes for one more connection, as near to the front of the file as there is one.

    Hash and check read from the front: were the file cut into a few large parts, most of it would wait for them at the
    end. Return the share with the lane it is cut from; None if there is nothing worth a connection.
    """
    gaps = unassigned(taken, total, lanes)
    if gaps:
        start, stop = gaps[0]
        return (start, min(stop, start + size)), None
    largest = max(lanes, key=lambda lane: lane.left, default=None)
    if largest is None or largest.stop is None or largest.left < 2 * _SMALLEST:
        return None
    start = largest.at + size if largest.left > 2 * size else largest.stop - largest.left // 2
    return (start, min(largest.stop, start + size)), largest


def rate(lane: Lane, now: float) -> float | None:
    """Return how fast a lane was since it was marked; None if that is not long enough ago."""
    since, brought = lane.marked
    return (lane.brought - brought) / (now - since) if now - since >= _CRAWL_SEEN else None


def crawling(lanes: Iterable[Lane], now: float) -> list[Lane]:
    """Return the lanes that are far slower than the others, and mark all that were judged."""
    judged = [(lane, speed) for lane in lanes if (speed := rate(lane, now)) is not None]
    for lane, _ in judged:
        lane.marked = (now, lane.brought)
    return [
        lane
        for index, (lane, speed) in enumerate(judged)
        if (others := [other for number, (_, other) in enumerate(judged) if number != index])
        and speed * _CRAWL < median(others)
    ]


class Growth:
    """Decides when a file gets more connections: twice as many, then four times while each is as fast as before."""

    def __init__(self) -> None:
        self._since: float | None = None  # when the last decision fell
        self._brought = 0  # until then
        self._starved = 0.0  # until then
        self._lanes = 0  # how many there were then
        self._rate = 0.0  # how fast they were
        self._not_before = 0.0

    @property
    def share(self) -> int:
        """How large a share is to be: some seconds' work for one connection, so that new requests do not weigh."""
        return max(_LEAST_SHARE, int(_SHARE_SECONDS * self._rate / max(1, self._lanes)))

    def more(self, *, now: float, brought: int, starved: float, lanes: int) -> int:
        """Return how many more connections are worth a try.

        `brought` and `starved` are sums over all lanes so far: bytes, and seconds spent waiting for the network.
        """
        if self._since is None:
            self._since, self._brought, self._starved = now, brought, starved
            return 0
        span = now - self._since
        if not lanes or span < (_SETTLING if self._lanes else _FIRST_LOOK):
            return 0
        speed = (brought - self._brought) / span
        hungry = (starved - self._starved) / (span * lanes) >= _STARVED
        factor = self._factor(speed, lanes)
        self._since, self._brought, self._starved = now, brought, starved
        self._lanes, self._rate = lanes, speed
        if factor == 1:
            self._not_before = now + _NO_HELP
        return lanes * (factor - 1) if hungry and now >= self._not_before else 0

    def _factor(self, speed: float, lanes: int) -> int:
        """Judge the growth so far: return by how much the number of lanes may be multiplied now."""
        if lanes <= self._lanes or not self._lanes or not self._rate:
            return 2
        gain = speed / self._rate
        if gain < _GAIN:
            return 1
        return 4 if gain >= _FULL_GAIN * lanes / self._lanes else 2
