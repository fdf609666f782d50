"""A real browser, and the page that it looks at: made-up orgs, or none of them."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Page, async_playwright

from backupd.clock import SystemClock
from backupd.core import events
from backupd.core.overview import OrgStatus
from backupd.web import Front, Place
from tests.fakes.facts import FakeFacts, under_way
from tests.fakes.records import Ear

_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
_AXE = _CACHE / "backupd-tests" / "node_modules" / "axe-core" / "axe.min.js"

Scheme = Literal["light", "dark"]


@dataclass
class Tab:
    """One page in the browser, and all that went wrong in it."""

    page: Page
    base: str
    front: Front
    facts: FakeFacts
    problems: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def go(self, path: str = "") -> None:
        """Go to a page of ours, and let it settle."""
        await self.page.goto(self.base + path)
        await self.page.wait_for_selector("#live[data-state=on]")

    async def look_away(self, *, away: bool = True) -> None:
        """Let the page believe that it is not seen, or seen again; a browser without a screen always shows all tabs."""
        await self.page.evaluate(
            """away => {
                Object.defineProperty(document, "hidden", { value: away, configurable: true });
                document.dispatchEvent(new Event("visibilitychange"));
            }""",
            away,
        )

    async def overflow(self) -> int:
        """Tell by how many pixels the page is too wide."""
        width = await self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return int(width)

    async def hindrances(self) -> list[str]:
        """Let axe say what keeps people from using the page."""
        assert _AXE.exists(), f"{_AXE} is missing: tests/system/install-tools gets it"
        await self.page.evaluate(_AXE.read_text(encoding="utf-8"))
        found: dict[str, Any] = await self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [f"{each['id']}: {node['html']}" for each in found["violations"] for node in each["nodes"]]

    async def focused(self) -> str:
        """Tell the text of what has the focus."""
        text = await self.page.evaluate("document.activeElement.innerText || document.activeElement.localName")
        return str(text).strip()


@asynccontextmanager
async def browse(
    *orgs: OrgStatus, token: str | None = None, width: int = 1280, scheme: Scheme = "light", script: bool = True
) -> AsyncIterator[Tab]:
    """Serve these orgs, and open a browser."""
    chromium = shutil.which("chromium")
    assert chromium, "chromium is missing: tests/system/install-tools gets it"
    ear, facts = Ear(), FakeFacts(*orgs, now=datetime.now(UTC))
    async with Front(SystemClock(), ear, "1.0") as front, async_playwright() as play:
        await front.show(Place("127.0.0.1", 0, token), facts)
        base = ear.of(events.PageServed)[0].address
        browser = await play.chromium.launch(executable_path=chromium, args=list(_FLAGS))
        context = await browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script
        )
        page = await context.new_page()
        tab = Tab(page, base, front, facts)
        page.on("console", lambda said: tab.problems.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: tab.problems.append(str(error)))
        page.on("request", lambda request: tab.asked.append(request.url))
        try:
            yield tab
        finally:
            await browser.close()


def download(front: Front, received: int = 610_000_000, *, org: str = "acme_eu") -> None:
    """Let the download of an org that is under way get so far."""
    (job,) = under_way(org).under_way
    front(events.CycleStarted(org))
    for file, total, resumed, rate in (
        ("data/Data_002.zip", 980_000_000, 120_000_000, 18_400_000.0),
        ("attachments/Attachments_001.zip", 1_040_000_000, 0, 14_900_000.0),
    ):
        front(events.FileProgress(org, job.job.job, file, received, total, resumed, rate))
