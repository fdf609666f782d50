"""Access tokens: asked for one at a time, before they are needed, and kept on disk over restarts.

The vendor gives ten tokens in ten minutes and throttles whoever wants more, so everything here aims at asking less.
Does not retry: callers do, guided by the errors.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp

from backupd.core.clock import Clock
from backupd.core.errors import AccessRefused, ConfigurationError, TokenThrottled, UnreadableAnswer, VendorUnavailable
from backupd.core.events import ApiDomainDiffers, Tell, TokenNotKept, TokenPaused, TokenRenewed
from backupd.zoho.account import Account
from backupd.zoho.exchange import exchange
from backupd.zoho.hosts import base_url_problem, place_of
from backupd.zoho.token_answers import CALL, Grant, grant, still_throttled, throttle_holds
from backupd.zoho.token_cache import Kept, Token, TokenCache, bound_to

Learn = Callable[[str], None]
"""Take note of a secret, so that no log line shows it."""

_AT_ONCE = 120.0  # seconds; a new token that is refused within them never served, so that another is not the remedy
_HOPELESS = 600.0  # seconds without asking after that
_CLOCK_SLACK = timedelta(minutes=5)  # by which a clock may be set back without a token being dropped


class Tokens:
    """The access token of one org, always alive when handed out as far as can be known here."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        account: Account,
        *,
        cache: Path,
        clock: Clock,
        tell: Tell,
        learn: Learn,
        keep: bool = True,
    ) -> None:
        self._session = session
        self._account = account
        self._cache = TokenCache(cache, bound_to(account), writable=keep)
        self._clock = clock
        self._tell = tell
        self._learn = learn
        self._one_at_a_time = asyncio.Lock()
        self._kept = Kept()
        self._refused: str | None = None  # the last token that the vendor refused, wherever it turns up again
        self._domain_told: str | None = None
        self._replacement: tuple[str, float] | None = None  # what came for a refused one, and when (running time)
        self._hopeless: tuple[float, str] | None = None  # until when (running time) none is asked for, and why

    async def access_token(self, *, lasting: float = 60.0) -> str:
        """Return a token that lives for at least `lasting` seconds (or half its life, if that is shorter).

        When no new one can be had in passing, the present one serves as long as it lives. Raises TokenThrottled without
        asking while a throttle holds, else AccessRefused, VendorUnavailable or UnreadableAnswer.
        """
        async with self._one_at_a_time:
            if self._alive(lasting) is None:
                await self._look_on_disk()
            token = self._alive(lasting) or await self._ask_if_possible()
            return token.value

    async def recent_scope(self, newest: timedelta) -> str | None:
        """Return what the answer told that a token allows, one given within the last `newest`; None if it did not tell.

        Asks for a token if there is none so young; raises as `access_token` does.
        """
        async with self._one_at_a_time:
            await self._look_on_disk()
            token = self._alive()
            if token is None or self._clock.now() - token.issued_at > newest:
                token = await self._ask_if_possible()
            return token.scope

    async def renew(self, stale: str) -> str:
        """Return another token than this one, which the vendor refused. Asks only if nobody else has renewed it.

        Raises as `access_token` does; AccessRefused too when new tokens are no remedy. Then none is asked for in a
        while, and `access_token` gives the refused one, which costs nothing and shows when it is accepted.
        """
        async with self._one_at_a_time:
            self._refused = stale
            if self._other_than(stale) is None:
                await self._look_on_disk()
            token = self._other_than(stale)
            if token is None:
                self._require_hope(stale)
                token = await self._ask()
                if token.value == stale:
                    self._despair("the vendor gives the access token again that it refused")
                    self._require_hope(stale)
            return token.value

    def _alive(self, lasting: float = 0.0) -> Token | None:
        token = self._kept.token
        if token is None or not is_alive(token, lasting, self._clock.now()):
            return None
        return token if token.value != self._refused or self._is_hopeless() else None

    def _other_than(self, stale: str) -> Token | None:
        token = self._alive()
        return token if token is not None and token.value != stale else None

    async def _ask_if_possible(self) -> Token:
        """Ask for a token; when none can be had in passing, give the present one, if it lives."""
        present = self._alive()
        try:
            return await self._ask()
        except (VendorUnavailable, TokenThrottled):
            if present is None:
                raise
            return present

    async def _look_on_disk(self) -> None:
        """Read again what is kept: another process may have renewed the token, or met a throttle."""
        there, here = await asyncio.to_thread(self._cache.read), self._kept
        if there.token is not None:
            self._learn(there.token.value)
        token = there.token or here.token
        if there.token and here.token and here.token.expires_at > there.token.expires_at:
            token = here.token  # it could not be written
        self._kept = Kept(token, there.throttled_until or here.throttled_until)

    def _require_hope(self, stale: str) -> None:
        """Return if a new token may be the remedy for this refused one. Raises AccessRefused."""
        value, came = self._replacement or ("", 0.0)
        if not self._is_hopeless() and stale == value and self._clock.monotonic() - came < _AT_ONCE:
            self._despair("a new access token is refused as well")
        if self._hopeless is not None and self._is_hopeless():
            raise AccessRefused(
                f"{self._account.org}: {self._hopeless[1]}",
                advice="Check `data_center`, the scopes of the refresh token and the role of its user.",
            )

    def _despair(self, why: str) -> None:
        self._hopeless = self._clock.monotonic() + _HOPELESS, why

    def _is_hopeless(self) -> bool:
        return self._hopeless is not None and self._clock.monotonic() < self._hopeless[0]

    async def _ask(self) -> Token:
        until = self._kept.throttled_until
        if until is not None and throttle_holds(until, self._clock.now()):
            raise still_throttled(until)
        try:
            given = await _grant(self._session, self._account.token_url, self._form(), self._clock.now)
        except TokenThrottled as throttle:
            self._tell(TokenPaused(self._account.org, throttle.until))
            await self._keep(replace(self._kept, throttled_until=throttle.until))
            raise
        self._learn(given.access_token)
        now = self._clock.now()
        token = Token(given.access_token, now, now + timedelta(seconds=given.life), given.scope)
        if self._kept.token is not None and self._kept.token.value == self._refused:
            self._replacement = token.value, self._clock.monotonic()
        await self._keep(Kept(token))
        self._tell(TokenRenewed(self._account.org, token.expires_at))
        self._compare_domain(given)
        return token

    def _form(self) -> dict[str, str]:
        account = self._account
        return {
            "grant_type": "refresh_token",
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "refresh_token": account.refresh_token,
        }

    async def _keep(self, kept: Kept) -> None:
        self._kept = kept
        try:
            await asyncio.to_thread(self._cache.write, kept)
        except OSError as error:
            self._tell(TokenNotKept(self._account.org, error.strerror or type(error).__name__))

    def _compare_domain(self, given: Grant) -> None:
        """Tell, once, when the answer names another API host; an answer must not be able to lead us elsewhere."""
        in_use, answered = place_of(self._account.api_domain), place_of(given.api_domain or self._account.api_domain)
        if in_use is None or (answered and answered.address == in_use.address):
            return
        address = answered.address if answered else "something that is not a URL"
        if address != self._domain_told:
            self._domain_told = address
            self._tell(ApiDomainDiffers(self._account.org, in_use=in_use.address, answered=address))


