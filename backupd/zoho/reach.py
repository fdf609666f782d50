"""Can the hosts of links be reached, and are the named certificates usable? For `backupd check`; no token is sent."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiohttp

from backupd.core.errors import VendorError
from backupd.core.http import http_date
from backupd.zoho.exchange import exchange
from backupd.zoho.hosts import place_of


@dataclass(frozen=True, slots=True)
class Reached:
    """What came of knocking at a host."""

    problem: str | None
    date: datetime | None = None  # by its own clock


async def reach(session: aiohttp.ClientSession, host: str, *, within: float) -> Reached:
    """Connect, by TLS unless it is this machine, and ask for nothing in particular; whatever is answered will do."""
    place = place_of(f"https://{host}/")
    scheme = "http" if place is not None and place.is_loopback else "https"
    try:
        async with asyncio.timeout(within):
            answer = await exchange(session, host, "HEAD", f"{scheme}://{host}/")
    except TimeoutError:
        return Reached(f"{host}: no answer within {within:g} s")
    except VendorError as error:
        return Reached(str(error))
    return Reached(None, http_date(answer.headers.get("date")))


def unusable_certificates(places: Mapping[str, str]) -> Mapping[str, str]:
    """Say, by the variable that names them, why certificates cannot be loaded. Blocking.

    OpenSSL itself passes over what it cannot read, and then trusts nobody.
    """
    found = {name: _problem(Path(path)) for name, path in places.items()}
    return {name: problem for name, problem in found.items() if problem is not None}


def _problem(path: Path) -> str | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if path.is_dir():
            return None if any(path.iterdir()) else "is an empty folder"
        context.load_verify_locations(cafile=path)
    except ssl.SSLError:
        return "holds no certificates"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None
