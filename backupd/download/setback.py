"""A try that failed in a way which may pass, and what its error would be if it does not."""

from datetime import timedelta

from backupd.core.errors import BackupdError, DownloadFailed, VendorThrottled, VendorUnavailable

STALLED = "the server sent nothing for too long"


class Setback(Exception):
    """A request brought no whole file; trying again may. Never leaves this package."""

    def __init__(self, reason: str, *, reached: bool = True, pause: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.reached = reached  # False: the server did not serve at all
        self.pause = pause  # seconds that are due because it asked for them

    def error(self, name: str, why: str) -> BackupdError:
        """Make the error for giving up; `why` says what ran out."""
        text = f"{name}: {self.reason} ({why})"
        if self.pause is not None:
            return VendorThrottled(text, retry_after=timedelta(seconds=self.pause))
        return DownloadFailed(text) if self.reached else VendorUnavailable(text)


def reason_of(error: BaseException) -> str:
    """Say what a connection's error was, without addresses."""
    if isinstance(error, TimeoutError):
        return STALLED
    if isinstance(error, OSError) and error.strerror:
        return f"the connection broke: {error.strerror}"
    return "the connection broke"
