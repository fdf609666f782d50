"""The client against the simulated vendor: all calls, and each of its behaviours that reaches the client."""

from datetime import timedelta

import aiohttp
import pytest

from backupd.core.errors import (
    AccessRefused,
    AnswerLost,
    BackupdError,
    LinkRefused,
    Refused,
    ScopeMissing,
    TokenThrottled,
    UnreadableAnswer,
    VendorThrottled,
    VendorUnavailable,
)
from backupd.core.events import ApiDomainDiffers, CallRetrying, JobIdentityGuessed
from backupd.core.model import UNKNOWN_ZGID, Offers
from backupd.core.patience import ONE_RUN
from backupd.core.times import completed_near
from backupd.simulator import FileSpec, Lists, Refuse, Revoke, RunSpec, Simulator, ago
from backupd.simulator.effects import Lose, Say
from backupd.zoho.account import Account
from backupd.zoho.auth import Tokens, exchange_code
from backupd.zoho.client import ZohoClient
from backupd.zoho.gate import Gate
from tests.fakes.clock import FakeClock

JOB = "4876876000001594004"


class Customer:
    """One org's client, tokens and gate, at a simulated vendor that shares its clock."""

    def __init__(self, session, vendor, clock, path):
        self.session = session
        self.vendor = vendor
        self.clock = clock
        self.path = path
        self.told = []
        self.restart()

    def restart(self, **fields):
        """Start anew with the same files."""
        account = Account(
            **{
                "org": "main",
                "accounts_url": self.vendor.url,
                "api_domain": self.vendor.url,
                "download_hosts": ("127.0.0.1",),
                "client_id": "1000.SIMULATED",
                "client_secret": "simulated",
                "refresh_token": "1000.simulated",
                **fields,
            }
        )
        self.tokens = Tokens(
            self.session,
            account,
            cache=self.path,
            clock=self.clock,
            tell=self.told.append,
            learn=lambda _secret: None,
        )
        self.client = ZohoClient(
            self.session,
            account,
            self.tokens,
            patience=ONE_RUN,
            clock=self.clock,
            tell=self.told.append,
            jitter=lambda: 0.0,
        )
        self.gate = Gate(account.download_hosts, self.tokens)

    def told_of(self, kind):
        return [event for event in self.told if isinstance(event, kind)]


@pytest.fixture
async def customer(tmp_path):
    clock = FakeClock()
    async with Simulator(clock=clock.now, sleep=clock.sleep) as vendor, aiohttp.ClientSession() as session:
        yield Customer(session, vendor, clock, tmp_path / "main.token")


@pytest.fixture
def vendor(customer):
    return customer.vendor


def run(job_id, **fields):
    return RunSpec(job_id, files=(FileSpec("data", "Data_001.zip", size=2000),), **fields)


async def test_the_whole_conversation(customer, vendor):
    schedule = await customer.client.schedule()
    assert schedule is not None
    assert (schedule.id, schedule.status) == ("4876876000001593003", "SCHEDULED")

    [offer] = (await customer.client.offers()).jobs
    assert (offer.job.zgid, offer.job.job) == ("757345985", JOB)
    assert [str(link.file) for link in offer.links] == [
        "data/Data_001.zip",
        "data/Data_002.zip",
        "attachments/Attachments_001.zip",
        "attachments/Attachments_002.zip",
    ]

    history = [entry async for entry in customer.client.history()]
    assert len(history) > 200
    assert completed_near(history, offer.expires_at - timedelta(days=7)) is not None

    await customer.client.cancel_schedule(schedule.id)
    new_id = await customer.client.create_schedule("RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU")
    after = await customer.client.schedule()
    assert after is not None
    assert after.id == new_id
    assert len(vendor.asked("token")) == 1
    assert customer.client.clock_skew() == timedelta(0)


async def test_the_gates_headers_open_the_file_server_and_a_revoked_token_is_renewed(customer, vendor):
    [offer] = (await customer.client.offers()).jobs
    url = offer.links[0].url
    headers = await customer.gate.headers(url)
    async with customer.session.get(url, headers=headers) as answer:
        assert answer.status == 200

    vendor.revoke_tokens()
    async with customer.session.get(url, headers=headers) as answer:
        assert answer.status == 401
    await customer.gate.renew(headers)
    async with customer.session.get(url, headers=await customer.gate.headers(url)) as answer:
        assert answer.status == 200


async def test_one_recurring_schedule_with_a_constant_id_gives_a_job_a_run(customer, vendor):
    vendor.switch(backup_id="constant")
    seen = []
    for number in range(3):
        vendor.add_run(run(f"487687600000160000{number}", finished=ago(minutes=1)))
        schedule = await customer.client.schedule()
        [offer] = (await customer.client.offers()).jobs
        seen.append((schedule and schedule.id, offer.job.job))
        customer.clock.pass_time(days=14)
    assert [schedule_id for schedule_id, _ in seen] == ["4876876000001593003"] * 3
    assert [job_id for _, job_id in seen] == [f"487687600000160000{number}" for number in range(3)]


