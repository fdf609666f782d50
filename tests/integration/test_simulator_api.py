"""The simulator answers API and token calls as documented, and otherwise as switched."""

import asyncio
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import aiohttp
import pytest

from backupd.simulator import (
    FileSpec,
    Hang,
    HistorySpec,
    Lists,
    Lose,
    Moment,
    Refuse,
    Revoke,
    RunSpec,
    Say,
    Scenario,
    Simulator,
    Switches,
    Throttle,
    ago,
    serve,
)
from tests.integration.simulated import CONTENT, JOB, org_spec, simulated

LATER = RunSpec(
    "4876876000001599999",
    finished=Moment(timedelta(hours=1)),
    files=(FileSpec("data", "Data_001.zip"), FileSpec("data", "Data_002.zip"), FileSpec("data", "Data_003.zip")),
)


@pytest.fixture
async def client():
    async with simulated() as client:
        yield client


def names(reply):
    """Give the job and name of each link."""
    urls = reply.data["urls"]
    return [link.rsplit("/", 2)[1:] for link in (urls["data_links"] or []) + (urls["attachment_links"] or [])]


# --- authorization ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "code"),
    [({}, "AUTHENTICATION_FAILURE"), ({"Authorization": "Zoho-oauthtoken 1000.wrong"}, "INVALID_TOKEN")],
)
async def test_a_call_without_a_good_token_is_refused(client, header, code):
    client.bearer = None

    reply = await client.get(**header)

    assert (reply.status, reply.data["code"]) == (401, code)


async def test_a_token_lives_an_hour_and_its_end_can_be_told(client):
    client.clock.pass_time(minutes=59)
    assert (await client.get()).status == 200
    client.clock.pass_time(minutes=1)

    for reply in (await client.get(), await client.file()):
        assert reply.status == 401
        assert "expired_token" in reply.headers["WWW-Authenticate"]


async def test_each_operation_needs_its_scope():
    async with simulated(scopes=("ZohoCRM.bulk.backup.READ",)) as client:
        for path in ("", "/urls", "/history"):
            assert (await client.get(path)).status == 200
        posted = await client.send("POST", "/crm/bulk/v8/backup")
        stopped = await client.send("PUT", "/crm/bulk/v8/backup/4876876000001593003/actions/cancel")
        file = await client.file()

    assert [reply.data["code"] for reply in (posted, stopped)] == ["OAUTH_SCOPE_MISMATCH"] * 2
    assert (file.status, file.reason, file.body) == (401, "INVALID_OAUTHSCOPE", b"")


async def test_a_scope_error_can_look_like_a_stale_token():
    async with simulated(scopes=(), switches=Switches(scope_error="like-stale-token")) as client:
        replies = [await client.get(), await client.file()]

    assert [(reply.status, reply.data["code"]) for reply in replies] == [(401, "INVALID_TOKEN")] * 2


async def test_tokens_can_be_ended_midway(client):
    client.vendor.fault(Revoke(), on="urls")

    assert (await client.get()).status == 200
    assert (await client.get("/urls")).status == 401
    await client.sign_in()
    assert (await client.get("/urls")).status == 200


async def test_two_organisations_know_their_own_tokens_only():
    second = org_spec(name="second", zgid="900", refresh_token="1000.second", schedule=None)
    async with simulated() as client:
        client.vendor.reset(Scenario((org_spec(), second)))
        await client.sign_in(refresh_token="1000.second")

        assert (await client.get()).status == 204
        foreign = await client.file()

    assert (foreign.status, foreign.data["code"]) == (403, "FORBIDDEN")


# --- tokens -------------------------------------------------------------------------------------------------------


async def test_a_token_answer_names_the_api(client):
    reply = await client.token()

    assert reply.data["api_domain"] == client.vendor.url
    assert (reply.data["token_type"], reply.data["expires_in"]) == ("Bearer", 3600)
    assert "refresh_token" not in reply.data


