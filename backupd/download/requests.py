"""Requests for one file: sent with a token to allowed hosts only, redirects by hand, and every refusal told apart.

What an expired link answers is not known (401, 403, 404, or a page with 200), so refusals are judged by the clock too.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Protocol

import aiohttp
from yarl import URL

from backupd.core.errors import AccessRefused, BackupdError, LinkDead, LinkRefused, ScopeMissing
from backupd.core.http import content_range, retry_after, version
from backupd.core.model import Link
from backupd.core.patience import Patience
from backupd.download.answer import Ask, Head
from backupd.download.setback import Setback, reason_of
from backupd.download.tools import Tools

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_TOO_MUCH = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_ERROR_TEXT = 4096  # bytes of an error's body that are looked at
_USABLE = frozenset({HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE})
_LONGEST_PAUSE = 1e6  # seconds; a longer one in a body is not believed
_CONNECT = 30.0  # seconds
_HEAD = 3  # times as long as without a byte, for a whole head
_STREAM_BUFFER = 128 * 1024  # bytes; what is received but not taken is lost with the process


class Authorizer(Protocol):
    """Hands out tokens, for allowed places only."""

    def check(self, url: str) -> None:
        """Let an allowed URL pass. Raises LinkRefused."""

    async def headers(self, url: str) -> dict[str, str]:
        """Return the headers that a request to this URL needs. Raises LinkRefused, and what a token may cost."""

    async def renew(self, headers: Mapping[str, str]) -> None:
        """Renew the token in these headers, which the server refused."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose body may be used: 200, 206 or 416."""

    response: aiohttp.ClientResponse
    head: Head
    took: float  # seconds from asking to the head


class Requests:
    """The requests for one link."""

    def __init__(
        self, link: Link, authorizer: Authorizer, tools: Tools, *, deadline: datetime, patience: Patience
    ) -> None:
        self._link, self._authorizer, self._tools = link, authorizer, tools
        self._deadline, self._patience = deadline, patience
        connect = min(_CONNECT, tools.stall)
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect, sock_read=tools.stall)
        self._stale: Mapping[str, str] | None = None  # the headers whose token was renewed

    def progressed(self) -> None:
        """A token that was renewed has worked: when it is stale one day, it may be renewed again."""
        self._stale = None

    @asynccontextmanager
    async def send(self, ask: Ask) -> AsyncIterator[Answer]:
        """Ask for bytes, and give an answer that may be used.

        Raises Setback for what may pass; LinkRefused, LinkDead, AccessRefused, ScopeMissing for what does not.
        """
        response, took = await self._follow(ask)
        try:
            yield Answer(response, _head(response), took)
        finally:
            if not response.content.at_eof():
                response.close()

    def page(self) -> BackupdError | Setback:
        """Make what to raise when a page came in place of the file."""
        if self._expired:
            return LinkDead(f"{self._name}: the file server sent a page, and the link has expired")
        return Setback("the file server sent a page in place of the zip")

    async def _follow(self, ask: Ask) -> tuple[aiohttp.ClientResponse, float]:
        url = URL(self._link.url, encoded=True)
        for _ in range(_MOST_REDIRECTS + 1):
            headers, response, took = await self._get(url, ask)
            if response.status in _USABLE:
                return response, took
            try:
                if response.status in _REDIRECTS:
                    url = self._target(url, response)
                else:
                    await self._refused(headers, response)
            finally:
                response.close()
        raise Setback("the file server redirects in circles")

    async def _get(self, url: URL, ask: Ask) -> tuple[dict[str, str], aiohttp.ClientResponse, float]:
        await self._tools.pace.gate(self._longest_pause)
        headers = await self._authorizer.headers(str(url))
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(_CONNECT + _HEAD * self._tools.stall):  # a head may come byte by byte
                response = await self._tools.session.get(
                    url,
                    headers={**headers, **_request_headers(ask)},
                    allow_redirects=False,
                    auto_decompress=False,
                    read_bufsize=_STREAM_BUFFER,
                    timeout=self._timeout,
                )
        except aiohttp.InvalidURL:
            raise LinkRefused(f"{self._name}: its link is not a URL") from None  # the cause would show the link
        except aiohttp.ClientResponseError:
            raise Setback("the answer is not HTTP", reached=False) from None  # the cause would show the token
        except (aiohttp.ClientError, OSError) as error:
            raise Setback(reason_of(error), reached=False) from error
        return headers, response, asyncio.get_running_loop().time() - began

    def _target(self, url: URL, response: aiohttp.ClientResponse) -> URL:
        try:
            target = url.join(URL(response.headers["Location"], encoded=True))
        except (KeyError, ValueError):
            raise Setback("the file server redirects to nowhere") from None
        self._authorizer.check(str(target))
        return target

    async def _refused(self, headers: Mapping[str, str], response: aiohttp.ClientResponse) -> None:
        """Raise what the refusal means; return only if the same request may be sent again with a new token."""
        status = response.status
        said = await _error_text(response)
        renewed = self._stale is not None and self._stale != headers  # this is the new token already
        if status == HTTPStatus.UNAUTHORIZED and not (self._expired or renewed or _scope_or_rule(said)):
            self._stale = headers
            await self._authorizer.renew(headers)
            return
        if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._raise_passing(response, said)
        raise self._permanent(status, said)

    def _raise_passing(self, response: aiohttp.ClientResponse, said: str) -> None:
        reason = f"the file server answered {response.status}"
        pause = retry_after(response.headers.get("Retry-After"), self._tools.clock.now())
        if pause is None and response.status == HTTPStatus.TOO_MANY_REQUESTS:
            pause = _retry_after_in_details(said)
        if response.status in _TOO_MUCH:
            self._tools.places.refused()
        if pause is not None:
            pause = self._tools.pace.pause(pause, reason)
        raise Setback(reason, reached=False, pause=pause)

    def _permanent(self, status: int, said: str) -> BackupdError | Setback:
        if "INVALID_OAUTHSCOPE" in said or "OAUTH_SCOPE_MISMATCH" in said:
            return ScopeMissing(f"{self._name}: the file server wants the scope ZohoFiles.files.ALL")
        if status in (401, 403) and self._expired:
            return LinkDead(f"{self._name}: the file server answered {status}, and the link has expired")
        if status in (404, 410):
            return LinkDead(f"{self._name}: the file server answered {status}")
        if "URL_RULE_NOT_CONFIGURED" in said:
            return AccessRefused(
                f"{self._name}: the file server does not serve this path to this token (URL_RULE_NOT_CONFIGURED)",
                advice="Check that the org's data centre is right; if it is, ask the vendor's support.",
            )
        if status in (401, 403):
            return AccessRefused(f"{self._name}: the file server answered {status}, also to a new token")
        return Setback(f"the file server answered {status}")

    @property
    def _longest_pause(self) -> float:
        if self._patience.file_tries is not None:
            return self._patience.longest_wait
        return (self._deadline - self._tools.clock.now()).total_seconds()

    @property
    def _expired(self) -> bool:
        return self._tools.clock.now() >= self._deadline

    @property
    def _name(self) -> str:
        return str(self._link.file)


