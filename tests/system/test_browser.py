"""The page in a real browser: it moves by itself, fits every screen, needs no mouse, and hinders nobody."""

import os
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backupd.core import events
from backupd.core.errors import ArchiveError
from tests.fakes.facts import archived, in_danger, missed, protected, under_way
from tests.system.browsing import browse, download

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

TOKEN = "correct-horse-battery-staple"
NOW = datetime.now(UTC)
PAGES = {
    "all": "",
    "protected": "orgs/main",
    "in-danger": "orgs/north",
    "missed": "orgs/legacy",
    "under-way": "orgs/acme_eu",
    "snapshot": "snapshots/{path}",
}


def everything():
    return protected(now=NOW), under_way(now=NOW), in_danger(now=NOW), missed(now=NOW)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Where the pictures go: BACKUPD_SCREENSHOTS, for whoever wants to look at them."""
    folder = Path(os.environ.get("BACKUPD_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
async def test_every_page_fits_the_screen_and_hinders_nobody(width, scheme, pictures):
    async with browse(*everything(), width=width, scheme=scheme) as tab:
        download(tab.front)
        path = archived("main", tab.facts.now)[0].path
        for name, page in PAGES.items():
            await tab.go(page.format(path=path))
            picture = pictures / f"{name}-{width}-{scheme}.png"
            await tab.page.screenshot(path=picture, full_page=True)

            assert await tab.overflow() == 0, name
            assert await tab.hindrances() == [], name
            assert picture.stat().st_size > 10_000

        assert tab.problems == []
        assert {url.split("/")[2] for url in tab.asked} == {tab.base.split("/")[2]}


async def test_the_longest_names_fit_the_smallest_screen():
    name = "a_" * 30
    async with browse(protected(name, NOW), width=360) as tab:
        for page in ("", f"orgs/{name}", f"snapshots/{archived(name, tab.facts.now)[0].path}"):
            await tab.go(page)

            assert await tab.overflow() == 0, page


async def test_the_login_fits_and_hinders_nobody():
    async with browse(protected(now=NOW), token=TOKEN, width=360) as tab:
        await tab.page.goto(tab.base)

        assert await tab.overflow() == 0
        assert await tab.hindrances() == []


async def test_bars_move_by_themselves():
    async with browse(under_way(now=NOW)) as tab:
        download(tab.front)
        await tab.go()
        bar = tab.page.get_by_role("progressbar", name="Data_002.zip")
        assert await bar.evaluate("bar => bar.value / bar.max") == pytest.approx(0.62, abs=0.01)

        asked = len(tab.asked)
        download(tab.front, 900_000_000)
        await tab.page.get_by_text("900.0 MB of 980.0 MB").wait_for()

        assert await bar.evaluate("bar => bar.value") == 900_000_000
        await tab.page.wait_for_timeout(600)  # the cycle that began is a change; the bars are none
        assert len(tab.asked) - asked <= 1
        assert tab.problems == []


async def test_an_open_page_asks_for_nothing_while_nothing_happens():
    async with browse(protected(now=NOW)) as tab:
        await tab.go()
        asked = len(tab.asked)
        await tab.page.wait_for_timeout(2000)

        assert len(tab.asked) == asked


async def test_what_changed_appears_and_the_focus_stays():
    async with browse(protected(now=NOW)) as tab:
        await tab.go()
        link = tab.page.get_by_role("link", name="main", exact=True)
        await link.focus()
        tab.facts.orgs = (missed("main", NOW),)

        tab.front(events.JobWasMissed("main", "4876876000001599004", 4, 1, NOW))

        await tab.page.get_by_role("heading", name="This organisation needs you").wait_for()
        assert await tab.page.title() == "1 not protected · backupd"
        assert await tab.focused() == "main"
        assert tab.problems == []


async def test_a_page_that_lost_its_line_says_so_and_catches_up():
    async with browse(protected(now=NOW)) as tab:
        await tab.go()
        tab.facts.orgs = (missed("main", NOW),)

        tab.front.feed.drop_all()

        await tab.page.wait_for_selector("#live[data-state=off]")
        await tab.page.get_by_role("heading", name="This organisation needs you").wait_for()
        assert await tab.page.locator("#live").inner_text() == "live"


async def test_a_page_that_cannot_be_renewed_says_so_until_it_can():
    async with browse(protected(now=NOW), width=360) as tab:
        await tab.go()
        tab.facts.broken = ArchiveError("/srv/backups: Input/output error")

        tab.front(events.CycleFailed("main", "archive", 73, "the disk", "look"))

        notice = tab.page.get_by_role("alert")
        await notice.wait_for()
        assert "This page is not up to date." in await notice.inner_text()
        assert "/srv/backups: Input/output error. Check the disk" in await notice.inner_text()
        assert await tab.page.locator("#live").inner_text() == "not up to date"
        assert await tab.page.title() == "Not up to date · backupd"
        assert await tab.overflow() == 0
        assert await tab.hindrances() == []

        tab.facts.broken = None  # no event tells of it
        await notice.wait_for(state="hidden")
        assert await tab.page.locator("#live").inner_text() == "live"
        assert await tab.page.title() == "All protected · backupd"


async def test_a_page_whose_daemon_ended_says_so():
    async with browse(protected(now=NOW)) as tab:
        await tab.go()

        await tab.front.show(None, tab.facts)

        notice = tab.page.get_by_role("alert")
        await notice.wait_for()
        assert "The daemon does not answer." in await notice.inner_text()
        assert await tab.page.locator("#live").inner_text() == "not up to date"


async def test_ten_tabs_are_all_live_and_all_renewed():
    async with browse(protected(now=NOW)) as tab:
        await tab.go()
        pages = [tab.page]
        for _ in range(9):
            page = await tab.page.context.new_page()
            await page.goto(tab.base)
            await page.wait_for_selector("#live[data-state=on]")
            pages.append(page)
        assert tab.front.feed.readers == 1

        tab.facts.orgs = (missed("main", NOW),)
        tab.front(events.JobWasMissed("main", "4876876000001599004", 4, 1, NOW))

        for page in pages:
            await page.get_by_role("heading", name="This organisation needs you").wait_for()
        for page in pages[:-1]:
            await page.close()
        tab.front.feed.drop_all()
        await pages[-1].wait_for_selector("#live[data-state=off]")
        await pages[-1].wait_for_selector("#live[data-state=on]")


async def test_a_browser_that_cannot_share_the_line_gives_it_back_while_nobody_looks():
    async with browse(protected(now=NOW)) as tab:
        await tab.page.add_init_script("delete window.SharedWorker")
        await tab.go()
        assert tab.front.feed.readers

        await tab.look_away()
        while tab.front.feed.readers:  # the daemon sees at its next word that nobody listens
            download(tab.front)
            await tab.page.wait_for_timeout(50)
        tab.facts.orgs = (missed("main", NOW),)
        await tab.look_away(away=False)

        await tab.page.get_by_role("heading", name="This organisation needs you").wait_for()


async def test_a_page_that_was_refused_the_line_gets_it_later_and_is_not_live_until_then():
    async with browse(protected(now=NOW)) as tab, AsyncExitStack() as crowd:
        while not tab.front.feed.is_full:
            crowd.enter_context(tab.front.feed.reader(lambda: None))
        await tab.page.goto(tab.base)
        await tab.page.wait_for_selector("#live[data-state=off]")
        assert await tab.page.locator("#live").inner_text() == "not connected"

        await crowd.aclose()

        await tab.page.wait_for_selector("#live[data-state=on]")


async def test_everything_can_be_reached_by_the_keyboard():
    async with browse(missed("main", NOW)) as tab:
        await tab.go("orgs/main")
        await tab.page.keyboard.press("Tab")
        assert await tab.focused() == "Skip to the content"
        await tab.page.keyboard.press("Enter")
        reached = []
        for _ in range(75):
            await tab.page.keyboard.press("Tab")
            reached.append(await tab.page.evaluate("document.activeElement.getAttribute('aria-label') || ''"))

        assert any(": archived" in label for label in reached)
        assert any(": missed" in label for label in reached)
        assert any(": failed at the vendor" in label for label in reached)
        outline = await tab.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"


async def test_the_page_can_be_read_without_script():
    async with browse(*everything(), script=False) as tab:
        download(tab.front)
        await tab.page.goto(tab.base)

        text = await tab.page.locator("main").inner_text()
        assert "2 of 4 organisations need you" in text
        assert "610.0 MB of 980.0 MB" in text


async def test_a_login_opens_the_page_that_was_asked_for_and_no_script_sees_the_cookie():
    async with browse(protected(now=NOW), token=TOKEN) as tab:
        await tab.page.goto(tab.base + "orgs/main")
        await tab.page.get_by_label("Token").fill("guess")
        await tab.page.get_by_role("button", name="Log in").click()
        await tab.page.get_by_role("alert").wait_for()
        await tab.page.get_by_label("Token").fill(TOKEN)
        await tab.page.get_by_role("button", name="Log in").click()
        await tab.page.wait_for_selector("#live[data-state=on]")

        assert tab.page.url == tab.base + "orgs/main"
        assert await tab.page.evaluate("document.cookie") == ""
        await tab.page.get_by_role("button", name="Log out").click()
        await tab.page.get_by_label("Token").wait_for()
        await tab.page.goto(tab.base)
        assert tab.page.url.startswith(tab.base + "login")