async def test_token_answers_can_be_of_the_old_kind_and_name_another_api(client):
    client.vendor.switch(legacy_expires_in=True, api_domain="https://www.zohoapis.eu")

    data = (await client.token()).data

    assert (data["expires_in"], data["expires_in_sec"]) == (3_600_000, 3600)
    assert data["api_domain"] == "https://www.zohoapis.eu"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_id": "1000.other"}, "invalid_client"),
        ({"client_secret": "wrong"}, "invalid_client_secret"),
        ({"refresh_token": "1000.other"}, "invalid_code"),
        ({"grant_type": "password"}, "general_error"),
        ({"grant_type": "authorization_code", "code": "1000.other"}, "invalid_code"),
    ],
)
async def test_token_errors_come_with_status_200(client, form, error):
    reply = await client.token(**form)

    assert (reply.status, reply.data) == (200, {"error": error})


async def test_a_grant_code_works_once(client):
    first = await client.token(grant_type="authorization_code", code="1000.code")
    second = await client.token(grant_type="authorization_code", code="1000.code")

    assert first.data["refresh_token"] == "1000.simulated"
    assert second.data == {"error": "invalid_code"}


async def test_a_revoked_refresh_token_is_an_invalid_code(client):
    client.vendor.revoke_refresh_token()

    assert (await client.token()).data == {"error": "invalid_code"}


@pytest.mark.parametrize("status", [200, 400])
async def test_the_eleventh_token_in_ten_minutes_is_refused_and_asking_again_prolongs_it(client, status):
    client.vendor.switch(token_throttle_status=status)
    for _ in range(9):
        assert "access_token" in (await client.token()).data

    refused = await client.token()
    client.clock.pass_time(minutes=9)
    again = await client.token()
    client.clock.pass_time(minutes=9)
    still = await client.token()
    client.clock.pass_time(minutes=10)

    for reply in (refused, again, still):
        assert (reply.status, reply.data["error"]) == (status, "Access Denied")
    assert "access_token" in (await client.token()).data


async def test_the_sixteenth_token_ends_the_oldest_in_silence(client):
    oldest = client.bearer
    for _ in range(2):
        client.clock.pass_time(minutes=11)
        for _ in range(7):
            await client.sign_in()
    assert (await client.get(Authorization=f"Zoho-oauthtoken {oldest}")).status == 200
    client.clock.pass_time(minutes=11)

    await client.sign_in()

    assert (await client.get(Authorization=f"Zoho-oauthtoken {oldest}")).status == 401
    assert (await client.get()).status == 200


# --- the schedule -------------------------------------------------------------------------------------------------


async def test_nothing_scheduled_is_no_content_or_an_empty_200():
    async with simulated(schedule=None) as client:
        bare = await client.get()
        client.vendor.switch(nothing_scheduled="empty-200")
        empty = await client.get()

    assert (bare.status, bare.body, empty.status, empty.body) == (204, b"", 200, b"")


async def test_the_status_follows_the_run(client):
    client.vendor.add_run(LATER)
    before = (await client.get()).data["backup"]["status"]
    client.clock.pass_time(minutes=40)
    during = (await client.get()).data["backup"]["status"]
    client.vendor.switch(status_after_run="COMPLETED")
    client.clock.pass_time(minutes=19)
    await client.sign_in()
    client.clock.pass_time(minutes=2)
    after = (await client.get()).data["backup"]["status"]
    client.vendor.switch(status="PAYMENT_FAILED")
    unheard_of = (await client.get()).data["backup"]["status"]

    assert [before, during, after, unheard_of] == ["SCHEDULED", "INPROGRESS", "COMPLETED", "PAYMENT_FAILED"]


@pytest.mark.parametrize(("switch", "same"), [("constant", True), ("changing", False)])
async def test_the_backup_id_stays_or_changes_with_each_run(client, switch, same):
    client.vendor.switch(backup_id=switch)
    first = (await client.get()).data["backup"]["id"]
    client.vendor.add_run(RunSpec("4876876000001599998", finished=ago(hours=1)))

    assert ((await client.get()).data["backup"]["id"] == first) is same


