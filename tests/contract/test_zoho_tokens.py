"""Access tokens: what the token endpoint may answer, and that it is asked as seldom as can be."""

import asyncio
import json
import os
import stat
from datetime import timedelta

import aiohttp
import pytest

from backupd.core.errors import (
    AccessRefused,
    BackupdError,
    ConfigurationError,
    TokenThrottled,
    UnreadableAnswer,
    VendorUnavailable,
)
from backupd.core.events import ApiDomainDiffers, TokenNotKept, TokenPaused, TokenRenewed
from backupd.zoho.account import Account
from backupd.zoho.auth import Tokens, exchange_code
from tests.fakes.clock import FakeClock
from tests.fakes.http_answers import HttpAnswers

TOKEN_URL = "https://accounts.zoho.eu/oauth/v2/token"
THROTTLED = {
    "error": "Access Denied",
    "error_description": "You have made too many requests continuously. Please try again after some time.",
    "status": "failure",
}


def account(**fields):
    return Account(
        **{
            "org": "main",
            "accounts_url": "https://accounts.zoho.eu",
            "api_domain": "https://www.zohoapis.eu",
            "download_hosts": ("download-accl.zoho.eu",),
            "client_id": "1000.CLIENT",
            "client_secret": "SECRET-client",
            "refresh_token": "SECRET-refresh",
            **fields,
        }
    )


def granted(token, **fields):
    return {
        "access_token": token,
        "scope": "ZohoCRM.bulk.backup.READ",
        "api_domain": "https://www.zohoapis.eu",
        "token_type": "Bearer",
        "expires_in": 3600,
        **fields,
    }


class Desk:
    """Tokens of one org at a time, on an endpoint that answers as foreseen, with all that they tell and teach."""

    def __init__(self, session, http, path):
        self.session = session
        self.http = http
        self.path = path
        self.clock = FakeClock()
        self.told = []
        self.learnt = []
        self.tokens = self.opened()

    def opened(self, **fields):
        """Start anew, as after a restart."""
        return Tokens(
            self.session,
            account(**fields),
            cache=self.path,
            clock=self.clock,
            tell=self.told.append,
            learn=self.learnt.append,
        )

    def will_answer(self, payload, status=200, **fields):
        self.http.post(TOKEN_URL, payload=payload, status=status, **fields)

    def will_give(self, *tokens, **fields):
        for token in tokens:
            self.will_answer(granted(token, **fields))

    @property
    def asked(self):
        return len(self.http.calls())


@pytest.fixture
async def desk(tmp_path):
    with HttpAnswers() as http:
        async with aiohttp.ClientSession() as session:
            yield Desk(session, http, tmp_path / ".state" / "main.token")


async def test_a_token_is_asked_for_by_form_without_following_redirects(desk):
    desk.will_give("AT-1")
    assert await desk.tokens.access_token() == "AT-1"
    [(method, url, call)] = desk.http.calls()
    assert (method, url) == ("POST", TOKEN_URL)
    assert call.kwargs["data"] == {
        "grant_type": "refresh_token",
        "client_id": "1000.CLIENT",
        "client_secret": "SECRET-client",
        "refresh_token": "SECRET-refresh",
    }
    assert call.kwargs["allow_redirects"] is False
    assert desk.learnt == ["AT-1"]
    assert desk.told == [TokenRenewed("main", desk.clock.now() + timedelta(hours=1))]


async def test_a_token_serves_until_it_does_not_last_long_enough(desk):
    desk.will_give("AT-1", "AT-2")
    await desk.tokens.access_token()
    desk.clock.pass_time(minutes=54, seconds=59)
    assert await desk.tokens.access_token(lasting=300) == "AT-1"
    desk.clock.pass_time(seconds=1)
    assert await desk.tokens.access_token(lasting=60) == "AT-1"
    assert await desk.tokens.access_token(lasting=300) == "AT-2"
    assert desk.asked == 2


