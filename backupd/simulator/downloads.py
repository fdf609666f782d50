"""The file server: a zip, whole or in part, with everything that can go wrong on the way."""

import asyncio
import socket
import struct
import time
from dataclasses import fields, replace
from urllib.parse import quote, urlsplit

from aiohttp import web

from backupd.simulator import operations
from backupd.simulator.answers import Answer, error, opaque
from backupd.simulator.contents import Content, Given, altered, version
from backupd.simulator.effects import Drop, Effect, Instead, Misstate, Serve, Stall, Trickle
from backupd.simulator.exchange import RECORDED, VENDOR, hold, interrupt, note, respond
from backupd.simulator.organisation import Organisation, Run
from backupd.simulator.pace import Line
from backupd.simulator.ranges import Part, part_of, validators
from backupd.simulator.scenario import FileSpec
from backupd.simulator.switches import Serving

_SURPLUS = b"More than was announced. "


def routes() -> list[web.AbstractRouteDef]:
    """Give the routes."""
    return [
        web.get("/v2/crm/{zgid}/backup/{job}/{name}", download, allow_head=False),
        web.get("/download/{opaque}/{name}", download, allow_head=False),
    ]


async def download(request: web.Request) -> web.StreamResponse:
    """Answer the request for a file."""
    vendor, parts = request.app[VENDOR], request.match_info
    found = _find(request)
    org = found[0] if found else next((o for o in vendor.orgs if o.spec.zgid == parts.get("zgid")), vendor.orgs[0])
    note(request, "download", org)
    kind = found[2].kind if found else ""
    effect = org.faults.meet("download", vendor.now(), file=parts["name"], kind=kind)
    answer = await interrupt(request, org, effect)
    if answer is None:
        answer = _refused(request, org, found[1] if found else None)
    if answer is not None or found is None:
        return respond(answer or error(404, "INVALID_URL", "The requested file does not exist"))
    serving = _serving(org, found[2], effect)
    if serving.redirect and "redirected" not in request.query:
        return web.Response(status=serving.redirect_status, headers={"Location": _elsewhere(request, serving)})
    content = altered(await vendor.shelf.open(found[1].spec.job_id, found[2]), effect)
    return await _Sending(request, content, effect).run(serving, found[1], found[2])


def _find(request: web.Request) -> tuple[Organisation, Run, FileSpec] | None:
    """Find the file that is asked for; the query tells its kind only where two have the same name."""
    parts, kind = request.match_info, request.query.get("type")
    for org, run, file in request.app[VENDOR].files():
        where = (org.spec.zgid, run.spec.job_id)
        if parts.get("opaque") == opaque(*where, file):
            return org, run, file
        if (parts.get("zgid"), parts.get("job")) == where and file.name == parts["name"] and kind in (None, file.kind):
            return org, run, file
    return None


def _refused(request: web.Request, org: Organisation, run: Run | None) -> Answer | None:
    vendor = request.app[VENDOR]
    token = operations.authorize(vendor.tokens, request.headers.get("Authorization"), "download", vendor.now())
    if isinstance(token, Answer):
        return token
    if token.org is not org:
        return error(403, "FORBIDDEN", "You do not have permission to access this file")
    if run is None or vendor.now() < run.started:
        return error(404, "INVALID_URL", "The requested file does not exist")
    if org.is_open(run, vendor.now()):
        return None
    match org.switches.expired_link:
        case "401":
            return error(401, "INVALID_OAUTHTOKEN", "The link is not valid")
        case "403":
            return error(403, "FORBIDDEN", "The link has expired")
        case "404":
            return error(404, "INVALID_URL", "The requested file does not exist")
        case "html":
            return Answer(200, "<!DOCTYPE html><html><body>This link has expired.</body></html>")


def _serving(org: Organisation, file: FileSpec, effect: Effect | None) -> Serving:
    serving = file.serving or org.serving
    if isinstance(effect, Serve):
        given = {field.name: getattr(effect, field.name) for field in fields(effect)}
        serving = replace(serving, **{name: value for name, value in given.items() if value is not None})
    return serving


