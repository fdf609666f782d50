"""Makes downloads as slow as told, each by itself and all together."""

from collections.abc import Awaitable, Callable

_LARGEST = 256 * 1024  # bytes sent at once
_SMALLEST = 512
_STEPS = 20  # pieces a second on a slow line, at least

Sleep = Callable[[float], Awaitable[object]]


class Line:
    """One line with so many bytes a second, shared by whoever takes from it; 0 is unlimited."""

    def __init__(self, rate: Callable[[], int], time: Callable[[], float], sleep: Sleep) -> None:
        """Ask `rate` anew each time, so that it can change on the way."""
        self._rate = rate
        self._time = time
        self._sleep = sleep
        self._free_at = 0.0

    def piece(self) -> int:
        """Give how many bytes to send at once."""
        return max(_SMALLEST, min(_LARGEST, self._rate() // _STEPS)) if self._rate() else _LARGEST

    async def take(self, size: int) -> None:
        """Wait until `size` more bytes have had their time on the line."""
        rate = self._rate()
        if not rate:
            return
        now = self._time()
        self._free_at = max(self._free_at, now) + size / rate
        await self._sleep(self._free_at - now)
