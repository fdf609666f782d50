"""One HTTP exchange with the vendor: bounded in time and size, no redirects, no foreign exception.

The only module of this package that speaks aiohttp. Decides nothing about what an answer means.
"""

import os
import ssl
from collections.abc import Mapping
from types import MappingProxyType

import aiohttp

from backupd.core.errors import UnreadableAnswer, VendorUnavailable
from backupd.zoho.failures import Answer

_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=15)
_LARGEST = 8 * 1024 * 1024  # bytes of an answer; a full page of history is about 100 KB
_BLOCK = 65536
_CERTIFICATE_ADVICE = "If a proxy of yours inspects TLS, name its certificate in SSL_CERT_FILE."
_NAME_ADVICE = "Check HTTPS_PROXY, and `accounts_url` and `api_domain` if they are set."


class NotSent(VendorUnavailable):
    """No connection came about, so the vendor has not seen the request."""


class _Broken(aiohttp.ClientError):
    """A connection that broke after the request was sent; aiohttp does not know this error, and leaves it at that."""


async def _only_once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    try:
        return await send(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Broken from error


async def exchange(
    session: aiohttp.ClientSession,
    call: str,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] = MappingProxyType({}),
    form: Mapping[str, str] | None = None,
    body: bytes | None = None,
    once: bool = False,
) -> Answer:
    """Send one request and read its answer in full. `call` names it in errors, which never show URL, header or body.

    With `once`, aiohttp does not send it again by itself when the connection breaks, as it does with a GET or PUT.
    Raises VendorUnavailable (NotSent if the vendor cannot have seen it) and UnreadableAnswer (too large).
    """
    try:
        async with session.request(
            method,
            url,
            headers=headers,
            data=dict(form) if form is not None else body,
            allow_redirects=False,
            timeout=_TIMEOUT,
            middlewares=(_only_once,) if once else None,
        ) as response:
            content = await _read(response, call)
            return Answer(response.status, {name.lower(): text for name, text in response.headers.items()}, content)
    except aiohttp.ClientResponseError:  # our error, raised below, must not hold on to it: it shows the headers sent
        failure = VendorUnavailable(f"{call}: what came back is not HTTP, or a proxy refused to pass the request on")
    except aiohttp.InvalidURL:  # a proxy's: its text shows the proxy's password
        failure = _unusable_name(call)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise _not_sent(call, error) from error
    except TimeoutError as error:
        raise VendorUnavailable(f"{call}: no answer within {_TIMEOUT.total:g} s") from error
    except (aiohttp.ClientError, OSError) as error:
        broken = error.__cause__ if isinstance(error, _Broken) else error
        raise VendorUnavailable(f"{call}: the connection broke ({type(broken).__name__})") from error
    except ValueError:  # a proxy's port, or a label of a name that is no such thing
        failure = _unusable_name(call)
    raise failure


async def _read(response: aiohttp.ClientResponse, call: str) -> bytes:
    content = bytearray()
    async for block in response.content.iter_chunked(_BLOCK):
        content += block
        if len(content) > _LARGEST:
            raise UnreadableAnswer(f"{call}: the answer is larger than {_LARGEST} bytes")
    return bytes(content)


def _unusable_name(call: str) -> VendorUnavailable:
    return VendorUnavailable(f"{call}: the name of the host or of a proxy cannot be used", advice=_NAME_ADVICE)


def _not_sent(call: str, error: aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError) -> NotSent:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return NotSent(f"{call}: no connection within {_TIMEOUT.connect:g} s")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return NotSent(f"{call}: the name {error.host} cannot be resolved")
    cause = error.os_error
    if isinstance(cause, ssl.SSLCertVerificationError):
        message = f"{call}: the certificate of {error.host} is not trusted: {cause.verify_message}"
        return NotSent(message, advice=_CERTIFICATE_ADVICE)
    reason = os.strerror(cause.errno) if cause.errno else type(cause).__name__
    return NotSent(f"{call}: no connection to {error.host}: {reason}")
