"""Servers on loopback that take what is sent to them: an HTTP one for webhooks and heartbeats, and one for mail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Catcher:
    """What came in, and how to answer it."""

    url: str = ""
    caught: list[tuple[str, str]] = field(default_factory=list)  # path with query, and body
    answers: list[int] = field(default_factory=list)  # statuses of the next answers; then 200
    hold: asyncio.Event | None = None  # answers wait for it
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [path for path, _ in self.caught]

    async def until(self, count: int, *, within: float = 20) -> None:
        """Wait until so much came in, in real seconds."""
        async with asyncio.timeout(within), self.news:
            await self.news.wait_for(lambda: len(self.caught) >= count)

    async def take(self, path: str, body: str) -> None:
        """Take one in."""
        async with self.news:
            self.caught.append((path, body))
            self.news.notify_all()


@asynccontextmanager
async def http_catcher() -> AsyncIterator[Catcher]:
    """Run an HTTP server that takes everything."""
    catcher = Catcher()

    async def handle(request: web.Request) -> web.Response:
        await catcher.take(request.path_qs, await request.text())
        if catcher.hold is not None:
            await catcher.hold.wait()
        return web.Response(status=catcher.answers.pop(0) if catcher.answers else 200)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    catcher.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield catcher
    finally:
        await runner.cleanup()


@dataclass
class Postbox:
    """The mails that came in."""

    port: int = 0
    mails: list[Message] = field(default_factory=list)
    refuses: bool = False

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802  # the form that the server calls
        """Take a mail, or not."""
        if self.refuses:
            return "554 No thanks"
        content = envelope.content
        self.mails.append(message_from_bytes(content if isinstance(content, bytes) else b"", policy=default))
        return "250 OK"


@asynccontextmanager
async def postbox() -> AsyncIterator[Postbox]:
    """Run a mail server."""
    box = Postbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(box, hostname="localhost", loop=loop), "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()