async def test_cancelling_once_stops_and_twice_is_an_error(client):
    path = "/crm/bulk/v8/backup/4876876000001593003/actions/cancel"

    stopped, again = await client.send("PUT", path), await client.send("PUT", path)

    assert stopped.data["backup"]["code"] == "SUCCESS"
    assert (again.status, again.data["backup"]["code"]) == (400, "ALREADY_CANCELLED")
    assert (await client.get()).data["backup"]["status"] == "STOPPED"


async def test_a_run_under_way_cannot_be_cancelled(client):
    client.vendor.add_run(RunSpec("4876876000001599998", finished=Moment(timedelta(minutes=5))))

    reply = await client.send("PUT", "/crm/bulk/v8/backup/4876876000001593003/actions/cancel")

    assert (reply.status, reply.data["backup"]["code"]) == (400, "INPROGRESS")


async def test_an_unknown_backup_is_400_in_the_flat_form(client):
    reply = await client.send("PUT", "/crm/bulk/v8/backup/1/actions/cancel")

    assert (reply.status, reply.data["code"]) == (400, "RESOURCE_NOT_FOUND")


async def test_a_backup_asked_for_at_once_appears_when_it_is_made():
    async with simulated(schedule=None) as client:
        ordered = await client.send("POST", "/crm/bulk/v8/backup", json={"backup": {}})
        during = await client.get()
        client.clock.pass_time(minutes=11)
        after, links = await client.get(), await client.get("/urls")

    assert ordered.data["backup"]["message"] == "Backup scheduled successfully."
    assert ordered.data["backup"]["details"]["id"] == during.data["backup"]["id"]
    assert [reply.data["backup"]["status"] for reply in (during, after)] == ["INPROGRESS", "COMPLETED"]
    assert JOB not in [job for job, _ in names(links)]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "REQUEST_BODY_NOT_READABLE"),
        (b'{"backup": []}', "INVALID_DATA"),
        (b'{"backup": {"rrule": "RRULE:FREQ=DAILY"}}', "INVALID_DATA"),
        (b'{"backup": {"rrule": "RRULE:FREQ=WEEKLY;INTERVAL=53"}}', "INVALID_DATA"),
        (b'{"backup": {"rrule": "RRULE:FREQ=WEEKLY;BYDAY=XX"}}', "INVALID_DATA"),
    ],
)
async def test_what_cannot_be_ordered_is_refused(body, code):
    async with simulated(schedule=None) as client:
        reply = await client.send("POST", "/crm/bulk/v8/backup", data=body)

    assert (reply.status, reply.data.get("backup", reply.data)["code"]) == (400, code)


async def test_each_order_spends_quota():
    weekly = {"backup": {"rrule": "RRULE:FREQ=WEEKLY;BYDAY=TU"}}
    async with simulated(schedule=None, quota=2) as client:
        codes = []
        for _ in range(3):
            reply = await client.send("POST", "/crm/bulk/v8/backup", json=weekly)
            codes.append(reply.data["backup"]["code"])
            backup_id = (await client.get()).data["backup"]["id"]
            await client.send("PUT", f"/crm/bulk/v8/backup/{backup_id}/actions/cancel")

    assert codes == ["SUCCESS", "SUCCESS", "LIMIT_EXCEEDED"]


@pytest.mark.parametrize("code", ["LIMIT_EXCEEDED", "LIMIT_REACHED"])
async def test_a_spent_quota_is_an_error_under_either_name(code):
    async with simulated(schedule=None, quota=0, switches=Switches(limit_code=code)) as client:
        reply = await client.send("POST", "/crm/bulk/v8/backup")

    assert (reply.status, reply.data["backup"]["code"]) == (400, code)


# --- links --------------------------------------------------------------------------------------------------------


