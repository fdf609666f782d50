"""What the service manager that started us left in the environment."""

import os


def notify_socket() -> str | None:
    """Return where systemd wants to hear how the service is, if it does."""
    return os.environ.get("NOTIFY_SOCKET") or None


def watchdog() -> float | None:
    """Return after how many seconds without a sign of life systemd kills this process, if it does."""
    meant = os.environ.get("WATCHDOG_PID", "") in {"", str(os.getpid())}
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if meant and microseconds.isdecimal() and int(microseconds) else None
