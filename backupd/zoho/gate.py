"""The door between links and tokens: no token passes to a place that is not allowed.

Whoever downloads asks here before every request, redirects included.
"""

from collections.abc import Mapping
from typing import Protocol

from backupd.core.errors import LinkRefused
from backupd.zoho.hosts import refusal

_SCHEME = "Zoho-oauthtoken "
_LASTING = 300.0  # seconds; the file server checks the token when a request starts


def authorization(token: str) -> dict[str, str]:
    """Make the header that carries a token."""
    return {"Authorization": _SCHEME + token}


class TokenSource(Protocol):
    """Where tokens come from."""

    async def access_token(self, *, lasting: float = 60.0) -> str:
        """Return a token that lives for `lasting` seconds more."""

    async def renew(self, stale: str) -> str:
        """Return another token than this refused one."""


class Gate:
    """Hands out the header for a link, if the link leads to an allowed place."""

    def __init__(self, allowed_hosts: tuple[str, ...], tokens: TokenSource) -> None:
        self._allowed_hosts = allowed_hosts
        self._tokens = tokens

    def check(self, url: str) -> None:
        """Let an allowed URL pass. Raises LinkRefused, which names the host at most."""
        reason = refusal(url, self._allowed_hosts)
        if reason is not None:
            raise LinkRefused(f"the link {reason}")

    async def headers(self, url: str) -> dict[str, str]:
        """Return the headers that a request to this URL needs, with a token that lives for five minutes more.

        Raises LinkRefused, and what asking for a token may raise.
        """
        self.check(url)
        return authorization(await self._tokens.access_token(lasting=_LASTING))

    async def renew(self, headers: Mapping[str, str]) -> None:
        """Renew the token in these headers, which was refused; nothing is asked if it was renewed meanwhile."""
        value = next((text for name, text in headers.items() if name.lower() == "authorization"), "")
        await self._tokens.renew(value.removeprefix(_SCHEME))
