"""The five calls: every documented answer, what is sent, and what is tried again."""

import errno
import traceback
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from aioresponses import CallbackResult

from backupd.core.errors import (
    AccessRefused,
    AnswerLost,
    BackupdError,
    Refused,
    ScopeMissing,
    TokenThrottled,
    UnreadableAnswer,
    UsageError,
    VendorThrottled,
    VendorUnavailable,
)
from backupd.core.events import CallRetrying, JobIdentityGuessed
from backupd.core.model import Offers, Schedule
from backupd.core.patience import DAEMON, ONE_RUN
from backupd.zoho.account import Account
from backupd.zoho.client import ZohoClient
from tests.fakes.clock import FakeClock
from tests.fakes.http_answers import HttpAnswers, MendedResponse

BASE = "https://www.zohoapis.com/crm/bulk/v8/backup"
RUN = "https://download-accl.zoho.com/v2/crm/757345985/backup/4876876000001594004"
ACCOUNT = Account(
    org="main",
    accounts_url="https://accounts.zoho.com",
    api_domain="https://www.zohoapis.com",
    download_hosts=("download-accl.zoho.com", "download.zoho.com"),
    client_id="1000.CLIENT",
    client_secret="SECRET-client",
    refresh_token="SECRET-refresh",
)
DETAILS = {
    "backup": {
        "id": "4876876000001593003",
        "scheduled_date": None,
        "start_date": None,
        "rrule": None,
        "requester": {"id": "4876876000000327001", "name": "Jane Doe", "zuid": "7534658674"},
        "status": "SCHEDULED",
    }
}
LINKS = {
    "urls": {
        "data_links": [f"{RUN}/Data_001.zip"],
        "attachment_links": [f"{RUN}/Attachments_001.zip"],
        "expiry_date": "2022-06-30T17:31:03+05:30",
    }
}
SCHEDULED = {
    "backup": {
        "status": "success",
        "code": "SUCCESS",
        "message": "Backup scheduled successfully.",
        "details": {"id": "4876876000001593003"},
    }
}


def error(code, **details):
    return {"code": code, "message": "SECRET text", "status": "error", "details": details}


KEY = ConnectionKey("www.zohoapis.com", 443, True, True, None, None, None)


class FakeTokens:
    """Tokens numbered as they are renewed; `failures` are raised first."""

    def __init__(self):
        self.number = 1
        self.asked = 0
        self.failures: list[BackupdError] = []

    async def access_token(self, *, lasting=60.0):
        assert lasting >= 60.0
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return f"SECRET-AT-{self.number}"

    async def renew(self, stale):
        assert stale == f"SECRET-AT-{self.number}"
        self.number += 1
        return await self.access_token()


class Line:
    """A client on a line that answers as foreseen, with all that it tells."""

    def __init__(self, session, http):
        self.session = session
        self.http = http
        self.clock = FakeClock(datetime(2022, 6, 24, 12, 0, tzinfo=UTC))
        self.tokens = FakeTokens()
        self.told = []
        self.client = self.with_patience(ONE_RUN)

    def with_patience(self, patience):
        return ZohoClient(
            self.session,
            ACCOUNT,
            self.tokens,
            patience=patience,
            clock=self.clock,
            tell=self.told.append,
            jitter=lambda: 1.0,
        )

    def will(self, path="", *, method="GET", status=200, **fields):
        self.http.add(BASE + path, method=method, status=status, **fields)

    def hanging(self, times, payload=None):
        """Answer after so many requests that bring nothing until their time is up."""
        left = [TimeoutError] * times

        def answer(*_args, **_fields):
            if not left:
                return CallbackResult(payload=payload, response_class=MendedResponse)
            self.clock.pass_time(seconds=30)
            raise left.pop()

        return answer

    @property
    def sent(self):
        return [(method, url.removeprefix(BASE)) for method, url, _ in self.http.calls()]

    @property
    def bearers(self):
        return [call.kwargs["headers"]["Authorization"] for _, _, call in self.http.calls()]