async def test_all_runs_in_one_answer_are_runs_of_their_own(customer, vendor):
    vendor.switch(links_of="all")
    vendor.add_run(run("4876876000001600000", finished=ago(days=1)))
    with_all = await customer.client.offers()
    assert {offer.job.job for offer in with_all.jobs} == {JOB, "4876876000001600000"}


async def test_links_whose_path_tells_nothing_get_an_identity_that_stays(customer, vendor):
    vendor.switch(link_path="opaque")
    jobs = [(await customer.client.offers()).jobs for _ in range(2)]
    assert jobs[0] == jobs[1]
    assert jobs[0][0].job.zgid == UNKNOWN_ZGID
    assert len(customer.told_of(JobIdentityGuessed)) == 1


@pytest.mark.parametrize("form", ["null", "missing", "empty"])
async def test_lists_of_links_in_all_forms(customer, vendor, form):
    vendor.switch(empty_list=form)
    vendor.add_run(run("4876876000001600000", finished=ago(minutes=1)))
    [offer] = (await customer.client.offers()).jobs
    assert [str(link.file) for link in offer.links] == ["data/Data_001.zip"]
    vendor.fault(Lists(form), on="urls")
    assert await customer.client.offers() == Offers()


@pytest.mark.parametrize("form", ["204", "empty-200"])
async def test_nothing_scheduled_in_both_forms(customer, vendor, form):
    vendor.switch(nothing_scheduled=form)
    vendor.org().schedule = None
    assert await customer.client.schedule() is None


async def test_links_to_another_host_are_refused(customer, vendor):
    vendor.switch(link_base="https://files.example")
    offers = await customer.client.offers()
    assert offers.jobs == ()
    assert len(offers.refused) == 4
    with pytest.raises(LinkRefused):
        await customer.gate.headers("https://files.example/a.zip")


@pytest.mark.parametrize("status", [200, 400])
async def test_a_token_throttle_is_waited_out_over_restarts(customer, vendor, status):
    vendor.switch(token_throttle_status=status)
    vendor.throttle_tokens()
    for _ in range(3):
        with pytest.raises(TokenThrottled):
            await customer.client.offers()
        customer.restart()
    assert len(vendor.asked("token")) == 1
    customer.clock.pass_time(minutes=10, seconds=1)
    assert len((await customer.client.offers()).jobs) == 1


async def test_tokens_are_kept_over_restarts_and_renewed_in_time(customer, vendor):
    for _ in range(12):
        await customer.client.offers()
        customer.restart()
        customer.clock.pass_time(minutes=15)
    assert len(vendor.asked("token")) == 3
    assert [request.status for request in vendor.asked("urls")] == [200] * 12


async def test_a_vendor_that_refuses_every_token_costs_two_in_a_run(customer, vendor):
    vendor.fault(Refuse(status=401, code="INVALID_TOKEN"), on="api", always=True)

    for call in (customer.client.schedule, customer.client.offers, customer.client.schedule):
        with pytest.raises(AccessRefused):
            await call()

    assert len(vendor.asked("token")) == 2


async def test_a_token_that_dies_mid_way_is_renewed_once(customer, vendor):
    await customer.client.offers()
    vendor.fault(Revoke(), on="urls")
    assert len((await customer.client.offers()).jobs) == 1
    assert len(vendor.asked("token")) == 2


async def test_the_old_form_of_a_tokens_life(customer, vendor):
    vendor.switch(legacy_expires_in=True)
    await customer.client.offers()
    customer.clock.pass_time(minutes=58)
    await customer.client.offers()
    assert len(vendor.asked("token")) == 1
    customer.clock.pass_time(minutes=2)
    await customer.client.offers()
    assert len(vendor.asked("token")) == 2


async def test_a_revoked_refresh_token_is_explained(customer, vendor):
    vendor.revoke_refresh_token()
    with pytest.raises(AccessRefused, match="invalid_code") as caught:
        await customer.client.offers()
    assert "backupd authorize" in caught.value.advice
    assert len(vendor.asked("token")) == 1


@pytest.mark.parametrize("fields", [{"client_id": "1000.OTHER"}, {"client_secret": "other"}])
async def test_a_wrong_client_is_explained(customer, fields):
    customer.restart(**fields)
    with pytest.raises(AccessRefused, match="invalid_client"):
        await customer.client.offers()


async def test_a_code_becomes_a_refresh_token_once(customer, vendor):
    async def exchange():
        return await exchange_code(
            customer.session,
            accounts_url=vendor.url,
            client_id="1000.SIMULATED",
            client_secret="simulated",
            code="1000.code",
            now=customer.clock.now,
            learn=lambda _secret: None,
        )

    customer.restart(refresh_token=await exchange())
    assert len((await customer.client.offers()).jobs) == 1
    with pytest.raises(AccessRefused):
        await exchange()