async def test_the_links_live_for_seven_days_and_then_are_gone_or_stale(client):
    expiry = datetime.fromisoformat((await client.get("/urls")).data["urls"]["expiry_date"])
    assert expiry - client.clock.now() == timedelta(days=5)
    client.clock.pass_time(days=5)
    await client.sign_in()

    gone = await client.get("/urls")
    client.vendor.switch(links_after_expiry="stale")
    stale = await client.get("/urls")

    assert (gone.status, gone.body) == (204, b"")
    assert names(stale) == [[JOB, "Data_001.zip"], [JOB, "Attachments_001.zip"]]


@pytest.mark.parametrize(
    ("switch", "expected"),
    [
        ("old", [[JOB, "Data_001.zip"], [JOB, "Attachments_001.zip"]]),
        ("none", None),
        ("partial", [[LATER.job_id, "Data_001.zip"]]),
    ],
)
async def test_links_during_a_run(client, switch, expected):
    client.vendor.switch(links_during_run=switch)
    client.vendor.add_run(LATER)
    client.clock.pass_time(minutes=40)

    reply = await client.get("/urls")

    assert (names(reply) if reply.status == 200 else None) == expected


async def test_links_can_be_given_out_bit_by_bit(client):
    client.vendor.offer(JOB, 1)
    first = await client.get("/urls")
    client.vendor.offer(JOB)

    assert names(first) == [[JOB, "Data_001.zip"]]
    assert len(names(await client.get("/urls"))) == 2


@pytest.mark.parametrize(("form", "expected"), [("empty", []), ("null", None), ("missing", "nothing")])
async def test_a_list_without_links_is_empty_null_or_missing(form, expected):
    run = RunSpec(JOB, finished=ago(days=2), files=(FileSpec("data", "Data_001.zip"),))
    async with simulated(runs=(run,), switches=Switches(empty_list=form)) as client:
        urls = (await client.get("/urls")).data["urls"]

    assert urls.get("attachment_links", "nothing") == expected
    assert len(urls["data_links"]) == 1


async def test_both_lists_can_be_spoilt_for_once(client):
    client.vendor.fault(Lists("null"), on="urls")

    spoilt, sound = await client.get("/urls"), await client.get("/urls")

    assert (spoilt.data["urls"]["data_links"], spoilt.data["urls"]["attachment_links"]) == (None, None)
    assert len(names(sound)) == 2


async def test_links_of_several_runs_can_come_in_one_answer(client):
    client.vendor.add_run(RunSpec("4876876000001599998", finished=ago(hours=1), files=LATER.files[:1]))
    latest = await client.get("/urls")
    client.vendor.switch(links_of="all")

    assert [job for job, _ in names(latest)] == ["4876876000001599998"]
    assert [job for job, _ in names(await client.get("/urls"))] == ["4876876000001599998", JOB, JOB]


async def test_links_can_tell_nothing_and_work_all_the_same(client):
    client.vendor.switch(link_path="opaque")

    links = (await client.get("/urls")).data["urls"]["attachment_links"]

    assert JOB not in links[0]
    assert (await client.send("GET", links[0])).body == CONTENT[::-1]


async def test_the_expiry_of_a_job_can_change(client):
    client.vendor.expire(JOB, timedelta(hours=1))

    expiry = datetime.fromisoformat((await client.get("/urls")).data["urls"]["expiry_date"])

    assert expiry - client.clock.now() == timedelta(hours=1)


async def test_links_can_point_to_another_host(client):
    client.vendor.switch(link_base="https://download-accl.zoho.com.example.org")

    links = (await client.get("/urls")).data["urls"]["data_links"]

    assert links[0].startswith("https://download-accl.zoho.com.example.org/v2/crm/757345985/backup/")


