"""The login: the token once, in a form, for a cookie that no script can read and no other site can send."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

import aiohttp_jinja2
from aiohttp import web

from backupd.web.guard import COOKIE, LOGIN_LASTS, Guard, own_path

_FORM: Final = "application/x-www-form-urlencoded"
_FIELDS: Final = 8  # more than ours has
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
        form = await _form(request)
        session = await self._guard.log_in(form.get("token", ""))
        target = own_path(form.get("next", "/"))
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


async def _form(request: web.Request) -> Mapping[str, str]:
    """Read the form as our page sends it; what else comes is refused, or is at least no right token."""
    if request.content_type != _FORM:
        raise web.HTTPUnsupportedMediaType(text=f"Send the form as {_FORM}.\n")
    try:
        return dict(parse_qsl((await request.read()).decode("utf-8", "replace"), max_num_fields=_FIELDS))
    except ValueError as error:
        raise web.HTTPBadRequest(text="This is not the form of this page.\n") from error


def _refuse_foreign(request: web.Request) -> None:
    if request.headers.get("Sec-Fetch-Site") in _FOREIGN:
        raise web.HTTPForbidden(text="This form belongs to another page.\n")
