"""The page, /healthz, /metrics and /events over real sockets: what each shows, to whom, and what it never does."""

import asyncio
import re
import socket
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import current_thread, main_thread
from types import CodeType

import aiohttp
import aiohttp_jinja2
import jinja2
import pytest
from jinja2.bccache import Bucket

from backupd.core import calendar, events
from backupd.core.errors import ArchiveError
from backupd.web import Front, Place
from backupd.web.guard import own_path
from tests.fakes.clock import FakeClock
from tests.fakes.facts import FakeFacts, archived, empty, in_danger, missed, protected, under_way
from tests.fakes.records import Ear

TOKEN = "correct-horse-battery-staple"
HTML = {"Accept": "text/html"}


class Visit:
    """A browser, and the front that it looks at."""

    def __init__(self, front: Front, facts: FakeFacts, session: aiohttp.ClientSession, base: str, clock: FakeClock):
        self.front = front
        self.facts = facts
        self.session = session
        self.base = base
        self.clock = clock

    async def get(self, path: str = "/", **rest) -> tuple[int, str, aiohttp.ClientResponse]:
        return await self.send("GET", path, **rest)

    async def send(self, method: str, path: str, **rest) -> tuple[int, str, aiohttp.ClientResponse]:
        async with self.session.request(method, self.base + path, allow_redirects=False, **rest) as answer:
            return answer.status, await answer.text(), answer