async def test_a_token_that_lives_shorter_than_it_should_last_is_not_renewed_at_every_call(desk):
    desk.will_give("AT-1", "AT-2", expires_in=60)
    assert [await desk.tokens.access_token(lasting=300) for _ in range(3)] == ["AT-1"] * 3
    desk.clock.pass_time(seconds=31)
    assert await desk.tokens.access_token(lasting=300) == "AT-2"


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"expires_in": 3600}, 3600),
        ({"expires_in": "3600"}, 3600),
        ({"expires_in": 3_600_000, "expires_in_sec": 3600}, 3600),
        ({"expires_in": 3_600_000}, 3600),
        ({"expires_in": 1800}, 1800),
        ({"expires_in": None}, 3600),
        ({"expires_in": -5}, 3600),
        ({"expires_in": True}, 3600),
        ({"expires_in": 10**30}, 86400),
        ({"expires_in": 10**400}, 86400),  # more than a float can hold
        ({"expires_in": 3_600_500}, 3600),
    ],
)
async def test_the_life_of_a_token_is_read_in_all_its_forms(desk, fields, seconds):
    desk.will_give("AT-1", **fields)
    await desk.tokens.access_token()
    assert desk.told == [TokenRenewed("main", desk.clock.now() + timedelta(seconds=seconds))]


async def test_many_who_need_a_token_at_once_ask_once(desk):
    async def slowly(_url, **_request):
        for _ in range(50):  # time enough for everybody to come and ask
            await asyncio.to_thread(int)

    for token in ("AT-1", "AT-2"):
        desk.will_answer(granted(token), callback=slowly)
    assert set(await asyncio.gather(*(desk.tokens.access_token() for _ in range(20)))) == {"AT-1"}
    assert set(await asyncio.gather(*(desk.tokens.renew("AT-1") for _ in range(20)))) == {"AT-2"}
    assert desk.asked == 2


async def test_the_token_is_kept_over_restarts_and_learnt_again(desk):
    desk.will_give("AT-1")
    await desk.tokens.access_token()
    assert await desk.opened().access_token() == "AT-1"
    assert desk.asked == 1
    assert desk.learnt == ["AT-1", "AT-1"]


async def test_the_file_is_private_and_holds_no_credential(desk):
    desk.will_give("AT-1")
    await desk.tokens.access_token()
    assert stat.S_IMODE(desk.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(desk.path.parent.stat().st_mode) == 0o700
    assert "SECRET" not in desk.path.read_text()
    assert [entry.name for entry in desk.path.parent.iterdir()] == ["main.token"]


@pytest.mark.parametrize(
    "changed",
    [{"refresh_token": "SECRET-other"}, {"client_id": "1000.OTHER"}, {"accounts_url": "https://accounts.zoho.eu/"}],
)
async def test_other_credentials_do_not_use_the_kept_token(desk, changed):
    desk.will_give("AT-1", "AT-2")
    await desk.tokens.access_token()
    assert await desk.opened(**changed).access_token() == "AT-2"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"format": "backupd.token/1"}',
        b'{"format": "backupd.token/9", "bound_to": "x"}',
        b"[" * 100_000,
    ],
)
async def test_a_kept_file_that_cannot_be_read_does_not_count(desk, content):
    desk.path.parent.mkdir()
    desk.path.write_bytes(content)
    desk.will_give("AT-1")
    assert await desk.tokens.access_token() == "AT-1"
    assert await desk.opened().access_token() == "AT-1"


@pytest.mark.parametrize(
    "token",
    [
        {"access_token": "AT\r\nX-Evil: 1", "issued_at": "2022-06-24T12:00:00Z", "expires_at": "2022-06-24T13:00:00Z"},
        {"access_token": 7, "issued_at": "2022-06-24T12:00:00Z", "expires_at": "2022-06-24T13:00:00Z"},
        {"access_token": "AT-0", "issued_at": "2022-06-24T12:00:00", "expires_at": "2022-06-24T13:00:00Z"},
        {"access_token": "AT-0"},
        "AT-0",
    ],
)
async def test_a_kept_token_that_is_none_does_not_count(desk, token):
    desk.will_give("AT-1", "AT-2")
    await desk.tokens.access_token()
    desk.path.write_text(json.dumps({**json.loads(desk.path.read_text()), "token": token}))
    assert await desk.opened().access_token() == "AT-2"


async def test_a_token_that_cannot_be_kept_works_all_the_same(desk):
    desk.path.parent.write_text("in the way")
    desk.will_give("AT-1")
    assert await desk.tokens.access_token() == "AT-1"
    assert await desk.tokens.access_token() == "AT-1"
    assert desk.asked == 1
    assert any(isinstance(event, TokenNotKept) for event in desk.told)


