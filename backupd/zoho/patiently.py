"""Ask again, a few times and with pauses, when the vendor failed in passing."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import stamina
from stamina.instrumentation import set_on_retry_hooks

from backupd.core.clock import Clock
from backupd.core.errors import TokenThrottled, VendorError, VendorThrottled
from backupd.core.events import CallRetrying, Tell
from backupd.core.patience import Patience, back_off

set_on_retry_hooks(())  # its own would log the repr of exceptions; we tell by events

Answered = TypeVar("Answered")


@dataclass(slots=True)
class Patiently:
    """Tries calls again as `patience` allows, waiting on the clock that is handed in.

    The limit without an answer counts over calls: a vendor that hangs does not get it anew for each. Each has one try.
    """

    org: str
    patience: Patience
    clock: Clock
    tell: Tell
    jitter: Callable[[], float]  # 0..1
    _unanswered: float = field(default=0.0, init=False)  # seconds that calls took since the last answer

    async def ask(self, call: str, ask: Callable[[], Awaitable[Answered]]) -> Answered:
        """Return the answer of `ask`, which may be asked several times, or raise its last VendorError."""
        started = tried = self.clock.monotonic()
        failure: VendorError | None = None

        def again(error: Exception) -> bool:
            return self._may_pass(error) and self._within_limit(started, tried)

        try:
            async for attempt in stamina.retry_context(
                again, attempts=self.patience.call_tries, timeout=None, wait_initial=0, wait_max=0, wait_jitter=0
            ):
                if failure is not None:
                    await self._pause(call, failure, attempt.num - 1)
                tried = self.clock.monotonic()
                with attempt:
                    try:
                        answer = await ask()
                    except VendorError as error:
                        failure = error
                        raise
                    self._unanswered, started = 0.0, self.clock.monotonic()
                    return answer
        finally:
            self._unanswered += self.clock.monotonic() - started
        raise AssertionError(call)

    async def _pause(self, call: str, failure: VendorError, failures: int) -> None:
        wait = self._wait(failure, failures)
        self.tell(CallRetrying(self.org, call, str(failure), failures, wait))
        await self.clock.sleep(wait)

    def _may_pass(self, error: Exception) -> bool:
        """Tell whether another try can help, and soon enough. A token throttle is never waited for here."""
        if not isinstance(error, VendorError) or not error.passing or isinstance(error, TokenThrottled):
            return False
        return _asked_wait(error) <= self.patience.longest_wait

    def _wait(self, error: VendorError, failures: int) -> float:
        own = back_off(failures, longest=self.patience.longest_wait, jitter=self.jitter())
        return _asked_wait(error) or own

    def _within_limit(self, started: float, tried: float) -> bool:
        """Tell whether one more try like the last one would end within the limit."""
        limit, now = self.patience.idle_limit, self.clock.monotonic()
        return limit is None or self._unanswered + now - started + now - tried < limit


def _asked_wait(error: VendorError) -> float:
    """Return the seconds that the vendor asked us to wait; 0 if it named none."""
    if isinstance(error, VendorThrottled) and error.retry_after is not None:
        return error.retry_after.total_seconds()
    return 0.0
