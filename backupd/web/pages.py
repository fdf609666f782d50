"""The pages for people: all orgs, one org, one snapshot. Each is made anew from the facts when it is asked for."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime

import aiohttp_jinja2
from aiohttp import web

from backupd.core import calendar
from backupd.core.errors import RecordDamaged
from backupd.core.manifest import to_json
from backupd.core.names import ORG_NAME
from backupd.web.chart import NARROW, chart
from backupd.web.feed import Feed
from backupd.web.ports import Facts
from backupd.web.view import view

_SHOWN = 25  # snapshots on a page
_CHARTED = 60  # snapshots in the chart

_Year = tuple[calendar.Month, ...]


class Pages:
    """Shows what the facts say."""

    def __init__(self, facts: Facts, feed: Feed) -> None:
        self.facts = facts
        self._feed = feed
        self._looking = asyncio.Lock()  # a year of many runs is much work
        self._years: dict[str, asyncio.Task[_Year]] = {}  # by org: that have not begun yet

    async def index(self, request: web.Request) -> web.Response:
        """Show how all orgs are."""
        found = await self.facts.overview()
        orgs = sorted((view(org, found.now, self._feed) for org in found.orgs), key=lambda org: org.urgency)
        return _render("index.html", request, {"found": found, "now": found.now, "orgs": orgs})

    async def org(self, request: web.Request) -> web.Response:
        """Show one org: how it is, its year, its sizes, its snapshots."""
        name = request.match_info["org"]
        found = await self.facts.overview()
        status = next((org for org in found.orgs if org.org == name), None)
        if status is None or not ORG_NAME.fullmatch(name):
            raise web.HTTPNotFound
        today = found.now.astimezone(UTC).date()
        after = request.query.get("after", "")
        rows = await self.facts.snapshots(name, limit=_SHOWN + 1, after=after)
        newest = await self.facts.snapshots(name, limit=_CHARTED)
        shown = {
            "found": found,
            "now": found.now,
            "org": view(status, found.now, self._feed),
            "months": await self._year(name, today),
            "today": today,
            "charts": {"wide": chart(newest[::-1]), "narrow": chart(newest[::-1], width=NARROW)},
            "snapshots": rows[:_SHOWN],
            "older": rows[_SHOWN - 1].path if len(rows) > _SHOWN else None,
            "after": after,
        }
        return _render("org.html", request, shown)

    async def _year(self, org: str, today: date) -> _Year:
        """Give an org's year as it is now; who asks while another one waits for its turn shares what that gets."""
        year = self._years.get(org)
        if year is None:
            year = self._years[org] = asyncio.create_task(self._look_at_year(org, today), name=f"year of {org}")
        return await asyncio.shield(year)

    async def _look_at_year(self, org: str, today: date) -> _Year:
        async with self._looking:
            del self._years[org]  # who comes from now on may know of something newer
            first = calendar.begins(today)
            runs = await self.facts.runs(org, since=datetime(first.year, first.month, 1, tzinfo=UTC))
            return await asyncio.to_thread(calendar.year, runs.rows, today=today)

    async def snapshot(self, request: web.Request) -> web.Response:
        """Show one snapshot: its files with their checksums, and its manifest."""
        row, files, record = await self.facts.snapshot(request.match_info["path"])
        found = await self.facts.overview()
        shown = {
            "found": found,
            "now": found.now,
            "row": row,
            "files": files,
            "problem": str(record) if isinstance(record, RecordDamaged) else None,
            "manifest": None if isinstance(record, RecordDamaged) else to_json(record),
            "record": None if isinstance(record, RecordDamaged) else record,
        }
        return _render("snapshot.html", request, shown)

    async def manifest(self, request: web.Request) -> web.Response:
        """Give one snapshot's manifest as it is."""
        _, _, record = await self.facts.snapshot(request.match_info["path"])
        if isinstance(record, RecordDamaged):
            raise record
        return web.Response(text=to_json(record), content_type="application/json")


def _render(template: str, request: web.Request, shown: Mapping[str, object]) -> web.Response:
    return aiohttp_jinja2.render_template(template, request, shown)
