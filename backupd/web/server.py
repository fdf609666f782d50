"""The web server: routes, guard and headers round the pages. What it shows can be exchanged while it runs."""

import hashlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp_jinja2
import jinja2
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from backupd.core import figures, times
from backupd.core.clock import Clock
from backupd.core.errors import BackupdError, UsageError
from backupd.telemetry.metrics import Metrics
from backupd.web.feed import Feed
from backupd.web.front import Place
from backupd.web.guard import HEADERS, Guard
from backupd.web.login import Login
from backupd.web.machines import Machines
from backupd.web.pages import Pages
from backupd.web.ports import Facts

_HERE = Path(__file__).parent
_STATIC = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "line.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_OPEN = frozenset({"/login", "/healthz", *(f"/static/{name}" for name in _STATIC)})
_GRACE = 1.0  # seconds for answers under way, when it stops

_LOG = logging.getLogger("aiohttp.server")


def _is_no_noise(record: logging.LogRecord) -> bool:
    """Tell whether a line is about more than a request that is no HTTP, which anybody can send."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_LOG.addFilter(_is_no_noise)

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Listens at one place."""

    def __init__(self, place: Place, facts: Facts, *, feed: Feed, metrics: Metrics, clock: Clock, version: str) -> None:
        self.place = place
        self._feed = feed
        self._guard = Guard(place, clock)
        self._pages = Pages(facts, feed)
        self._machines = Machines(facts, feed, metrics, self._guard)
        self._runner = web.AppRunner(
            self._application(version), access_log=None, logger=_LOG, shutdown_timeout=_GRACE, keepalive_timeout=30.0
        )

    async def start(self) -> None:
        """Listen. Raises OSError."""
        await self._runner.setup()
        await web.TCPSite(self._runner, self.place.host, self.place.port).start()

    async def stop(self) -> None:
        """Listen no more; open pages are let go."""
        self._feed.drop_all()
        await self._runner.cleanup()

    @property
    def address(self) -> str:
        """Where it listens, with the port that it got."""
        port = self._runner.addresses[0][1] if self._runner.addresses else self.place.port
        return str(Place(self.place.host, port))

    def show(self, facts: Facts) -> None:
        """Show these facts from now on."""
        self._pages.facts = self._machines.facts = facts

    def _application(self, version: str) -> web.Application:
        app = web.Application(middlewares=[self._watch, _explain], client_max_size=8192)
        environment = aiohttp_jinja2.setup(
            app,
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        environment.filters |= {
            "size": figures.size,
            "rate": figures.rate,
            "instant": figures.instant,
            "short": figures.short,
            "span": figures.span,
            "rfc3339": times.to_text,
        }
        environment.globals |= {
            "ago": figures.ago,
            "counted": figures.counted,
            "version": version,
            "asks": self._guard.asks,
            "stamp": _stamp(),
        }
        login = Login(self._guard)
        app.add_routes(
            [
                web.get("/", self._pages.index),
                web.get("/orgs/{org}", self._pages.org),
                web.get("/snapshots/{path:.+}", self._pages.snapshot),
                web.get("/manifests/{path:.+}", self._pages.manifest),
                web.get("/events", self._machines.events, allow_head=False),
                web.get("/healthz", self._machines.healthz),
                web.get("/metrics", self._machines.metrics),
                web.get("/login", login.form),
                web.post("/login", login.enter),
                web.post("/logout", login.leave),
                web.get("/static/{name}", _static),
            ]
        )
        app.on_response_prepare.append(_harden)
        return app

    @web.middleware
    async def _watch(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Refuse what does not belong here before anything else is looked at."""
        if not self._guard.is_ours(request.headers.get("Host")):
            raise web.HTTPMisdirectedRequest(text="This is not the address of this page; see web.hosts.\n")
        if request.path in _OPEN or self._guard.admits(request):
            return await handler(request)
        if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
            raise web.HTTPSeeOther(request.rel_url.with_path("/login").with_query(next=request.path_qs))
        raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"}, text="The token is missing or wrong.\n")


@web.middleware
async def _explain(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Say on a page what went wrong."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return _error(request, 404, "There is nothing here", "The address leads nowhere.", "")
    except UsageError as error:
        return _error(request, 404, "There is nothing here", str(error), "")
    except BackupdError as error:
        return _error(request, 503, "The archive cannot be read", str(error), error.advice)


def _error(request: web.Request, status: int, title: str, reason: str, advice: str) -> web.Response:
    shown = {"title": title, "reason": reason, "advice": advice}
    return aiohttp_jinja2.render_template("error.html", request, shown, status=status)


async def _static(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in _STATIC:
        raise web.HTTPNotFound
    body = (_HERE / "static" / name).read_bytes()  # a few kilobytes, out of the page cache
    kept = {"Cache-Control": "public, max-age=31536000, immutable"} if "v" in request.query else {}
    return web.Response(body=body, content_type=_STATIC[name], charset="utf-8", headers=kept)


async def _harden(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")


def _stamp() -> str:
    """Return what changes when a static file does, so that browsers may keep each for ever."""
    return hashlib.sha256(b"".join((_HERE / "static" / name).read_bytes() for name in sorted(_STATIC))).hexdigest()[:12]
