"""systemd's notification protocol (sd_notify): single datagrams to the socket that the unit was given."""

import socket
from contextlib import suppress
from time import monotonic_ns


class Systemd:
    """Says how the service is, if there is a systemd that wants to know; a lost datagram disturbs nothing."""

    def __init__(self, address: str | None) -> None:
        self._address = "\0" + address[1:] if address and address.startswith("@") else address

    def ready(self) -> None:
        """All is set up."""
        self._send("READY=1")

    def reloading(self) -> None:
        """The settings are being read again; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """What `systemctl status` shows."""
        self._send(f"STATUS={text.replace(chr(10), ' ')}", patience=0.0)

    def alive(self) -> None:
        """The loop that does the work goes round."""
        self._send("WATCHDOG=1")

    def _send(self, message: str, *, patience: float = 1.0) -> None:
        """Send, and wait so many seconds at most where systemd has much to read; without a READY it would kill us."""
        if self._address is None:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
            door.settimeout(patience)
            door.sendto(message.encode(), self._address)
