"""Who may look: the right Host, and the token where there is one, as a bearer or as the cookie of a login.

A page on this machine without a token could be read by any web page that makes its own name point here (DNS
rebinding), so a name that is not ours is refused. An address is no name, and cannot be made to point elsewhere.
"""

import hashlib
import hmac
import socket
from datetime import timedelta
from ipaddress import ip_address

from aiohttp import web

from backupd.core.clock import Clock
from backupd.web.front import Place

COOKIE = "backupd"
LOGIN_LASTS = timedelta(days=7)
_WRONG_TOKEN_COSTS = 1.0  # seconds

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "backupd",
}


class Guard:
    """Knows the token; gives nobody a hint of it."""

    def __init__(self, place: Place, clock: Clock) -> None:
        self._token = place.token.encode() if place.token else None
        self._clock = clock
        own = {"localhost", place.host, socket.gethostname(), *place.hosts}
        self._names = frozenset(name.lower() for name in own)

    @property
    def asks(self) -> bool:
        """Whether there is a token at all."""
        return self._token is not None

    def is_ours(self, host: str | None) -> bool:
        """Tell whether a Host header names this place."""
        name = _without_port(host or "").lower().rstrip(".")
        return name in self._names or _is_address(name)

    def admits(self, request: web.Request) -> bool:
        """Tell whether this request may see more than a word."""
        if self._token is None:
            return True
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(_bytes(bearer.strip()), self._token):
            return True
        return self._is_session(request.cookies.get(COOKIE, ""))

    async def log_in(self, token: str) -> str | None:
        """Return the cookie's value for the right token; for a wrong one None, after a while."""
        if self._token is not None and hmac.compare_digest(_bytes(token.strip()), self._token):
            ends = int((self._clock.now() + LOGIN_LASTS).timestamp())
            return f"{ends}.{self._seal(ends)}"
        await self._clock.sleep(_WRONG_TOKEN_COSTS)
        return None

    def _is_session(self, cookie: str) -> bool:
        ends, _, seal = cookie.partition(".")
        if not (ends.isascii() and ends.isdigit() and len(ends) < 12):  # noqa: PLR2004 (a number of seconds, not a flood)
            return False
        right = hmac.compare_digest(_bytes(seal), self._seal(int(ends)).encode())
        return right and int(ends) > self._clock.now().timestamp()

    def _seal(self, ends: int) -> str:
        return hmac.new(self._token or b"", f"session {ends}".encode(), hashlib.sha256).hexdigest()


def own_path(text: str) -> str:
    """Return where to go after the login: a path of ours, whatever was asked for."""
    return text if text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() else "/"


def _bytes(text: str) -> bytes:
    """Return text out of a request as bytes, whatever it holds: what was no UTF-8 is there as surrogates."""
    return text.encode("utf-8", "surrogatepass")


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