class Compiled(jinja2.BytecodeCache):
    """Keeps templates compiled for all tests, each of which has a server of its own."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(KeyError):
            bucket.code = self._code[bucket.key, bucket.checksum]

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self._code[bucket.key, bucket.checksum] = bucket.code


@pytest.fixture(scope="module")
def compiled():
    return Compiled()


@pytest.fixture(autouse=True)
def _compile_once(monkeypatch, compiled):
    monkeypatch.setattr(aiohttp_jinja2, "setup", partial(aiohttp_jinja2.setup, bytecode_cache=compiled))


@asynccontextmanager
async def visit(*orgs, token: str | None = None, hosts: tuple[str, ...] = ()):
    clock, ear, facts = FakeClock(), Ear(), FakeFacts(*(orgs or (protected(),)))
    async with Front(clock, ear, "1.2.3") as front, aiohttp.ClientSession() as session:
        await front.show(Place("127.0.0.1", 0, token, hosts), facts)
        (served,) = ear.of(events.PageServed)
        yield Visit(front, facts, session, served.address.rstrip("/"), clock)


def pages() -> list[str]:
    return ["/", "/orgs/main", f"/snapshots/{archived('main', FakeClock().now())[0].path}", "/nowhere", "/login"]


# --- what it shows --------------------------------------------------------------------------------------------------


async def test_the_front_page_says_of_every_org_how_it_is_and_the_worst_comes_first():
    async with visit(protected(), under_way(), in_danger(), missed()) as page:
        status, text, _ = await page.get()

    assert status == 200
    assert "2 of 4 organisations need you" in text
    order = [text.index(f'id="org-{org}"') for org in ("legacy", "north", "acme_eu", "main")]
    assert order == sorted(order)
    assert "The vendor refused the token: INVALID_OAUTHSCOPE" in text
    assert "Job 4876876000001599004 was missed, and nothing newer is archived." in text
    assert "812.0 GB free" in text


async def test_the_front_page_of_a_new_installation_has_no_gap():
    async with visit(empty()) as page:
        status, text, _ = await page.get()

    assert status == 200
    assert "Nothing is archived yet" in text


async def test_what_is_under_way_is_shown_with_its_bar_rate_and_deadline():
    async with visit(under_way()) as page:
        page.front(events.CycleStarted("acme_eu"))
        page.front(
            events.FileProgress(
                "acme_eu",
                "4876876000001602004",
                "data/Data_002.zip",
                610_000_000,
                980_000_000,
                120_000_000,
                18_400_000.0,
            )
        )
        _, text, _ = await page.get()

    assert 'data-file="acme_eu/4876876000001602004/data/Data_002.zip"' in text
    assert 'value="610000000" max="980000000"' in text
    assert "18.4 MB/s" in text
    assert "120.0 MB resumed" in text
    assert "1 of 4 files whole" in text
    assert re.search(r"Its links expire <time[^>]*>in 6 days</time>", text)


async def test_a_download_that_will_be_too_late_is_said_to_be():
    async with visit(under_way(left=timedelta(hours=30))) as page:
        page.front(events.FileProgress("acme_eu", "4876876000001602004", "data/Data_002.zip", 1, 10**12, 0, 1000.0))
        _, text, _ = await page.get()

    assert "at this rate it will be too late" in text


async def test_an_orgs_page_shows_its_year_its_sizes_and_its_snapshots():
    async with visit(missed("main")) as page:
        status, text, _ = await page.get("/orgs/main")

    newest = archived("main", page.facts.now)[0]
    assert status == 200
    assert f'<a class="day archived" href="/snapshots/{newest.path}"' in text
    assert 'class="day missed" role="img" tabindex="0"' in text
    assert 'class="day failed"' in text
    assert text.count('<rect class="bar"') == 30 + 26  # for a desk, and for a hand
    assert text.count('<th scope="row">') == 25
    last = archived("main", page.facts.now)[24].path
    assert f'href="/orgs/main?after={last}#snapshots"' in text


async def test_a_year_is_looked_at_beside_the_loop_and_once_for_all_who_wait(monkeypatch):
    threads = []
    real = calendar.year

    def year(*args, **named):
        threads.append(current_thread())
        return real(*args, **named)

    monkeypatch.setattr(calendar, "year", year)
    async with visit() as page:
        answers = await asyncio.gather(*(page.get("/orgs/main") for _ in range(20)))

    assert {status for status, _, _ in answers} == {200}
    assert 1 <= len(threads) <= 5
    assert main_thread() not in threads


async def test_older_snapshots_are_on_further_pages():
    async with visit() as page:
        after = archived("main", page.facts.now)[24].path
        _, text, _ = await page.get("/orgs/main", params={"after": str(after)})

    assert text.count('<th scope="row">') == 5
    assert ">Newest</a>" in text
    assert ">Older</a>" not in text


async def test_only_alarms_that_stand_are_shown():
    over = replace(_alarm("the disk is full"), cleared_at=FakeClock().now())
    async with visit(replace(in_danger(), alarms=(over, _alarm("the token was refused")))) as page:
        _, text, _ = await page.get()

    assert "The token was refused" in text
    assert "disk is full" not in text


async def test_a_partial_snapshot_is_not_shown_as_whole():
    row = archived("main", FakeClock().now())[0]._replace(missing=2)

    class Partial(FakeFacts):
        async def snapshot(self, path):
            _, *rest = await super().snapshot(path)
            return row, *rest

    async with visit() as page:
        await page.front.show(Place("127.0.0.1", 0), Partial(protected()))
        _, text, _ = await page.get(f"/snapshots/{row.path}")

    assert "2 files of this backup could not be had" in text
    assert ">Partial</span>" in text


async def test_a_damaged_file_is_marked_and_each_says_when_it_was_last_read():
    row = archived("main", FakeClock().now())[3]._replace(damaged=1)
    read_at = FakeClock().now() - timedelta(days=3)

    class Damaged(FakeFacts):
        async def snapshot(self, path):
            _, (first, second, third), record = await super().snapshot(path)
            return row, (replace(first, read_at=read_at, damaged=True), replace(second, read_at=read_at), third), record

    async with visit() as page:
        await page.front.show(Place("127.0.0.1", 0), Damaged(protected()))
        _, text, _ = await page.get(f"/snapshots/{row.path}")

    files = [re.sub(r"<[^>]*>|\s+", " ", part) for part in text.partition('class="archived"')[2].split("</li>")[:3]]
    assert "1 file is not as archived any more." in text
    assert "Damaged" in files[0]
    assert "not as it was archived; last read, 3 days ago (2022-06-21 12:00Z)" in re.sub(r" +", " ", files[0])
    assert "read again, 3 days ago" in re.sub(r" +", " ", files[1])
    assert "Damaged" not in files[1] + files[2]
    assert "verified when it was archived, " in files[2]


async def test_a_snapshots_page_shows_files_checksums_and_the_manifest():
    row, files, _ = await FakeFacts(protected()).snapshot(str(archived("main", FakeClock().now())[3].path))
    async with visit() as page:
        status, text, _ = await page.get(f"/snapshots/{row.path}")
        plain, manifest, answer = await page.get(f"/manifests/{row.path}")

    assert status == 200
    assert all(file.sha256 in text for file in files)
    assert f"cd /srv/backups/{row.path}" in text
    assert row.manifest_sha256 in text
    assert (plain, answer.content_type) == (200, "application/json")
    assert f'"job_id": "{row.job.job}"' in manifest


@pytest.mark.parametrize(
    "path", ["/nowhere", "/orgs/other", "/orgs/..%2Fmain", "/snapshots/main/2022/none", "/static/..%2Fserver.py"]
)
async def test_what_is_not_there_is_said_on_a_page(path):
    async with visit() as page:
        status, text, _ = await page.get(path)

    assert status == 404
    assert "There is nothing here" in text


async def test_an_archive_that_cannot_be_read_is_said_on_the_page_and_to_machines():
    async with visit() as page:
        page.facts.broken = ArchiveError("/srv/backups: Input/output error")
        status, text, _ = await page.get()
        health, report, _ = await page.get("/healthz")
        _, metrics, _ = await page.get("/metrics")

    assert (status, health) == (503, 503)
    assert "Input/output error" in text
    assert "Check the disk that holds the archive" in text
    assert '"status": "unknown"' in report
    assert "backupd_build_info" in metrics
    assert "backupd_protected{" not in metrics


async def test_text_from_outside_is_shown_and_never_becomes_markup():
    row = archived("main", FakeClock().now())[0]._replace(problem='"><script>alert(1)</script>')
    async with visit(
        replace(protected(), newest=row), replace(in_danger(), alarms=(_alarm("<img src=x onerror=alert(1)>"),))
    ) as page:
        _, text, _ = await page.get()

    assert "<img src=x" not in text.lower()
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert text.count("<script") == 2  # our own


def _alarm(text: str):
    (alarm,) = in_danger().alarms
    return replace(alarm, finding=replace(alarm.finding, text=text))


# --- what it never does ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", pages())
async def test_no_page_holds_script_or_style_of_its_own_or_anything_from_elsewhere(path):
    async with visit(missed("main"), in_danger(), token=None) as page:
        _, text, _ = await page.get(path) if path != "/login" else (0, *(await _login_page())[1:])

    assert not re.search(r"\sstyle\s*=|<style|\son\w+\s*=|javascript:", text)
    assert all(
        re.fullmatch(r'<script( id="line")? src="/static/[^"]+" defer>', tag)
        for tag in re.findall(r"<script[^>]*>", text)
    )
    assert all(link.startswith(("/", "#")) for link in re.findall(r'(?:href|src|action)="([^"]*)"', text))


async def _login_page():
    async with visit(token=TOKEN) as page:
        return await page.get("/login")


@pytest.mark.parametrize("path", [*pages(), "/healthz", "/metrics", "/static/page.css", "/events"])
async def test_every_answer_carries_the_headers_that_protect_it(path):
    async with visit() as page, page.session.get(page.base + path, allow_redirects=False) as answer:
        headers = answer.headers

    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Server"] == "backupd"
    assert headers["Cache-Control"]
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", pages()[:3])
async def test_nothing_can_be_changed(method, path):
    async with visit() as page:
        status, _, _ = await page.send(method, path)

    assert status == 405


async def test_what_never_changes_is_kept_by_browsers_and_what_may_change_is_not():
    async with visit() as page:
        _, text, first = await page.get()
        (style,) = re.findall(r'href="(/static/page\.css\?v=\w+)"', text)
        _, _, static = await page.get(style)

    assert first.headers["Cache-Control"] == "no-store"
    assert "immutable" in static.headers["Cache-Control"]
    assert static.content_type == "text/css"


# --- who may look ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8321", "", "evil"])
async def test_a_name_that_is_not_ours_is_refused_before_anything_is_looked_at(host):
    async with visit() as page:
        for path in ("/", "/healthz", "/metrics", "/static/page.css", "/events"):
            status, text, _ = await page.get(path, headers={"Host": host})
            assert status == 421
            assert "main" not in text
        assert page.facts.asked == 0


@pytest.mark.parametrize(
    "host", ["localhost:8321", "127.0.0.1:1", "[::1]:8321", "192.168.1.7", "LOCALHOST", "backups.example:443"]
)
async def test_our_own_names_and_addresses_are_welcome(host):
    async with visit(hosts=("backups.example",)) as page:
        status, _, _ = await page.get(headers={"Host": host})

    assert status == 200


async def test_without_the_token_there_is_one_word_and_a_form():
    async with visit(missed(), token=TOKEN) as page:
        health, word, _ = await page.get("/healthz")
        refused = [(await page.get(path))[0] for path in ("/", "/orgs/legacy", "/metrics", "/events")]
        _, _, sent_on = await page.get("/orgs/legacy", headers=HTML)
        status, form, _ = await page.get("/login?next=/orgs/legacy")
        wrong = await page.get(headers={"Authorization": "Bearer wrong"})

    assert (health, word) == (503, "unprotected\n")
    assert refused == [401] * 4
    assert (sent_on.status, sent_on.headers["Location"]) == (303, "/login?next=/orgs/legacy")
    assert status == 200
    assert 'type="password"' in form
    assert "legacy" not in form.replace("/orgs/legacy", "")
    assert (wrong[0], wrong[2].headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_the_bearer_of_the_token_sees_everything():
    async with visit(missed(), token=TOKEN) as page:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert (await page.get(headers=bearer))[0] == 200
        assert '"reason": "job 4876876000001599004 was missed' in (await page.get("/healthz", headers=bearer))[1]
        assert "backupd_protected" in (await page.get("/metrics", headers=bearer))[1]


async def test_a_login_gives_a_cookie_that_no_script_reads_and_no_other_site_sends():
    async with visit(token=TOKEN) as page:
        form = {"token": TOKEN, "next": "/orgs/main"}
        status, _, answer = await page.send("POST", "/login", data=form)
        cookie = answer.headers["Set-Cookie"]
        kept = {"Cookie": cookie.partition(";")[0]}
        # the client keeps no cookies of addresses by itself
        inside, _, _ = await page.get("/orgs/main", headers=kept)
        stream = (await page.get("/healthz", headers=kept))[1]
        page.clock.pass_time(days=7, seconds=1)
        later, _, _ = await page.get("/orgs/main", headers=kept)

    assert (status, answer.headers["Location"]) == (303, "/orgs/main")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie
    assert (inside, later) == (200, 401)
    assert "orgs" in stream


@pytest.mark.parametrize("cookie", ["", "1", ".", "99999999999.", "99999999999.0000", "²³.x", "a" * 4000])
async def test_a_made_up_cookie_opens_nothing(cookie):
    async with visit(token=TOKEN) as page:
        assert (await page.get(headers={"Cookie": f"backupd={cookie}"}))[0] == 401


@pytest.mark.parametrize(
    ("request_head", "body", "status"),
    [
        (b"GET / HTTP/1.1\r\nAuthorization: Bearer \xff\xfe", b"", 401),
        (b"GET / HTTP/1.1\r\nCookie: backupd=99999999999.\xff", b"", 401),
        (b"GET /healthz HTTP/1.1\r\nAuthorization: Bearer \xff", b"", 200),
        (b"POST /login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded", b"token=\xff\xfe", 403),
        (b"POST /login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded", b"token=%ff&next=%2F%ff", 403),
        (b"POST /login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded; charset=nope", b"token=a", 403),
        (b"POST /login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded", b"a=1&" * 99, 400),
        (b"POST /login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded", b"a" * 9000, 413),
        (b"POST /login HTTP/1.1\r\nContent-Type: multipart/form-data", b"token=a", 415),
        (b"POST /login HTTP/1.1\r\nContent-Type: application/json", b"{}", 415),
        (b"POST /login HTTP/1.1", b"token=a", 415),
        (b"GET / HTTP/1.1\r\nHost: evil.example", b"", 400),  # one more is added below
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1", b"", 400),
    ],
)
async def test_a_request_that_is_not_well_formed_is_refused_in_order(request_head, body, status, caplog):
    async with visit(token=TOKEN) as page:
        host, port = page.base.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        length = f"\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(request_head + length.encode() + body)
        answer = await reader.read()
        writer.close()

    assert int(answer.split()[1]) == status
    assert not caplog.records  # no traceback before any login


async def test_a_wrong_token_costs_time_and_gives_nothing():
    async with visit(token=TOKEN) as page:
        status, text, answer = await page.send("POST", "/login", data={"token": "guess", "next": "/"})

        assert page.clock.slept == [1.0]
    assert status == 403
    assert "That is not the token" in text
    assert "guess" not in text
    assert "Set-Cookie" not in answer.headers


async def test_a_form_on_another_site_logs_nobody_in_or_out():
    async with visit(token=TOKEN) as page:
        for path in ("/login", "/logout"):
            foreign = {"Sec-Fetch-Site": "cross-site", "Authorization": f"Bearer {TOKEN}"}
            status, _, answer = await page.send("POST", path, data={"token": TOKEN}, headers=foreign)
            assert status == 403
            assert "Set-Cookie" not in answer.headers


async def test_logging_out_takes_the_cookie_back():
    async with visit(token=TOKEN) as page:
        status, _, answer = await page.send("POST", "/logout", headers={"Authorization": f"Bearer {TOKEN}"})

    assert status == 303
    assert "Max-Age=0" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("asked", "gone_to"),
    [
        ("/orgs/main?after=x", "/orgs/main?after=x"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\r\nSet-Cookie: x", "/"),
        ("", "/"),
    ],
)
def test_a_login_leads_nowhere_else(asked, gone_to):
    assert own_path(asked) == gone_to


def test_a_place_does_not_show_its_token():
    assert TOKEN not in repr(Place("127.0.0.1", 1, TOKEN)) + str(Place("127.0.0.1", 1, TOKEN))


# --- /healthz -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("org", "status", "word"),
    [
        (protected("other"), 200, "ok"),
        (under_way(), 200, "ok"),
        (in_danger(), 503, "unprotected"),
        (missed(), 503, "unprotected"),
        (empty(), 503, "unprotected"),
        (replace(missed(), configured=False), 200, "ok"),
    ],
)
async def test_health_is_whether_every_org_is_protected_and_not_whether_a_process_runs(org, status, word):
    async with visit(protected(), org) as page:
        health, _, answer = await page.get("/healthz")
        report = await (await page.session.get(page.base + "/healthz")).json()

    assert (health, answer.content_type) == (status, "application/json")
    assert report["status"] == word
    of = next(each for each in report["orgs"] if each["org"] == org.org)
    assert of["state"] == str(org.judge(page.facts.now).state)
    assert bool(of["reason"]) == (of["state"] != "protected")
    assert report["orgs"][0]["last_success_at"] == "2022-06-24T11:49:00Z"


# --- /events --------------------------------------------------------------------------------------------------------


async def _message(stream: aiohttp.StreamReader) -> str:
    async with asyncio.timeout(5):
        return (await stream.readuntil(b"\n\n")).decode()


async def test_progress_comes_by_itself():
    async with visit(under_way()) as page, page.session.get(page.base + "/events") as stream:
        assert stream.content_type == "text/event-stream"
        assert "event: hello" in await _message(stream.content)
        page.front(events.FileProgress("acme_eu", "1", "data/Data_002.zip", 5, 10, 0, 1.0))
        assert (await _message(stream.content)).startswith("event: progress\n")
        page.front(events.JobPublished("acme_eu", "1", "p", 1, 1, 1.0))
        assert (await _message(stream.content)).startswith("event: changed\n")


async def test_a_reader_that_stops_reading_is_dropped_and_never_waited_for():
    async with visit() as page, AsyncExitStack() as cleanly:
        host, port = page.base.removeprefix("http://").split(":")
        door = cleanly.enter_context(socket.create_connection((host, int(port))))
        door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        door.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await asyncio.sleep(0.1)
        long_name = "data/" + "x" * 60_000

        async with asyncio.timeout(10):
            for number in range(2000):
                page.front(events.FileProgress("main", "1", long_name, number, None, 0, 0.0))
                await asyncio.sleep(0)
                if not page.front.feed.readers:
                    break

        assert not page.front.feed.readers
        assert (await page.get())[0] == 200


async def test_open_pages_do_not_delay_the_end(monkeypatch):
    monkeypatch.setattr("backupd.web.server._GRACE", 60.0)  # of which nothing is needed
    async with asyncio.timeout(5), visit() as page, page.session.get(page.base + "/events") as stream:
        await _message(stream.content)
        await page.front.show(None, page.facts)

        with pytest.raises(aiohttp.ClientError):
            await stream.content.read()


# --- where it listens -----------------------------------------------------------------------------------------------


async def test_a_port_that_is_taken_is_a_warning_with_a_remedy_and_nothing_worse():
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    ear = Ear()
    async with Front(FakeClock(), ear, "1") as front:
        await front.show(Place("127.0.0.1", port), FakeFacts(protected()))
        (told,) = ear.of(events.PageUnavailable)
        taken.close()
        await front.show(Place("127.0.0.1", port), FakeFacts(protected()))

        assert len(ear.of(events.PageServed)) == 1
    assert told.level == "warning"
    assert told.address == f"http://127.0.0.1:{port}/"
    assert "in use" in told.reason
    assert "web.listen" in told.advice


@pytest.mark.slow
async def test_a_reload_shows_other_facts_at_the_same_place_without_closing_it():
    async with visit() as page:
        async with page.session.get(page.base + "/events") as stream:
            await _message(stream.content)
            await page.front.show(Place("127.0.0.1", 0), FakeFacts(missed()))
            page.front(events.SettingsReloaded(1))
            assert "changed" in await _message(stream.content)
        assert "legacy" in (await page.get())[1]


async def test_with_no_place_to_listen_nothing_of_a_web_server_is_there():
    ear = Ear()
    async with Front(FakeClock(), ear, "1") as front:
        await front.show(None, FakeFacts())
        front(events.CycleStarted("main"))

    assert ear.heard == []