async def test_a_token_that_could_not_be_kept_outranks_an_older_one_that_was(desk):
    desk.will_give("AT-1", "AT-2")
    await desk.tokens.access_token()
    desk.path.with_name(f"main.token.{os.getpid()}.new").mkdir()  # from now on nothing can be written
    desk.clock.pass_time(minutes=59)
    assert await desk.tokens.access_token() == "AT-2"
    desk.clock.pass_time(minutes=58)
    desk.will_answer(THROTTLED)
    assert await desk.tokens.access_token(lasting=300) == "AT-2"


async def test_what_a_killed_process_left_of_a_token_is_dropped_with_the_next_one(desk):
    over = await asyncio.create_subprocess_exec("true")
    await over.wait()
    left, at_work = (desk.path.with_name(f"main.token.{pid}.new") for pid in (over.pid, os.getppid()))
    desk.path.parent.mkdir()
    left.write_text("{")
    at_work.write_text("{")

    desk.will_give("AT-1")
    await desk.tokens.access_token()

    assert {entry.name for entry in desk.path.parent.iterdir()} == {"main.token", at_work.name}


async def test_the_archive_root_is_never_made_for_a_token(desk, tmp_path):
    desk.path = tmp_path / "not mounted" / ".state" / "main.token"
    desk.will_give("AT-1")
    assert await desk.opened().access_token() == "AT-1"
    assert not (tmp_path / "not mounted").exists()


async def test_a_refused_token_is_renewed_once_for_all_who_had_it(desk):
    desk.will_give("AT-1", "AT-2")
    stale = await desk.tokens.access_token()
    assert await desk.tokens.renew(stale) == "AT-2"
    assert await desk.tokens.renew(stale) == "AT-2"
    assert await desk.tokens.access_token() == "AT-2"
    assert desk.asked == 2


async def test_a_token_that_another_process_renewed_is_taken_from_the_file(desk):
    desk.will_give("AT-1", "AT-2")
    stale = await desk.tokens.access_token()
    assert await desk.opened().renew(stale) == "AT-2"  # the other process
    assert await desk.tokens.renew(stale) == "AT-2"
    assert desk.asked == 2


async def test_a_refused_token_is_not_taken_up_again_from_the_file(desk):
    desk.will_give("AT-1")
    stale = await desk.tokens.access_token()
    desk.will_answer({"error": "general_error"})
    with pytest.raises(VendorUnavailable):
        await desk.tokens.renew(stale)
    desk.will_give("AT-2")
    assert await desk.tokens.access_token() == "AT-2"


async def test_a_new_token_that_is_refused_at_once_is_not_replaced_and_goes_on_being_tried(desk):
    desk.will_give("AT-1", "AT-2", "AT-3")
    token = await desk.tokens.renew(await desk.tokens.access_token())
    desk.clock.pass_time(seconds=100)
    for _ in range(3):
        with pytest.raises(AccessRefused, match="a new access token is refused as well"):
            await desk.tokens.renew(token)
        assert await desk.tokens.access_token() == "AT-2"  # it costs nothing to see whether it is accepted by now
    assert desk.asked == 2
    desk.clock.pass_time(minutes=10)
    assert await desk.tokens.renew(token) == "AT-3"


async def test_a_vendor_that_gives_the_refused_token_again_is_not_asked_again(desk):
    desk.will_give(*["AT-1"] * 8)
    stale = await desk.tokens.access_token()
    for _ in range(3):
        with pytest.raises(AccessRefused, match="gives the access token again that it refused"):
            await desk.tokens.renew(stale)
        assert await desk.tokens.access_token() == "AT-1"
    assert desk.asked == 2
    desk.clock.pass_time(minutes=10)
    assert await desk.tokens.access_token() == "AT-1"  # asked for anew
    assert desk.asked == 3


async def test_a_token_of_another_process_is_found_also_while_none_is_asked_for(desk):
    desk.will_give("AT-1", "AT-1", "AT-2")
    stale = await desk.tokens.access_token()
    with pytest.raises(AccessRefused):
        await desk.tokens.renew(stale)
    assert await desk.opened().renew(stale) == "AT-2"  # the other process
    assert await desk.tokens.renew(stale) == "AT-2"
    assert desk.asked == 3