@pytest.fixture
async def line():
    with HttpAnswers() as http:
        async with aiohttp.ClientSession() as session:
            yield Line(session, http)


# --- what the vendor documents ---


async def test_details(line):
    line.will(payload=DETAILS)
    assert await line.client.schedule() == Schedule("4876876000001593003", "SCHEDULED")
    [(method, url, call)] = line.http.calls()
    assert (method, url) == ("GET", BASE)
    assert call.kwargs["headers"] == {"Authorization": "Zoho-oauthtoken SECRET-AT-1"}
    assert call.kwargs["allow_redirects"] is False


@pytest.mark.parametrize("status", [204, 200])
async def test_nothing_was_ever_scheduled(line, status):
    line.will(status=status)
    assert await line.client.schedule() is None


async def test_links(line):
    line.will("/urls", payload=LINKS)
    [offer] = (await line.client.offers()).jobs
    assert offer.job.job == "4876876000001594004"
    assert offer.expires_at == datetime(2022, 6, 30, 12, 1, 3, tzinfo=UTC)
    assert [str(link.file) for link in offer.links] == ["data/Data_001.zip", "attachments/Attachments_001.zip"]
    assert line.told == []


@pytest.mark.parametrize("status", [204, 200])
async def test_no_links(line, status):
    line.will("/urls", status=status)
    assert await line.client.offers() == Offers()


async def test_a_link_elsewhere_is_refused_and_the_token_stays(line):
    line.will("/urls", payload={"urls": {**LINKS["urls"], "attachment_links": ["https://evil.example/a.zip"]}})
    offers = await line.client.offers()
    assert [len(offer.links) for offer in offers.jobs] == [1]
    assert [refused.name for refused in offers.refused] == ["attachments link 1"]
    assert line.sent == [("GET", "/urls")]


async def test_a_guessed_identity_is_told_once(line):
    links = {**LINKS["urls"], "data_links": [f"{RUN}/x/y/Data_001.zip"], "attachment_links": None}
    line.will("/urls", payload={"urls": links}, repeat=True)
    jobs = [(await line.client.offers()).jobs[0].job.job for _ in range(3)]
    assert line.told == [JobIdentityGuessed("main", jobs[0], 1)]


def entries(*numbers):
    return [
        {"id": str(number), "log_time": "2022-06-23T17:31:03+05:30", "state": "completed", "action": None}
        for number in numbers
    ]


def page(number, *, of, more=None):
    info = {} if more is None else {"page": number, "per_page": 200, "count": len(of), "more_records": more}
    return {"history": entries(*of), "info": info}


async def test_history_over_pages_is_asked_for_page_by_page(line):
    line.will("/history?page=1&per_page=200", payload=page(1, of=range(200), more=True))
    line.will("/history?page=2&per_page=200", payload=page(2, of=range(200, 250), more=False))
    history = line.client.history()
    assert (await anext(history)).id == "0"
    assert line.sent == [("GET", "/history?page=1&per_page=200")]
    assert [entry.id async for entry in history] == [str(number) for number in range(1, 250)]
    assert len(line.sent) == 2


async def test_no_history(line):
    line.will("/history?page=1&per_page=200", status=204)
    assert [entry async for entry in line.client.history()] == []


async def test_an_event_that_moves_to_the_next_page_comes_once(line):
    line.will("/history?page=1&per_page=200", payload=page(1, of=[3, 2], more=True))
    line.will("/history?page=2&per_page=200", payload=page(2, of=[2, 1], more=False))
    assert [entry.id async for entry in line.client.history()] == ["3", "2", "1"]


async def test_pages_that_repeat_themselves_end_the_history(line):
    for number in (1, 2):
        line.will(f"/history?page={number}&per_page=200", payload=page(number, of=[2, 1], more=True))
    assert [entry.id async for entry in line.client.history()] == ["2", "1"]


@pytest.mark.slow
async def test_paging_that_does_not_end_is_an_error(line):
    for number in range(1, 501):
        line.will(f"/history?page={number}&per_page=200", payload=page(number, of=[number], more=True))
    with pytest.raises(UnreadableAnswer, match="does not end"):
        [entry async for entry in line.client.history()]
    assert len(line.sent) == 500


