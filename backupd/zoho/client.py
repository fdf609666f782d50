"""The five calls: details, links, history, schedule, cancel; each answers in our words or raises one of our errors.

Reading calls are tried again when the vendor fails in passing; those that change something are not.
"""

import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlencode

import aiohttp

from backupd.core.clock import Clock
from backupd.core.errors import AnswerLost, UnreadableAnswer, UsageError, VendorUnavailable
from backupd.core.events import JobIdentityGuessed, Tell
from backupd.core.http import http_date
from backupd.core.model import UNKNOWN_ZGID, HistoryEntry, JobId, Link, Offers, Schedule
from backupd.core.names import is_id
from backupd.core.patience import Patience
from backupd.zoho import wire
from backupd.zoho.account import Account
from backupd.zoho.exchange import NotSent, exchange
from backupd.zoho.failures import Answer, TokenRefused, accepted
from backupd.zoho.gate import TokenSource, authorization
from backupd.zoho.links import refusal_of
from backupd.zoho.patiently import Patiently

_PER_PAGE = 200  # entries; the vendor's maximum
_MOST_PAGES = 500  # a year of history is a few; more means that the vendor's paging does not end

Answered = TypeVar("Answered")


@dataclass(frozen=True, slots=True)
class _Request:
    """One of the five calls: its name for errors, and what is sent."""

    call: str
    method: str
    path: str  # after `/backup`
    order: Mapping[str, object] | None = None


class ZohoClient:
    """One org at the vendor. Raises VendorErrors only."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        account: Account,
        tokens: TokenSource,
        *,
        patience: Patience,
        clock: Clock,
        tell: Tell,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._session = session
        self._account = account
        self._tokens = tokens
        self._patiently = Patiently(account.org, patience, clock, tell, jitter)
        self._clock = clock
        self._tell = tell
        self._skew: timedelta | None = None
        self._guessed: frozenset[JobId] = frozenset()

    async def schedule(self) -> Schedule | None:
        """Return the vendor's standing order, or None if nothing was ever scheduled."""
        return wire.schedule(await self._get(wire.DETAILS, ""))

    async def offers(self) -> Offers:
        """Return the links that the vendor shows now, whatever the schedule's status says."""
        offers = wire.offers(await self._get(wire.LINKS, "/urls"), self._account.download_hosts)
        self._tell_guesses(offers)
        return offers

    def refusal(self, link: Link) -> str | None:
        """Say why a link that is remembered must not be followed today, or return None if it may."""
        return refusal_of(link, self._account.download_hosts)

    async def history(self) -> AsyncIterator[HistoryEntry]:
        """Give the vendor's history, newest first, each entry once; a page is asked for when it is needed.

        Ends when the vendor says so, or when a page brings nothing new.
        """
        seen: set[str] = set()
        for page in range(1, _MOST_PAGES + 1):
            query = urlencode({"page": page, "per_page": _PER_PAGE})
            read = wire.history_page(await self._get(wire.HISTORY, f"/history?{query}"))
            new = [entry for entry in read.entries if entry.id not in seen]
            for entry in new:
                yield entry
            seen.update(entry.id for entry in new)
            more = len(read.entries) >= _PER_PAGE if read.more is None else read.more
            if not more or not new:
                return
        raise UnreadableAnswer(f"{wire.HISTORY}: it does not end after {_MOST_PAGES} pages")

    async def create_schedule(self, rrule: str | None) -> str:
        """Order a backup, at once (None) or by rule, and return the schedule's id. Sent only once, as it spends quota.

        Raises AnswerLost when it is unknown whether the vendor took the order.
        """
        order = {"backup": {"rrule": rrule} if rrule else {}}
        return await self._change(_Request(wire.CREATE, "POST", "", order))

    async def cancel_schedule(self, schedule_id: str) -> None:
        """Cancel a schedule. Sent only once. Raises AnswerLost when it is unknown whether that happened."""
        if not is_id(schedule_id):
            raise UsageError(f"{wire.CANCEL}: this is not the id of a schedule")
        await self._change(_Request(wire.CANCEL, "PUT", f"/{schedule_id}/actions/cancel"))

    def clock_skew(self) -> timedelta | None:
        """Return how far the vendor's clock was ahead of ours at its last answer; None if it never said."""
        return self._skew

    async def _get(self, call: str, path: str) -> wire.Document | None:
        request = _Request(call, "GET", path)
        return await self._patiently.ask(call, lambda: self._authorized(request, self._ask))

    async def _change(self, request: _Request) -> str:
        """Send what changes something, once; asking for the token beforehand may take several tries."""
        await self._patiently.ask(request.call, self._tokens.access_token)
        return await self._authorized(request, self._ask_once)

    async def _authorized(self, request: _Request, ask: Callable[[_Request, str], Awaitable[Answered]]) -> Answered:
        """Ask with a token; if the vendor refuses it, once more with another one."""
        token = await self._tokens.access_token()
        try:
            return await ask(request, token)
        except TokenRefused:
            return await ask(request, await self._tokens.renew(token))

    async def _ask_once(self, request: _Request, token: str) -> str:
        try:
            return wire.receipt(request.call, await self._ask(request, token, once=True))
        except NotSent:
            raise
        except (VendorUnavailable, UnreadableAnswer) as error:
            raise AnswerLost(f"{error}; it may have taken effect all the same, and is not sent again") from error

    async def _ask(self, request: _Request, token: str, *, once: bool = False) -> wire.Document | None:
        headers, body = authorization(token), None
        if request.order is not None:
            headers["Content-Type"], body = "application/json", json.dumps(request.order).encode()
        url = f"{self._account.bulk_url}/backup{request.path}"
        answer = await exchange(self._session, request.call, request.method, url, headers=headers, body=body, once=once)
        now = self._clock.now()
        self._note_skew(answer, now)
        return accepted(request.call, answer, now)

    def _note_skew(self, answer: Answer, now: datetime) -> None:
        date = http_date(answer.headers.get("date"))
        if date is not None:
            self._skew = date - now

    def _tell_guesses(self, offers: Offers) -> None:
        """Tell which jobs are called by a guess, each time there is a new one."""
        guessed = {offer.job: len(offer.links) for offer in offers.seen if offer.job.zgid == UNKNOWN_ZGID}
        for job, files in guessed.items():
            if job not in self._guessed:
                self._tell(JobIdentityGuessed(self._account.org, job.job, files))
        self._guessed = frozenset(guessed)
