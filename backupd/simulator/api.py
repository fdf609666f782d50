"""Routes of the API and of the accounts server."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from backupd.simulator import answers, operations
from backupd.simulator.answers import Answer, error
from backupd.simulator.effects import Effect, Lists, Lose
from backupd.simulator.exchange import VENDOR, interrupt, note, respond
from backupd.simulator.organisation import Organisation
from backupd.simulator.tokens import Grant

_Work = Callable[[web.Request, Organisation, Effect | None], Awaitable[Answer]]


def routes() -> list[web.AbstractRouteDef]:
    """Give the routes."""
    base = "/crm/bulk/{version:v[0-9.]+}/backup"
    return [
        web.get(base, _operation("details", _details), allow_head=False),
        web.get(base + "/urls", _operation("urls", _urls), allow_head=False),
        web.get(base + "/history", _operation("history", _history), allow_head=False),
        web.post(base, _operation("schedule", _schedule)),
        web.put(base + "/{id}/actions/cancel", _operation("cancel", _cancel)),
        web.post("/oauth/v2/token", _token),
    ]


def _operation(name: str, work: _Work) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Put around an operation what all have: faults first, then the token, then the work."""

    async def handle(request: web.Request) -> web.StreamResponse:
        vendor = request.app[VENDOR]
        header = request.headers.get("Authorization")
        org = _whose(request, header)
        note(request, name, org)
        effect = org.faults.meet(name, vendor.now())
        answer = await interrupt(request, org, effect)
        if answer is None:
            token = operations.authorize(vendor.tokens, header, name, vendor.now())
            answer = token if isinstance(token, Answer) else await work(request, token.org, effect)
        if isinstance(effect, Lose) and request.transport:
            request.transport.close()
        return respond(answer)

    return handle


def _whose(request: web.Request, header: str | None) -> Organisation:
    """Give the organisation whose token is borne, for its faults; of an unknown token, the first."""
    vendor = request.app[VENDOR]
    token = vendor.tokens.find((header or "").rpartition(" ")[2])
    return token.org if token else vendor.orgs[0]


async def _details(request: web.Request, org: Organisation, _effect: Effect | None) -> Answer:
    return operations.get_details(org, request.app[VENDOR].now())


async def _urls(request: web.Request, org: Organisation, effect: Effect | None) -> Answer:
    vendor = request.app[VENDOR]
    return operations.get_urls(org, vendor.url, effect if isinstance(effect, Lists) else None, vendor.now())


async def _history(request: web.Request, org: Organisation, _effect: Effect | None) -> Answer:
    return operations.get_history(org, request.query, request.app[VENDOR].now())


async def _schedule(request: web.Request, org: Organisation, _effect: Effect | None) -> Answer:
    return operations.schedule(org, await request.read(), request.app[VENDOR].now())


async def _cancel(request: web.Request, org: Organisation, _effect: Effect | None) -> Answer:
    return operations.cancel(org, request.match_info["id"], request.app[VENDOR].now())


async def _token(request: web.Request) -> web.StreamResponse:
    vendor = request.app[VENDOR]
    form = {**request.query, **{key: str(value) for key, value in (await request.post()).items()}}
    org = vendor.tokens.claimant(form) or vendor.orgs[0]
    note(request, "token", org)
    answer = await interrupt(request, org, org.faults.meet("token", vendor.now()))
    if answer is None:
        grant = vendor.tokens.grant(form, vendor.now())
        if isinstance(grant, Grant):
            answer = answers.token(grant, org.switches.api_domain or vendor.url)
        else:
            answer = answers.token_refusal(grant, throttle_status=org.switches.token_throttle_status)
    return respond(answer)


@web.middleware
async def unknown(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer in the vendor's words where there is no such address or method."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return respond(error(404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one"))
    except web.HTTPMethodNotAllowed:
        if request.path.startswith("/v2/"):
            return respond(error(405, "METHOD_NOT_ALLOWED", "The HTTP method is not allowed"))
        return respond(error(400, "INVALID_REQUEST_METHOD", "The http request method type is not a valid one"))