@pytest.mark.parametrize(
    ("form", "kind", "tokens"), [("clear", ScopeMissing, 1), ("like-stale-token", AccessRefused, 2)]
)
async def test_a_missing_scope_ends_it_without_a_loop(customer, vendor, form, kind, tokens):
    vendor.switch(scope_error=form)
    vendor.fault(Refuse(401, "OAUTH_SCOPE_MISMATCH" if form == "clear" else "INVALID_TOKEN"), on="urls", always=True)
    with pytest.raises(kind):
        await customer.client.offers()
    assert len(vendor.asked("token")) == tokens


async def test_another_api_domain_is_told_and_not_followed(customer, vendor):
    vendor.switch(api_domain="https://www.zohoapis.example")
    await customer.client.offers()
    [event] = customer.told_of(ApiDomainDiffers)
    assert event.answered == "www.zohoapis.example"


@pytest.mark.parametrize(
    "effect",
    [
        Refuse(500),
        Refuse(503, form="html"),
        Refuse(502, form="empty"),
        Refuse(429, "TOO_MANY_REQUESTS", retry_after=timedelta(seconds=3)),
        Refuse(429, "TOO_MANY_REQUESTS", retry_after=timedelta(seconds=3), retry_after_in="details"),
        Refuse(429, "TOO_MANY_REQUESTS", retry_after_in="neither"),
    ],
)
async def test_what_passes_is_waited_for(customer, vendor, effect):
    vendor.fault(effect, on="urls", times=2)
    assert len((await customer.client.offers()).jobs) == 1
    waits = [event.wait for event in customer.told_of(CallRetrying)]
    assert waits == ([3.0, 3.0] if getattr(effect, "retry_after", None) else [0.5, 1.0])


async def test_a_connection_that_breaks_is_tried_again(customer, vendor):
    await customer.client.schedule()
    vendor.fault(Lose(), on="urls", times=3)  # aiohttp asks a second time by itself before it says so
    assert len((await customer.client.offers()).jobs) == 1
    assert len(vendor.asked("urls")) == 4


async def test_what_lasts_ends_after_four_tries(customer, vendor):
    vendor.fault(Refuse(500), on="urls", always=True)
    with pytest.raises(VendorUnavailable):
        await customer.client.offers()
    assert len(vendor.asked("urls")) == 4


async def test_a_long_wait_is_left_to_the_next_run(customer, vendor):
    vendor.fault(Refuse(429, "TOO_MANY_REQUESTS", retry_after=timedelta(minutes=5)), on="urls", always=True)
    with pytest.raises(VendorThrottled) as caught:
        await customer.client.offers()
    assert caught.value.retry_after == timedelta(minutes=5)
    assert len(vendor.asked("urls")) == 1


@pytest.mark.parametrize("text", ["<html>Sign in</html>", '{"urls": 7}', '{"urls": {"data_links": ["x"]}}', "[1"])
async def test_an_answer_of_another_shape_is_no_empty_one(customer, vendor, text):
    vendor.fault(Say(text), on="urls")
    with pytest.raises(UnreadableAnswer, match=r"^GET /backup/urls: "):
        await customer.client.offers()


@pytest.mark.parametrize("code", ["LIMIT_EXCEEDED", "LIMIT_REACHED"])
async def test_the_quota_has_an_end(customer, vendor, code):
    vendor.switch(limit_code=code)
    vendor.org().schedule = None
    vendor.org().quota = 0
    with pytest.raises(Refused, match=code):
        await customer.client.create_schedule(None)


async def test_an_order_whose_answer_was_lost_is_found_by_reading(customer, vendor):
    await customer.client.cancel_schedule("4876876000001593003")
    vendor.fault(Lose(), on="schedule")
    with pytest.raises(AnswerLost):
        await customer.client.create_schedule("RRULE:FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=1")
    assert len(vendor.asked("schedule")) == 1
    schedule = await customer.client.schedule()
    assert schedule is not None
    assert schedule.rrule == "RRULE:FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=1"


async def test_the_vendors_clock_may_be_another(customer, vendor):
    vendor.switch(date_offset=timedelta(hours=2))
    await customer.client.schedule()
    assert customer.client.clock_skew() == timedelta(hours=2)


async def test_a_vendor_that_is_down_is_unavailable(customer, vendor):
    customer.restart(accounts_url="http://127.0.0.1:9", api_domain="http://127.0.0.1:9")
    with pytest.raises(BackupdError, match="no connection") as caught:
        await customer.client.offers()
    assert caught.value.passing
    assert vendor.requests == []
    assert customer.clock.slept == [0.5, 1.0, 2.0]