def _elsewhere(request: web.Request, serving: Serving) -> str:
    base = serving.redirect
    if "://" not in base:
        base = f"http://{base}:{urlsplit(request.app[VENDOR].url).port}"
    query = f"{request.query_string}&redirected=1".lstrip("&")
    return f"{base}{request.rel_url.raw_path}?{query}"


class _Sending:
    """One answer with a file's bytes, while it is sent."""

    def __init__(self, request: web.Request, content: Content, effect: Effect | None) -> None:
        self._request = request
        self._content = content
        self._effect = effect
        vendor = self._vendor = request.app[VENDOR]
        self._lines = (Line(lambda: vendor.pace.per_connection, time.monotonic, vendor.sleep), vendor.line)

    async def run(self, serving: Serving, run: Run, file: FileSpec) -> web.StreamResponse:
        """Send the head and what the request and the faults leave of the body."""
        marks = validators(serving, version(run.spec.job_id, file), run.changed.get(file, run.finished))
        header = None if isinstance(self._effect, Instead) else self._request.headers.get("Range")
        confirmed = marks.confirm(self._request.headers.get("If-Range"))
        part = part_of(self._content.size, header, serving, confirmed=confirmed)
        response = web.StreamResponse(status=part.status)
        response.content_type = self._content.media_type if isinstance(self._content, Given) else "application/zip"
        response.headers["Content-Disposition"] = f"attachment;filename*=UTF-8''{quote(file.name)}"
        optional = {"ETag": marks.etag, "Last-Modified": marks.last_modified, "Content-Range": part.content_range}
        optional["Accept-Ranges"] = "bytes" if serving.accept_ranges else None
        response.headers.update({name: value for name, value in optional.items() if value is not None})
        surplus = self._announce(response, serving, part)
        await response.prepare(self._request)
        vendor = self._vendor
        vendor.downloading += 1
        vendor.most_downloading = max(vendor.most_downloading, vendor.downloading)
        try:
            await self._body(response, part, surplus)
        finally:
            vendor.downloading -= 1
        return response

    def _announce(self, response: web.StreamResponse, serving: Serving, part: Part) -> int:
        """Say how long the body is, or not; gives how many bytes too few were announced."""
        by = self._effect.by if isinstance(self._effect, Misstate) else 0
        size = part.stop - part.start
        if serving.gzip and size:
            response.enable_compression(web.ContentCoding.gzip)
        elif serving.length:
            response.content_length = max(0, size + by)
        else:
            response.enable_chunked_encoding()
        return max(0, -by)

    async def _body(self, response: web.StreamResponse, part: Part, surplus: int) -> None:
        match self._effect:
            case Drop(after, how):
                await self._send(response, part.start, min(part.stop, part.start + after))
                self._end(reset=how == "reset")
            case Stall(after, seconds):
                middle = min(part.stop, part.start + after)
                await self._send(response, part.start, middle)
                await hold(self._request, seconds)
                await self._send(response, middle, part.stop)
            case Trickle(piece, pause):
                for start in range(part.start, part.stop, piece):
                    await self._send(response, start, min(start + piece, part.stop))
                    await self._vendor.sleep(pause.total_seconds())
            case Misstate():
                await self._send(response, part.start, part.stop)
                self._write_past(surplus)
                self._end(reset=False)
            case _:
                await self._send(response, part.start, part.stop)

    async def _send(self, response: web.StreamResponse, start: int, stop: int) -> None:
        while start < stop:
            size = min(stop - start, *(line.piece() for line in self._lines))
            data = await asyncio.to_thread(self._content.read, start, size)
            for line in self._lines:
                await line.take(len(data))
            await response.write(data)
            self._request[RECORDED].sent += len(data)
            self._vendor.tell()
            start += len(data)

    def _write_past(self, surplus: int) -> None:
        """Send what the announced length has no room for: aiohttp would cut it off."""
        transport = self._request.transport
        if surplus and transport:
            transport.write((_SURPLUS * (surplus // len(_SURPLUS) + 1))[:surplus])

    def _end(self, *, reset: bool) -> None:
        transport = self._request.transport
        if transport and reset:
            linger = struct.pack("ii", 1, 0)  # on, for no time: closing sends RST and drops what is unsent
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
        elif transport:
            transport.close()