def is_alive(token: Token, lasting: float, now: datetime) -> bool:
    """Tell whether a token lives for `lasting` seconds more, or half its life if that is shorter.

    Half its life, so that a short-lived token is not renewed at every call. A token from the future comes from a clock
    that was set back, and is not trusted.
    """
    life = token.expires_at - token.issued_at
    needed = min(timedelta(seconds=lasting), life / 2)
    return token.issued_at <= now + _CLOCK_SLACK and token.expires_at - now > needed


async def exchange_code(
    session: aiohttp.ClientSession,
    *,
    accounts_url: str,
    client_id: str,
    client_secret: str,
    code: str,
    now: Callable[[], datetime],
    learn: Learn,
) -> str:
    """Turn a self client's code (it lives for minutes and works once) into a refresh token.

    Raises ConfigurationError, AccessRefused, TokenThrottled, VendorUnavailable or UnreadableAnswer.
    """
    problem = base_url_problem(accounts_url)
    if problem is not None:
        raise ConfigurationError(f"accounts_url: it {problem}")
    form = {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "client_secret": client_secret,
        "code": code,
    }
    given = await _grant(session, f"{accounts_url.rstrip('/')}/oauth/v2/token", form, now)
    learn(given.access_token)
    if given.refresh_token is None:
        raise UnreadableAnswer(f"{CALL}: the field refresh_token is missing")
    learn(given.refresh_token)
    return given.refresh_token


async def _grant(
    session: aiohttp.ClientSession, url: str, form: Mapping[str, str], now: Callable[[], datetime]
) -> Grant:
    answer = await exchange(session, CALL, "POST", url, form=form)
    return grant(answer, now())