async def test_without_word_of_more_a_full_page_is_followed_by_another(line):
    line.will("/history?page=1&per_page=200", payload=page(1, of=range(200)))
    line.will("/history?page=2&per_page=200", payload=page(2, of=[200]))
    assert len([entry async for entry in line.client.history()]) == 201


@pytest.mark.parametrize(
    ("rrule", "body"),
    [(None, b'{"backup": {}}'), ("RRULE:FREQ=MONTHLY", b'{"backup": {"rrule": "RRULE:FREQ=MONTHLY"}}')],
)
async def test_scheduling(line, rrule, body):
    line.will(method="POST", payload=SCHEDULED)
    assert await line.client.create_schedule(rrule) == "4876876000001593003"
    [(_, _, call)] = line.http.calls()
    assert call.kwargs["data"] == body
    assert call.kwargs["headers"]["Content-Type"] == "application/json"


@pytest.mark.parametrize("code", ["INVALID_DATA", "BACKUP_ALREADY_SCHEDULED", "LIMIT_EXCEEDED", "LIMIT_REACHED"])
async def test_scheduling_refused(line, code):
    line.will(method="POST", status=400, payload={"backup": error(code)})
    with pytest.raises(Refused, match=code) as caught:
        await line.client.create_schedule(None)
    assert caught.value.code == code
    assert caught.value.advice


async def test_cancelling(line):
    line.will("/4876876000001593003/actions/cancel", method="PUT", payload=SCHEDULED)
    await line.client.cancel_schedule("4876876000001593003")
    [(_, _, call)] = line.http.calls()
    assert call.kwargs["data"] is None


@pytest.mark.parametrize(
    "payload",
    [{"backup": error("ALREADY_CANCELLED")}, {"backup": error("INPROGRESS")}, error("RESOURCE_NOT_FOUND")],
)
async def test_cancelling_refused(line, payload):
    line.will("/1/actions/cancel", method="PUT", status=400, payload=payload)
    with pytest.raises(Refused):
        await line.client.cancel_schedule("1")


@pytest.mark.parametrize("schedule_id", ["", "../urls", "1/actions/other", "1?x=1"])
async def test_an_id_that_is_none_is_not_sent(line, schedule_id):
    with pytest.raises(UsageError):
        await line.client.cancel_schedule(schedule_id)
    assert line.sent == []


# --- tokens ---


@pytest.mark.parametrize("code", ["INVALID_TOKEN", "INVALID_OAUTHTOKEN", "AUTHENTICATION_FAILURE"])
async def test_a_stale_token_is_renewed_once_and_the_call_made_again(line, code):
    line.will(status=401, payload=error(code))
    line.will(payload=DETAILS)
    assert await line.client.schedule() is not None
    assert line.bearers == ["Zoho-oauthtoken SECRET-AT-1", "Zoho-oauthtoken SECRET-AT-2"]


async def test_a_new_token_that_is_refused_too_ends_it(line):
    line.will(status=401, payload=error("INVALID_TOKEN"), repeat=True)
    with pytest.raises(AccessRefused) as caught:
        await line.client.schedule()
    assert len(line.sent) == 2
    assert line.tokens.number == 2
    assert "data_center" in caught.value.advice


async def test_an_order_refused_for_its_token_is_sent_again_with_a_new_one(line):
    line.will(method="POST", status=401, payload=error("INVALID_TOKEN"))
    line.will(method="POST", payload=SCHEDULED)
    assert await line.client.create_schedule(None) == "4876876000001593003"


async def test_a_missing_scope_never_renews(line):
    line.will("/urls", status=401, payload=error("OAUTH_SCOPE_MISMATCH"))
    with pytest.raises(ScopeMissing):
        await line.client.offers()
    assert (len(line.sent), line.tokens.number) == (1, 1)