async def test_a_token_that_served_a_while_is_replaced(desk):
    desk.will_give(*(f"AT-{number}" for number in range(1, 9)))
    token = await desk.tokens.access_token()
    for _ in range(6):
        desk.clock.pass_time(minutes=2)
        token = await desk.tokens.renew(token)
    assert token == "AT-7"


@pytest.mark.parametrize("status", [200, 400])
async def test_a_throttle_is_never_bad_credentials_and_is_waited_out_over_restarts(desk, status):
    desk.will_answer(THROTTLED, status=status)
    until = desk.clock.now() + timedelta(minutes=10)
    with pytest.raises(TokenThrottled) as caught:
        await desk.tokens.access_token()
    assert caught.value.until == until
    assert desk.told == [TokenPaused("main", until)]

    desk.clock.pass_time(minutes=9, seconds=59)
    for tokens in (desk.tokens, desk.opened()):
        with pytest.raises(TokenThrottled) as caught:
            await tokens.access_token()
        assert caught.value.until == until
    assert desk.asked == 1

    desk.clock.pass_time(seconds=1)
    desk.will_give("AT-1")
    assert await desk.opened().access_token() == "AT-1"


async def test_a_throttle_from_a_clock_that_was_wrong_does_not_last(desk):
    desk.will_answer(THROTTLED)
    with pytest.raises(TokenThrottled):
        await desk.tokens.access_token()
    desk.clock.set_back(hours=48)
    desk.will_give("AT-1")
    assert await desk.tokens.access_token() == "AT-1"


async def test_a_token_from_the_future_is_not_trusted(desk):
    desk.will_give("AT-1", "AT-2")
    await desk.tokens.access_token()
    desk.clock.set_back(hours=48)
    assert await desk.tokens.access_token() == "AT-2"


async def test_while_no_new_token_can_be_had_the_present_one_serves(desk):
    desk.will_give("AT-1")
    await desk.tokens.access_token()
    desk.clock.pass_time(minutes=58)
    desk.will_answer(THROTTLED)
    assert await desk.tokens.access_token(lasting=300) == "AT-1"
    assert await desk.tokens.access_token(lasting=300) == "AT-1"
    desk.clock.pass_time(minutes=2)
    with pytest.raises(TokenThrottled):
        await desk.tokens.access_token()
    assert desk.asked == 2


@pytest.mark.parametrize(
    ("payload", "status", "kind", "words"),
    [
        ({"error": "invalid_code"}, 200, AccessRefused, "backupd authorize"),
        ({"error": "invalid_grant"}, 400, AccessRefused, "backupd authorize"),
        ({"error": "invalid_client"}, 200, AccessRefused, "data_center"),
        ({"error": "invalid_client_secret"}, 200, AccessRefused, "client_secret"),
        (
            {"error": "Access Denied", "error_description": "for another reason"},
            200,
            AccessRefused,
            "backupd authorize",
        ),
        ({"error": "Access Denied", "status": "failure"}, 400, TokenThrottled, "temporary"),
        ({"error": "general_error"}, 200, VendorUnavailable, "tries again"),
        ({"error": "never_seen"}, 200, AccessRefused, "never_seen"),
        ({"error": "1a2b3c_what_we_sent"}, 200, AccessRefused, "an unknown word"),
        ({"error": "e1a2b3c_what_we_sent"}, 400, AccessRefused, "an unknown word"),
        ({"error": "SECRET\nthing"}, 200, AccessRefused, "an unknown word"),
        ({"error": ["SECRET"]}, 200, AccessRefused, "an unknown word"),
        ({}, 200, UnreadableAnswer, "access_token"),
        ({"access_token": None}, 200, UnreadableAnswer, "access_token"),
        ({"access_token": "SECRET with space"}, 200, UnreadableAnswer, "access_token"),
        ({"access_token": "SECRET\r\nX: y"}, 200, UnreadableAnswer, "access_token"),
        ({"access_token": "SECRET"}, 403, UnreadableAnswer, "403"),
        ({}, 503, VendorUnavailable, "503"),
        ({}, 429, TokenThrottled, "too many"),
        ({}, 307, UnreadableAnswer, "redirect"),
    ],
)
async def test_each_answer_of_the_endpoint_has_its_consequences(desk, payload, status, kind, words):
    desk.will_answer(payload, status=status, headers={"Location": "https://evil.example/"})
    with pytest.raises(BackupdError) as caught:
        await desk.tokens.access_token()
    assert type(caught.value) is kind
    assert words in f"{caught.value} {caught.value.advice}"
    assert "SECRET" not in f"{caught.value} {caught.value!r} {caught.value.advice}"
    assert desk.asked == 1


