"""The login: the token once, in a form, for a cookie that no script can read and no other site can send."""

from typing import Final

import aiohttp_jinja2
from aiohttp import web

from backupd.web.guard import COOKIE, LOGIN_LASTS, Guard, own_path

_FOREIGN: Final = frozenset({"cross-site", "same-site"})  # what a browser says of a form on somebody else's page


class Login:
    """Shows the form, takes the token, and forgets the browser again."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def form(self, request: web.Request) -> web.Response:
        """Ask for the token."""
        if self._guard.admits(request):
            raise web.HTTPSeeOther(own_path(request.query.get("next", "/")))
        return self._show(request, request.query.get("next", "/"), wrong=False)

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """Let in who has it."""
        _refuse_foreign(request)
        form = await request.post()
        session = await self._guard.log_in(str(form.get("token", "")))
        target = own_path(str(form.get("next", "/")))
        if session is None:
            return self._show(request, target, wrong=True)
        answer = web.Response(status=303, headers={"Location": target})
        answer.set_cookie(
            COOKIE,
            session,
            max_age=int(LOGIN_LASTS.total_seconds()),
            httponly=True,
            samesite="Strict",
            secure=request.secure,
        )
        return answer

    async def leave(self, request: web.Request) -> web.StreamResponse:
        """Forget this browser."""
        _refuse_foreign(request)
        answer = web.Response(status=303, headers={"Location": "/login"})
        answer.del_cookie(COOKIE, httponly=True, samesite="Strict")
        return answer

    def _show(self, request: web.Request, target: str, *, wrong: bool) -> web.Response:
        shown = {"next": own_path(target), "wrong": wrong}
        return aiohttp_jinja2.render_template("login.html", request, shown, status=403 if wrong else 200)


def _refuse_foreign(request: web.Request) -> None:
    if request.headers.get("Sec-Fetch-Site") in _FOREIGN:
        raise web.HTTPForbidden(text="This form belongs to another page.\n")
