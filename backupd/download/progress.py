"""How far one file is, told at most twice a second."""

from collections import deque

from backupd.core.events import FileProgress, Tell
from backupd.core.model import Link

_EVERY = 0.5  # seconds
_WINDOW = 10  # marks, over which the rate is taken


class Progress:
    """Counts one file's bytes and tells listeners."""

    def __init__(self, org: str, link: Link, tell: Tell) -> None:
        self._org = org
        self._link = link
        self._tell = tell
        self._marks: deque[tuple[float, int]] = deque(maxlen=_WINDOW)
        self._brought = 0

    def received(self, count: int, now: float) -> bool:
        """Take note of bytes that came; say whether it is time to tell."""
        self._brought += count
        return not self._marks or now - self._marks[-1][0] >= _EVERY

    def tell(self, now: float, *, in_hand: int, total: int | None, resumed: int) -> None:
        """Tell how far the file is."""
        rate = 0.0
        if self._marks and now > self._marks[0][0]:
            rate = (self._brought - self._marks[0][1]) / (now - self._marks[0][0])
        self._marks.append((now, self._brought))
        self._tell(
            FileProgress(
                self._org,
                self._link.job.job,
                str(self._link.file),
                received=in_hand,
                total=total,
                resumed=resumed,
                rate=rate,
                left=(total - in_hand) / rate if total is not None and rate else None,
            )
        )
