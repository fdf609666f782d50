"""The way to one org's vendor: sessions, account, tokens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from backupd import __version__, tls
from backupd.app.surroundings import Surroundings
from backupd.core.names import STATE
from backupd.core.patience import ONE_RUN
from backupd.settings import Settings

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from backupd.zoho.account import Account
    from backupd.zoho.auth import Tokens
    from backupd.zoho.client import ZohoClient


@asynccontextmanager
async def open_vendor(settings: Settings, around: Surroundings, org: str) -> AsyncIterator["ZohoClient"]:
    """Open the way to one org's vendor, with nothing of the archive but the kept token. Raises ConfigurationError."""
    from backupd.zoho.client import ZohoClient

    found = account(org, settings)
    async with session(1, kept=False) as calls:  # an order must not meet a connection that died while a person thought
        kept = tokens(calls, found, settings.archive.root, around)
        yield ZohoClient(calls, found, kept, patience=ONE_RUN, clock=around.clock, tell=around.tell)


async def authorize(around: Surroundings, accounts_url: str, *, client_id: str, client_secret: str, code: str) -> str:
    """Turn a self client's code into a refresh token. Raises ConfigurationError or VendorError."""
    from backupd.zoho.auth import exchange_code

    async with session(1) as calls:
        return await exchange_code(
            calls,
            accounts_url=accounts_url,
            client_id=client_id,
            client_secret=client_secret,
            code=code,
            now=around.clock.now,
            learn=around.learn,
        )


def tokens(
    calls: "ClientSession", account: "Account", root: Path, around: Surroundings, *, keep: bool = True
) -> "Tokens":
    """Give the org's tokens, which are kept in the archive's state, unless only one look is taken (`keep` false)."""
    from backupd.zoho.auth import Tokens

    cache = root / STATE / f"{account.org}.token"
    return Tokens(calls, account, cache=cache, clock=around.clock, tell=around.tell, learn=around.learn, keep=keep)


def account(org: str, settings: Settings) -> "Account":
    """Give the org's account at the vendor. Raises ConfigurationError if its credentials are not complete."""
    from backupd.zoho.account import Account
    from backupd.zoho.hosts import DATA_CENTERS

    found, credentials = settings.orgs[org], settings.require_credentials(org)
    place = DATA_CENTERS[found.data_center]
    return Account(
        org,
        accounts_url=found.accounts_url or place.accounts_url,
        api_domain=found.api_domain or place.api_domain,
        download_hosts=found.download_hosts or place.download_hosts,
        client_id=credentials.client_id,
        client_secret=credentials.client_secret,
        refresh_token=credentials.refresh_token,
        api_version=found.api_version,
    )


@asynccontextmanager
async def session(connections: int = 4, *, kept: bool = True) -> AsyncIterator["ClientSession"]:
    """Open a session that honours the proxy variables, verifies by `tls.context`, and keeps no cookies.

    Connections are `kept` for the next request, or each request gets a new one.
    """
    import aiohttp

    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, force_close=not kept, ssl=tls.context()),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"backupd/{__version__}"},
        trust_env=True,
    ) as session:
        yield session