async def test_a_missing_role_never_renews(line):
    line.will(status=403, payload=error("NO_PERMISSION"))
    with pytest.raises(AccessRefused, match="NO_PERMISSION") as caught:
        await line.client.schedule()
    assert "Administrator" in caught.value.advice
    assert (len(line.sent), line.tokens.number) == (1, 1)


async def test_a_token_throttle_ends_a_call_at_once(line):
    line.tokens.failures = [TokenThrottled("throttled", until=line.clock.now() + timedelta(minutes=10))]
    with pytest.raises(TokenThrottled):
        await line.with_patience(DAEMON).schedule()
    assert (line.sent, line.clock.slept, line.tokens.asked) == ([], [], 1)


# --- trying again ---


@pytest.mark.parametrize(
    "failure",
    [
        {"status": 500, "payload": error("INTERNAL_ERROR")},
        {"status": 502, "body": "<html>SECRET</html>"},
        {"status": 429, "payload": error("TOO_MANY_REQUESTS")},
        {"timeout": True},
        {"exception": aiohttp.ServerDisconnectedError()},
        {"exception": aiohttp.ClientPayloadError("SECRET")},
        {"exception": ConnectionResetError()},
    ],
)
async def test_reading_is_tried_again_with_growing_pauses(line, failure):
    for _ in range(3):
        line.will(**failure)
    line.will(payload=DETAILS)
    assert await line.client.schedule() is not None
    assert line.clock.slept == [1.0, 2.0, 4.0]
    assert [(type(event), event.call, event.attempt, event.wait) for event in line.told] == [
        (CallRetrying, "GET /backup", 1, 1.0),
        (CallRetrying, "GET /backup", 2, 2.0),
        (CallRetrying, "GET /backup", 3, 4.0),
    ]
    assert "SECRET" not in str(line.told)


async def test_reading_ends_after_four_tries(line):
    line.will(status=503, repeat=True)
    with pytest.raises(VendorUnavailable, match="503"):
        await line.client.schedule()
    assert len(line.sent) == 4


async def test_a_token_endpoint_that_fails_in_passing_is_tried_again_too(line):
    line.tokens.failures = [VendorUnavailable("token endpoint is down")]
    line.will(payload=DETAILS)
    assert await line.client.schedule() is not None


async def test_the_wait_that_the_vendor_asks_for_is_kept(line):
    line.will(status=429, payload=error("TOO_MANY_REQUESTS"), headers={"Retry-After": "45"})
    line.will(status=429, payload=error("TOO_MANY_REQUESTS", retry_after=50))
    line.will(payload=DETAILS)
    assert await line.client.schedule() is not None
    assert line.clock.slept == [45.0, 50.0]


async def test_a_wait_longer_than_our_patience_ends_the_call_and_says_how_long(line):
    line.will(status=429, payload=error("TOO_MANY_REQUESTS"), headers={"Retry-After": "61"})
    with pytest.raises(VendorThrottled) as caught:
        await line.client.schedule()
    assert caught.value.retry_after == timedelta(seconds=61)
    assert line.clock.slept == []

    line.will(status=429, payload=error("TOO_MANY_REQUESTS"), headers={"Retry-After": "61"})
    line.will(payload=DETAILS)
    assert await line.with_patience(DAEMON).schedule() is not None


async def test_waiting_ends_when_two_minutes_have_passed_in_all(line):
    line.will(status=429, headers={"Retry-After": "60"}, repeat=True)
    with pytest.raises(VendorThrottled):
        await line.client.schedule()
    assert line.clock.slept == [60.0, 60.0]


async def test_a_vendor_that_hangs_gets_the_two_minutes_once_and_not_for_each_call(line):
    began = line.clock.monotonic()
    line.will(callback=line.hanging(9), repeat=True)
    line.will("/urls", callback=line.hanging(9), repeat=True)

    for call in (line.client.schedule, line.client.offers):
        with pytest.raises(VendorUnavailable, match="no answer within 30 s"):
            await call()

    assert line.clock.monotonic() - began <= 150
    assert line.sent == [("GET", "")] * 3 + [("GET", "/urls")]