def _request_headers(ask: Ask) -> dict[str, str]:
    headers = {"Accept-Encoding": "identity"}
    if ask.version is not None:
        last = "" if ask.stop is None else ask.stop - 1
        headers["Range"] = f"bytes={ask.start}-{last}"
        if ask.version.strong is not None:
            headers["If-Range"] = ask.version.strong
    return headers


def _head(response: aiohttp.ClientResponse) -> Head:
    headers = response.headers
    if headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise Setback("the file server sent the file in another coding than asked for")
    told = headers.get("Content-Range")
    part = content_range(told) if told is not None else None
    length = response.content_length
    total = part.total if part is not None else length if response.status == HTTPStatus.OK else None
    return Head(
        status=response.status,
        length=length,
        part=part,
        part_unreadable=told is not None and part is None,
        version=version(headers.get("ETag"), headers.get("Last-Modified"), total, headers.get("Date")),
        promises_parts=headers.get("Accept-Ranges", "").strip().lower() == "bytes",
    )


async def _error_text(response: aiohttp.ClientResponse) -> str:
    """Return what an error says, in reason phrase, header and body: to be searched for known words, not to be shown."""
    try:
        body = await response.content.read(_ERROR_TEXT)
    except (aiohttp.ClientError, OSError):
        body = b""
    authenticate = response.headers.get("WWW-Authenticate", "")
    return f"{response.reason} {authenticate} {body.decode('utf-8', 'replace')}"


def _scope_or_rule(said: str) -> bool:
    return any(word in said for word in ("INVALID_OAUTHSCOPE", "OAUTH_SCOPE_MISMATCH", "URL_RULE_NOT_CONFIGURED"))


def _retry_after_in_details(said: str) -> float | None:
    try:
        answer: Any = json.loads(said[said.index("{") :])
        seconds = float(answer.get("details", {}).get("retry_after"))
    except (ValueError, TypeError, AttributeError):
        return None
    return seconds if 0 <= seconds < _LONGEST_PAUSE else None