async def test_namesakes_of_both_kinds_are_two_files():
    files = (FileSpec("data", "1.zip", content=b"data"), FileSpec("attachments", "1.zip", content=b"attachments"))
    async with simulated(runs=(RunSpec(JOB, finished=ago(days=1), files=files),)) as client:
        urls = (await client.get("/urls")).data["urls"]
        bodies = [(await client.send("GET", urls[key][0])).body for key in ("data_links", "attachment_links")]

    assert bodies == [b"data", b"attachments"]


# --- history ------------------------------------------------------------------------------------------------------


async def test_the_history_comes_in_pages_newest_first():
    async with simulated(past_events=8) as client:
        pages = [await client.get(f"/history?page={page}&per_page=4") for page in (1, 2, 3, 4)]

    assert [reply.status for reply in pages] == [200, 200, 200, 204]
    assert [reply.data["info"]["more_records"] for reply in pages[:3]] == [True, True, False]
    assert [reply.data["info"]["count"] for reply in pages[:3]] == [4, 4, 1]
    times = [entry["log_time"] for reply in pages[:3] for entry in reply.data["history"]]
    assert times == sorted(times, reverse=True)


async def test_a_last_page_that_is_full_is_the_last_page():
    async with simulated(past_events=7) as client:
        pages = [await client.get(f"/history?page={page}&per_page=4") for page in (1, 2)]

    assert [reply.data["info"]["more_records"] for reply in pages] == [True, False]


async def test_the_history_forgets_after_a_year_and_knows_no_future():
    events = (HistorySpec(ago(days=366), "completed"), HistorySpec(ago(days=-1), "completed"), HistorySpec())
    async with simulated(runs=(), history=events) as client:
        reply = await client.get("/history")

    assert [(entry["log_time"], entry["state"]) for entry in reply.data["history"]] == [(None, None)]


@pytest.mark.parametrize("query", ["page=0", "per_page=201", "page=x"])
async def test_pages_that_cannot_be_are_refused(client, query):
    reply = await client.get("/history?" + query)

    assert (reply.status, reply.data["code"]) == (400, "INVALID_DATA")


async def test_a_completed_entry_is_seven_days_before_the_expiry(client):
    expiry = (await client.get("/urls")).data["urls"]["expiry_date"]
    entry = (await client.get("/history")).data["history"][0]

    assert datetime.fromisoformat(expiry) - datetime.fromisoformat(entry["log_time"]) == timedelta(days=7)


# --- what goes wrong ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["header", "details", "neither"])
async def test_a_throttled_call_says_when_to_come_back_or_not(client, place):
    wait = timedelta(seconds=299)
    client.vendor.fault(Refuse(429, "TOO_MANY_REQUESTS", retry_after=wait, retry_after_in=place), on="api")

    reply = await client.get()

    assert (reply.status, reply.data["code"]) == (429, "TOO_MANY_REQUESTS")
    assert reply.headers.get("Retry-After") == ("299" if place == "header" else None)
    assert reply.data["details"] == ({"retry_after": 299} if place == "details" else {})


async def test_a_fault_lets_some_pass_acts_on_some_and_is_over(client):
    client.vendor.fault(Refuse(500), on="details", skip=1, times=2)

    assert [(await client.get()).status for _ in range(5)] == [200, 500, 500, 200, 200]


@pytest.mark.parametrize(
    ("form", "start"), [("html", b"<!DOCTYPE"), ("empty", b""), ("wrapped", b'{"backup": {"code"')]
)
async def test_an_error_comes_in_any_form(client, form, start):
    client.vendor.fault(Refuse(500, form=form), on="*")

    reply = await client.get()

    assert reply.status == 500
    assert reply.body[: len(start) or None] == start


async def test_a_fault_can_last_for_a_while(client):
    client.vendor.fault(Refuse(500), on="details", lasting=timedelta(minutes=10))

    first = (await client.get()).status
    client.clock.pass_time(minutes=9)
    second = (await client.get()).status
    client.clock.pass_time(minutes=1)

    assert [first, second, (await client.get()).status] == [500, 500, 200]


