"""The control interface: what tests do to the vendor from another process, as JSON under /_control/.

GET requests, state · DELETE requests, faults · POST runs, links, switches, serving, faults, files, tokens, pace, clock,
reset. A body may name an organisation (`"org"`); without, the first is meant. Errors are 400 with a text.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, fields, replace
from datetime import timedelta
from typing import Any

from aiohttp import web

from backupd.simulator.exchange import VENDOR
from backupd.simulator.faults import read_fault
from backupd.simulator.reading import ScenarioError, read
from backupd.simulator.scenario import FileSpec, RunSpec, read_scenario
from backupd.simulator.switches import Pace
from backupd.simulator.vendor import Vendor

_Act = Callable[[Vendor, dict[str, Any], str | None], None]


@dataclass(frozen=True, slots=True)
class _Links:
    job_id: str
    offered: int | None = None  # how many are given out; None: all
    expires: timedelta | None = None  # from now; None: as before


@dataclass(frozen=True, slots=True)
class _Clock:
    advance: timedelta


@dataclass(frozen=True, slots=True)
class _Tokens:
    revoke: bool = False
    throttle: bool = False
    revoke_refresh_token: bool | None = None


def routes() -> list[web.AbstractRouteDef]:
    """Give the routes."""
    acts: dict[str, _Act] = {
        "runs": _add_run, "links": _offer, "switches": _switch, "serving": _serve, "faults": _fault, "files": _file,
        "tokens": _tokens, "pace": _pace, "clock": _clock, "reset": _reset,
    }  # fmt: skip
    return [
        web.get("/_control/requests", _requests),
        web.get("/_control/state", _state),
        web.delete("/_control/requests", _forget),
        web.delete("/_control/faults", _no_faults),
        *(web.post(f"/_control/{name}", _action(act)) for name, act in acts.items()),
    ]


def _action(act: _Act) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            body = _object(await request.json() if request.can_read_body else {})
            act(request.app[VENDOR], body, body.pop("org", None))
        except ScenarioError as error:
            return web.json_response({"error": str(error)}, status=400)
        except ValueError as error:
            return web.json_response({"error": f"body: is not JSON ({error})"}, status=400)
        return web.json_response({"ok": True})

    return handle


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ScenarioError("body: a JSON object is wanted")
    return body


async def _requests(request: web.Request) -> web.StreamResponse:
    rows = [{**asdict(row), "at": row.at.isoformat()} for row in request.app[VENDOR].requests]
    return web.json_response({"requests": rows})


async def _state(request: web.Request) -> web.StreamResponse:
    vendor, now = request.app[VENDOR], request.app[VENDOR].now()
    orgs = [
        {
            "name": org.spec.name,
            "status": org.status(now),
            "quota": org.quota,
            "runs": [{"job_id": run.spec.job_id, "finished": run.finished.isoformat()} for run in org.runs],
        }
        for org in vendor.orgs
    ]
    return web.json_response(
        {"now": now.isoformat(), "url": vendor.url, "most_downloading": vendor.most_downloading, "orgs": orgs}
    )


async def _forget(request: web.Request) -> web.StreamResponse:
    request.app[VENDOR].requests.clear()
    return web.json_response({"ok": True})


async def _no_faults(request: web.Request) -> web.StreamResponse:
    for org in request.app[VENDOR].orgs:
        org.faults.clear()
    return web.json_response({"ok": True})


def _add_run(vendor: Vendor, body: dict[str, Any], org: str | None) -> None:
    files = body.pop("files", [])
    specs = tuple(_file_spec(file, f"body.files[{n}]") for n, file in enumerate(files))
    vendor.add_run(replace(read(RunSpec, body, "body"), files=specs), org=org)


def _offer(vendor: Vendor, body: dict[str, Any], org: str | None) -> None:
    links = read(_Links, body, "body")
    vendor.offer(links.job_id, links.offered, org=org)
    if links.expires is not None:
        vendor.expire(links.job_id, links.expires, org=org)


def _switch(vendor: Vendor, body: dict[str, Any], org: str | None) -> None:
    found = vendor.org(org)
    found.switches = _changed(found.switches, body)


def _serve(vendor: Vendor, body: dict[str, Any], org: str | None) -> None:
    found = vendor.org(org)
    found.serving = _changed(found.serving, body)


def _changed(standing: Any, body: dict[str, Any]) -> Any:
    new = read(type(standing), body, "body")
    return replace(standing, **{field.name: getattr(new, field.name) for field in fields(new) if field.name in body})


def _fault(vendor: Vendor, body: dict[str, Any], org: str | None) -> None:
    vendor.org(org).faults.add(read_fault(body, "body"))


def _file(vendor: Vendor, body: dict[str, Any], org: str | None) -> None:
    vendor.replace_file(str(body.pop("job_id", "")), _file_spec(body, "body"), org=org)


def _tokens(vendor: Vendor, body: dict[str, Any], org: str | None) -> None:
    tokens = read(_Tokens, body, "body")
    if tokens.revoke:
        vendor.revoke_tokens(org=org)
    if tokens.throttle:
        vendor.throttle_tokens(org=org)
    if tokens.revoke_refresh_token is not None:
        vendor.revoke_refresh_token(org=org, revoked=tokens.revoke_refresh_token)


def _pace(vendor: Vendor, body: dict[str, Any], _org: str | None) -> None:
    vendor.pace = read(Pace, body, "body")


def _clock(vendor: Vendor, body: dict[str, Any], _org: str | None) -> None:
    vendor.advance(read(_Clock, body, "body").advance)


def _reset(vendor: Vendor, body: dict[str, Any], _org: str | None) -> None:
    vendor.reset(read_scenario(body, "body") if body else None)


def _file_spec(value: object, where: str) -> FileSpec:
    """Read a file, whose content may be given in base64."""
    table = dict(value) if isinstance(value, dict) else value
    encoded = table.pop("base64", None) if isinstance(table, dict) else None
    spec = read(FileSpec, table, where)
    if encoded is None:
        return spec
    try:
        return replace(spec, content=base64.b64decode(encoded, validate=True))
    except (binascii.Error, TypeError, ValueError) as error:
        raise ScenarioError(f"{where}.base64: is not base64; encode the bytes again") from error