async def test_an_answer_that_is_a_page_or_nothing_is_told_so(desk):
    for status in (200, 404):
        desk.http.post(TOKEN_URL, body="<html>SECRET</html>", status=status)
        with pytest.raises(UnreadableAnswer, match="POST /oauth/v2/token") as caught:
            await desk.tokens.access_token()
        assert "SECRET" not in str(caught.value)
    desk.http.post(TOKEN_URL, body="")
    with pytest.raises(UnreadableAnswer):
        await desk.tokens.access_token()


async def test_a_vendor_that_cannot_be_reached_is_unavailable(desk):
    desk.http.post(TOKEN_URL, timeout=True)
    with pytest.raises(VendorUnavailable, match="no answer within 30 s"):
        await desk.tokens.access_token()
    with pytest.raises(VendorUnavailable, match="connection"):
        await desk.tokens.access_token()


async def test_another_api_domain_is_told_once_and_never_used(desk):
    desk.will_give("AT-1", "AT-2", api_domain="https://www.zohoapis.com")
    await desk.tokens.renew(await desk.tokens.access_token())
    assert [event for event in desk.told if isinstance(event, ApiDomainDiffers)] == [
        ApiDomainDiffers("main", in_use="www.zohoapis.eu", answered="www.zohoapis.com")
    ]


@pytest.mark.parametrize("domain", ["https://www.zohoapis.eu/", "https://www.zohoapis.eu:443", None, "", 7])
async def test_the_same_api_domain_or_none_is_nothing_to_tell(desk, domain):
    desk.will_give("AT-1", api_domain=domain)
    await desk.tokens.access_token()
    assert not [event for event in desk.told if isinstance(event, ApiDomainDiffers)]


async def test_an_api_domain_that_is_no_url_is_told_without_its_text(desk):
    desk.will_give("AT-1", api_domain="SECRET thing")
    await desk.tokens.access_token()
    [event] = [event for event in desk.told if isinstance(event, ApiDomainDiffers)]
    assert "SECRET" not in event.answered


async def test_a_self_clients_code_becomes_a_refresh_token(desk):
    desk.will_give("AT-1", refresh_token="RT-1")
    refresh_token = await exchange_code(
        desk.session,
        accounts_url="https://accounts.zoho.eu",
        client_id="1000.CLIENT",
        client_secret="SECRET-client",
        code="SECRET-code",
        now=desk.clock.now,
        learn=desk.learnt.append,
    )
    assert refresh_token == "RT-1"
    assert desk.learnt == ["AT-1", "RT-1"]
    [(_, _, call)] = desk.http.calls()
    assert call.kwargs["data"]["grant_type"] == "authorization_code"
    assert call.kwargs["data"]["code"] == "SECRET-code"


@pytest.mark.parametrize(
    ("payload", "kind"), [({"error": "invalid_code"}, AccessRefused), (granted("AT-1"), UnreadableAnswer)]
)
async def test_a_code_that_gives_no_refresh_token_is_an_error(desk, payload, kind):
    desk.will_answer(payload)
    with pytest.raises(kind):
        await exchange_code(
            desk.session,
            accounts_url="https://accounts.zoho.eu",
            client_id="1000.CLIENT",
            client_secret="SECRET-client",
            code="SECRET-code",
            now=desk.clock.now,
            learn=desk.learnt.append,
        )


async def test_no_secret_goes_to_an_address_that_is_neither_https_nor_loopback(desk):
    with pytest.raises(ConfigurationError, match=r"orgs\.main\.accounts_url"):
        account(accounts_url="http://accounts.zoho.eu")
    with pytest.raises(ConfigurationError, match=r"orgs\.main\.api_domain"):
        account(api_domain="http://www.zohoapis.eu")
    with pytest.raises(ConfigurationError):
        await exchange_code(
            desk.session,
            accounts_url="http://accounts.zoho.eu",
            client_id="1000.CLIENT",
            client_secret="SECRET-client",
            code="SECRET-code",
            now=desk.clock.now,
            learn=desk.learnt.append,
        )
    assert desk.asked == 0


def test_no_repr_of_an_account_shows_its_secrets():
    assert "SECRET" not in repr(account())