async def test_who_comes_back_too_early_waits_for_longer(client):
    client.vendor.fault(Throttle(timedelta(minutes=5)), on="urls")

    statuses = [(await client.get("/urls")).status]
    for minutes in (4, 4, 5):
        client.clock.pass_time(minutes=minutes)
        statuses.append((await client.get()).status)

    assert statuses == [429, 429, 429, 200]
    assert (await client.file()).status == 200


async def test_an_answer_can_be_anything(client):
    client.vendor.fault(Say('{"urls": 5}'), on="urls")

    reply = await client.get("/urls")

    assert (reply.status, reply.data) == (200, {"urls": 5})


async def test_an_order_can_be_carried_out_and_its_answer_lost():
    async with simulated(schedule=None) as client:
        client.vendor.fault(Lose(), on="schedule")

        with pytest.raises(aiohttp.ServerDisconnectedError):
            await client.send("POST", "/crm/bulk/v8/backup")

        assert (await client.get()).data["backup"]["status"] == "INPROGRESS"


async def test_the_token_endpoint_fails_too(client):
    client.vendor.fault(Refuse(200, "general_error", form="oauth"), on="token")

    assert (await client.token()).data == {"error": "general_error"}


async def test_an_answer_can_take_its_time(client):
    client.vendor.fault(Hang(timedelta(seconds=40)), on="details")

    assert (await client.get()).status == 200
    assert client.clock.slept == [40]


async def test_unknown_addresses_and_methods_are_answered_in_the_vendors_words(client):
    nowhere, wrong = await client.get("/nowhere"), await client.send("DELETE", "/crm/bulk/v8/backup")

    assert (nowhere.status, nowhere.data["code"]) == (404, "INVALID_URL_PATTERN")
    assert (wrong.status, wrong.data["code"]) == (400, "INVALID_REQUEST_METHOD")


@pytest.mark.parametrize("version", ["v2", "v3", "v8", "v2.1"])
async def test_every_version_has_the_same_shape(client, version):
    assert (await client.send("GET", f"/crm/bulk/{version}/backup")).status == 200


async def test_the_date_header_follows_the_vendors_clock_and_can_be_wrong(client):
    right = await client.get()
    client.vendor.switch(date_offset=timedelta(hours=-2))
    wrong = await client.get()

    assert parsedate_to_datetime(right.headers["Date"]) == client.clock.now()
    assert parsedate_to_datetime(wrong.headers["Date"]) == client.clock.now() - timedelta(hours=2)


async def test_requests_are_recorded_without_their_tokens(client):
    await client.get("/history?page=1")

    recorded = client.vendor.requests[-1]
    assert (recorded.method, recorded.operation, recorded.query) == ("GET", "history", "page=1")
    assert (recorded.status, recorded.authorized, recorded.org) == (200, True, "main")
    assert client.bearer not in repr(client.vendor.requests)


async def test_a_simulator_starts_again_on_its_port_with_the_same_vendor():
    simulator = Simulator()
    async with simulator as vendor:
        url = vendor.url
        await simulator.stop()
        await simulator.start()

        assert vendor.url == url


async def test_a_port_that_is_taken_is_an_error_of_the_system():
    async with Simulator() as vendor:
        with pytest.raises(OSError, match="address already in use"):
            await Simulator(port=int(vendor.url.rpartition(":")[2])).start()


async def test_serving_tells_when_it_listens_and_ends_when_cancelled(tmp_path):
    (tmp_path / "scenario.toml").write_text("[[orgs]]\nname = 'sales'\n")
    listening = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(port=0, scenario=tmp_path / "scenario.toml", ready=listening.set_result))

    vendor = await listening
    async with aiohttp.ClientSession() as session, session.get(vendor.url + "/_control/state") as answer:
        state = await answer.json()
    serving.cancel()

    assert state["orgs"][0]["name"] == "sales"
    with pytest.raises(asyncio.CancelledError):
        await serving
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", int(vendor.url.rpartition(":")[2]))
