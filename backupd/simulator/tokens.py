"""The accounts server's book: which access tokens live, what they allow, and when asking is throttled.

Pure: every question gets the present time. From the documentation: a token lives an hour, a refresh token gives ten of
them in ten minutes, the sixteenth live one ends the oldest in silence.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Literal

from backupd.simulator.organisation import Organisation

_WINDOW = timedelta(minutes=10)
_LIVE = 15  # access tokens of one refresh token

Refusal = Literal["invalid_client", "invalid_client_secret", "invalid_code", "general_error", "throttled"]


@dataclass(frozen=True, slots=True)
class Token:
    """An access token as the server knows it."""

    value: str
    org: Organisation
    expires: datetime
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """What is handed out: the token and, once, the refresh token."""

    token: Token
    lifetime: timedelta
    refresh_token: str | None = None


class TokenBook:
    """All tokens of all organisations."""

    def __init__(self, orgs: Iterable[Organisation]) -> None:
        """Begin with none given out."""
        self._orgs = tuple(orgs)
        self._tokens: dict[str, Token] = {}
        self._given: dict[str, deque[datetime]] = {org.spec.name: deque() for org in self._orgs}
        self._blocked: dict[str, datetime] = {}
        self._used_codes: set[str] = set()
        self._revoked: set[str] = set()
        self._numbers = count(1)

    def find(self, value: str) -> Token | None:
        """Find a token that was given out and not ended; it may have expired."""
        return self._tokens.get(value)

    def claimant(self, form: Mapping[str, str]) -> Organisation | None:
        """Give the organisation that a token request is about, as far as one can tell."""
        keys = {form.get("refresh_token"), form.get("code")}
        named = [org for org in self._orgs if keys & {org.spec.refresh_token, org.spec.grant_code}]
        clients = [org for org in self._orgs if org.spec.client_id == form.get("client_id")]
        return next(iter(named + clients), None)

    def grant(self, form: Mapping[str, str], now: datetime) -> Grant | Refusal:
        """Answer a request for a token."""
        org = self.claimant(form)
        if org is None or org.spec.client_id != form.get("client_id"):
            return "invalid_client"
        if org.spec.client_secret != form.get("client_secret"):
            return "invalid_client_secret"
        match form.get("grant_type"):
            case "refresh_token":
                if form.get("refresh_token") != org.spec.refresh_token or org.spec.name in self._revoked:
                    return "invalid_code"
                return "throttled" if self._throttled(org, now) else self._issue(org, now)
            case "authorization_code":
                code = form.get("code", "")
                if code != org.spec.grant_code or code in self._used_codes:
                    return "invalid_code"
                self._used_codes.add(code)
                return self._issue(org, now, org.spec.refresh_token)
            case _:
                return "general_error"

    def revoke(self, org: Organisation) -> int:
        """End every access token of the organisation; gives how many lived."""
        ended = [value for value, token in self._tokens.items() if token.org is org]
        for value in ended:
            del self._tokens[value]
        return len(ended)

    def revoke_refresh_token(self, org: Organisation, *, revoked: bool = True) -> None:
        """Let the refresh token be refused from now on, or no longer."""
        (self._revoked.add if revoked else self._revoked.discard)(org.spec.name)

    def throttle(self, org: Organisation, now: datetime) -> None:
        """Let asking for tokens be refused for ten minutes, and for longer the more is asked."""
        self._blocked[org.spec.name] = now + _WINDOW

    def _throttled(self, org: Organisation, now: datetime) -> bool:
        given = self._given[org.spec.name]
        while given and given[0] <= now - _WINDOW:
            given.popleft()
        blocked = self._blocked.get(org.spec.name, now) > now
        if blocked or len(given) >= org.switches.token_throttle:
            self.throttle(org, now)  # asking again prolongs it
            return True
        return False

    def _issue(self, org: Organisation, now: datetime, refresh_token: str | None = None) -> Grant:
        lifetime = org.switches.token_lifetime
        value = f"1000.access{next(self._numbers):06d}.{org.spec.name}"
        token = Token(value, org, now + lifetime, org.spec.scopes)
        self._given[org.spec.name].append(now)
        self._tokens[value] = token
        live = [known.value for known in self._tokens.values() if known.org is org and known.expires > now]
        for oldest in live[:-_LIVE]:
            del self._tokens[oldest]
        return Grant(token, lifetime, refresh_token)