async def test_an_answer_gives_a_later_call_its_two_minutes_back(line):
    line.will(callback=line.hanging(2, DETAILS), repeat=True)
    line.will("/urls", callback=line.hanging(2, LINKS), repeat=True)

    assert await line.client.schedule() is not None
    assert (await line.client.offers()).jobs


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 404, "payload": error("INVALID_URL_PATTERN")},
        {"status": 400, "payload": error("INVALID_REQUEST_METHOD")},
        {"status": 200, "body": "<html>SECRET</html>"},
        {"status": 302, "headers": {"Location": "https://evil.example/"}},
    ],
)
async def test_what_will_not_pass_is_not_tried_again(line, answer):
    line.will(**answer)
    with pytest.raises(BackupdError, match=r"^GET /backup: ") as caught:
        await line.client.schedule()
    assert not caught.value.passing
    assert len(line.sent) == 1
    assert "SECRET" not in f"{caught.value} {caught.value.advice}"


# --- orders are sent once ---


@pytest.mark.parametrize(
    "answer",
    [
        {"timeout": True},
        {"exception": aiohttp.ServerDisconnectedError()},
        {"status": 500, "payload": error("INTERNAL_ERROR")},
        {"status": 502, "body": "<html></html>"},
        {"status": 200, "body": "<html></html>"},
        {"status": 200, "body": ""},
        {"status": 200, "payload": {"backup": {"status": "success", "code": "SUCCESS"}}},
    ],
)
async def test_an_order_whose_answer_is_lost_is_not_sent_again(line, answer):
    line.will(method="POST", **answer)
    with pytest.raises(AnswerLost) as caught:
        await line.client.create_schedule(None)
    assert line.sent == [("POST", "")]
    assert not caught.value.passing
    assert "schedule show" in caught.value.advice


async def test_a_throttled_order_is_not_sent_again(line):
    line.will(method="POST", status=429, headers={"Retry-After": "1"})
    with pytest.raises(VendorThrottled):
        await line.client.create_schedule(None)
    assert line.sent == [("POST", "")]


async def test_a_token_that_could_not_be_had_does_not_make_an_order_a_lost_one(line):
    line.tokens.failures = [VendorUnavailable("down")] * 4
    with pytest.raises(VendorUnavailable) as caught:
        await line.client.create_schedule(None)
    assert type(caught.value) is VendorUnavailable
    assert line.sent == []
    assert len(line.clock.slept) == 3


@pytest.mark.parametrize(
    "exception", [UnicodeError("label too long"), ValueError("u:SECRET@proxy"), aiohttp.InvalidURL("u:SECRET@proxy")]
)
async def test_a_name_that_the_network_library_cannot_use_is_an_error_of_ours(line, exception):
    line.will(exception=exception, repeat=True)
    with pytest.raises(VendorUnavailable, match="cannot be used") as caught:
        await line.client.schedule()
    assert "HTTPS_PROXY" in caught.value.advice
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("exception", "reason"),
    [
        (aiohttp.ClientConnectorError(KEY, ConnectionRefusedError(errno.ECONNREFUSED, "x")), "Connection refused"),
        (aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "x")), "cannot be resolved"),
        (aiohttp.ConnectionTimeoutError("SECRET"), "no connection within 15 s"),
    ],
)
async def test_an_order_that_never_left_is_not_a_lost_one(line, exception, reason):
    line.will(method="POST", exception=exception)
    with pytest.raises(VendorUnavailable, match=reason) as caught:
        await line.client.create_schedule(None)
    assert not isinstance(caught.value, AnswerLost)
    assert caught.value.passing
    assert len(line.sent) == 1


# --- the vendor's clock ---


async def test_the_vendors_clock_is_compared_with_ours(line):
    assert line.client.clock_skew() is None
    line.will(status=204, headers={"Date": "Fri, 24 Jun 2022 12:00:30 GMT"})
    await line.client.schedule()
    assert line.client.clock_skew() == timedelta(seconds=30)
    line.will(status=204, headers={"Date": "not a date"})
    await line.client.schedule()
    assert line.client.clock_skew() == timedelta(seconds=30)
