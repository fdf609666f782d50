"""What the service manager that started us left in the environment."""

import os


def notify_socket() -> str | None:
    """Return where systemd wants to hear how the service is, if it does."""
    return os.environ.get("NOTIFY_SOCKET") or None
