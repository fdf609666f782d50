"""What all routes share: the vendor in the application, the record of each request, answers as HTTP."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from aiohttp import web

from backupd.simulator.answers import Answer, http_date, refusal
from backupd.simulator.effects import Effect, Hang, Refuse, Revoke, Say, Throttle
from backupd.simulator.organisation import Organisation
from backupd.simulator.vendor import Recorded, Vendor

VENDOR = web.AppKey("vendor", Vendor)
RECORDED = web.RequestKey("recorded", Recorded)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write down every request but those of the control interface."""
    vendor = request.app[VENDOR]
    recorded = Recorded(
        method=request.method,
        path=request.path,
        query=request.query_string,
        at=vendor.now(),
        range=request.headers.get("Range"),
        if_range=request.headers.get("If-Range"),
        authorized="Authorization" in request.headers,
        accept_encoding=request.headers.get("Accept-Encoding"),
        host=request.host,
    )
    request[RECORDED] = recorded
    if not request.path.startswith("/_control"):
        vendor.requests.append(recorded)
        vendor.tell()
    try:
        response = await handler(request)
    finally:
        recorded.done = True
        vendor.tell()
    recorded.status = response.status
    return response


async def date_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Date every answer by the vendor's clock, and note its status while it is still being sent."""
    vendor, recorded = request.app[VENDOR], request[RECORDED]
    org = next((org for org in vendor.orgs if org.spec.name == recorded.org), vendor.orgs[0])
    response.headers["Date"] = http_date(vendor.now() + org.switches.date_offset)
    recorded.status = response.status


def respond(answer: Answer) -> web.Response:
    """Put an answer into HTTP."""
    match answer.body:
        case None | "":
            return web.Response(status=answer.status, reason=answer.reason, headers=answer.headers)
        case str(text):
            headers = {"Content-Type": "text/html;charset=UTF-8", **answer.headers}
            return web.Response(status=answer.status, reason=answer.reason, headers=headers, body=text.encode())
        case body:
            headers = {**answer.headers, "Content-Type": "application/json;charset=UTF-8"}
            data = json.dumps(body).encode()
            return web.Response(status=answer.status, reason=answer.reason, headers=headers, body=data)


def note(request: web.Request, operation: str, org: Organisation | None) -> None:
    """Add to the record what the request turned out to be."""
    request[RECORDED].operation = operation
    request[RECORDED].org = org.spec.name if org else ""


async def interrupt(request: web.Request, org: Organisation, effect: Effect | None) -> Answer | None:
    """Let a fault act that comes before the answer; gives the answer that takes its place, if any."""
    vendor, operation = request.app[VENDOR], request[RECORDED].operation
    if operation != "token":
        asked = effect if isinstance(effect, Throttle) else None
        if held := org.throttle(operation, asked, vendor.now()):
            refused = Refuse(429, "TOO_MANY_REQUESTS", "Too many requests", retry_after=held.wait)
            return refusal(replace(refused, retry_after_in=held.retry_after_in))
    match effect:
        case Refuse():
            return refusal(effect)
        case Say(text, status, media_type):
            return Answer(status, text, {"Content-Type": f"{media_type};charset=UTF-8"})
        case Revoke():
            vendor.tokens.revoke(org)
        case Hang(seconds):
            await hold(request, seconds)
        case _:
            pass
    return None


async def hold(request: web.Request, span: timedelta | None) -> None:
    """Do nothing for so long; None: until the client goes away, which cancels this."""
    if span is None:
        await asyncio.Event().wait()
    else:
        await request.app[VENDOR].sleep(span.total_seconds())
