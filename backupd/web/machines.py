"""What machines read: /healthz for monitors, /metrics for Prometheus, /events for open pages."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from backupd.core.errors import BackupdError
from backupd.core.overview import OrgStatus, Overview
from backupd.core.times import to_text
from backupd.telemetry.metrics import CONTENT_TYPE, Metrics
from backupd.web.feed import END, Feed
from backupd.web.guard import Guard
from backupd.web.ports import Facts

_SIGN_OF_LIFE = 20.0  # seconds; shows both sides, and proxies between, that the line is open
_HEALTHY, _NOT_HEALTHY = "ok", "unprotected"


class Machines:
    """Answers machines."""

    def __init__(self, facts: Facts, feed: Feed, metrics: Metrics, guard: Guard) -> None:
        self.facts = facts
        self._feed = feed
        self._metrics = metrics
        self._guard = guard

    async def healthz(self, request: web.Request) -> web.Response:
        """Say whether every org is protected: 200 or 503, and to whoever may know it, why."""
        try:
            found = await self.facts.overview()
        except BackupdError as error:
            word = "unknown"
            report: Mapping[str, Any] = {"status": word, "reason": str(error)}
        else:
            word = _HEALTHY if found.is_healthy else _NOT_HEALTHY
            report = {"status": word, "at": to_text(found.now), "orgs": [_health(org, found) for org in found.orgs]}
        status = 200 if word == _HEALTHY else 503
        if not self._guard.admits(request):
            return web.Response(text=f"{word}\n", status=status)
        return web.json_response(report, status=status)

    async def metrics(self, _request: web.Request) -> web.Response:
        """Give all metrics; what cannot be found out now is left away."""
        try:
            found: Overview | None = await self.facts.overview()
        except BackupdError:
            found = None
        return web.Response(body=self._metrics.exposition(found), headers={"Content-Type": CONTENT_TYPE})

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Stream what happens, until the reader goes away or falls behind."""
        if self._feed.is_full:
            raise web.HTTPServiceUnavailable(text="Too many pages are open.\n")
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
        )
        await response.prepare(request)
        transport = request.transport
        with self._feed.reader(transport.abort if transport else lambda: None) as messages:
            try:
                await response.write(b"retry: 3000\nevent: hello\ndata: {}\n\n")
                while (text := await _next(messages)) != END:
                    await response.write(text.encode())
            except ConnectionError:
                pass  # the reader went away, or was dropped
        return response


async def _next(messages: asyncio.Queue[str]) -> str:
    """Return all that waits, or a sign of life if nothing comes."""
    try:
        async with asyncio.timeout(_SIGN_OF_LIFE):
            text = await messages.get()
    except TimeoutError:
        return "event: alive\ndata: {}\n\n"
    while not messages.empty():
        text += messages.get_nowait()
    return text


def _health(org: OrgStatus, found: Overview) -> Mapping[str, Any]:
    judgement = org.judge(found.now)
    last = org.pulse.last_success_at
    return {
        "org": org.org,
        "configured": org.configured,
        "state": str(judgement.state),
        "reason": judgement.reason,
        "since": to_text(judgement.since) if judgement.since else None,
        "last_success_at": to_text(last) if last else None,
        "newest_taken_at": to_text(org.newest.taken.at) if org.newest else None,
    }
