"""The control interface does over HTTP what tests do to the vendor in Python."""

import base64

import pytest

from tests.integration.simulated import CONTENT, JOB, simulated


@pytest.fixture
async def client():
    async with simulated() as client:
        yield client


async def control(client, name, body, method="POST"):
    return await client.send(method, f"/_control/{name}", json=body)


async def test_requests_can_be_read_and_forgotten(client):
    await client.file(Range="bytes=1-2")

    listed = (await client.send("GET", "/_control/requests")).data["requests"]
    await client.send("DELETE", "/_control/requests")
    after = (await client.send("GET", "/_control/requests")).data["requests"]

    assert [row["operation"] for row in listed] == ["token", "download"]
    assert (listed[1]["range"], listed[1]["status"], listed[1]["sent"]) == ("bytes=1-2", 206, 2)
    assert after == []


async def test_a_run_with_given_and_generated_files_can_be_added(client):
    given = {"kind": "data", "name": "D.zip", "base64": base64.b64encode(b"hostile").decode()}
    made = {"kind": "attachments", "name": "A.zip", "size": "20KB", "seed": "x"}

    reply = await control(client, "runs", {"job_id": "77", "finished": "-1h", "files": [given, made]})

    assert reply.data == {"ok": True}
    assert (await client.get("/urls")).data["urls"]["data_links"][0].endswith("/77/D.zip")
    assert (await client.file("D.zip", job="77")).body == b"hostile"
    assert (await client.file("A.zip", job="77")).body[:2] == b"PK"


async def test_a_file_can_be_replaced(client):
    body = {"job_id": JOB, "kind": "data", "name": "Data_001.zip", "base64": base64.b64encode(b"new").decode()}

    await control(client, "files", body)

    assert (await client.file()).body == b"new"


async def test_switches_keep_what_was_switched_before(client):
    await control(client, "switches", {"status": "FAILED"})
    await control(client, "switches", {"backup_id": "changing", "token_lifetime": "60s"})
    await control(client, "serving", {"range": "ignored"})

    switches = client.vendor.org().switches
    assert (switches.status, switches.backup_id, switches.token_lifetime.seconds) == ("FAILED", "changing", 60)
    assert (await client.file(Range="bytes=4000-")).body == CONTENT


async def test_faults_can_be_set_and_cleared(client):
    await control(client, "faults", {"do": "refuse", "status": 503, "on": "details", "times": 9})
    before = (await client.get()).status
    await client.send("DELETE", "/_control/faults")

    assert (before, (await client.get()).status) == (503, 200)


async def test_tokens_can_be_ended_and_throttled(client):
    await control(client, "tokens", {"revoke": True, "throttle": True})

    assert (await client.get()).status == 401
    assert (await client.token()).data["error"] == "Access Denied"


async def test_a_refresh_token_can_be_revoked_and_given_back(client):
    await control(client, "tokens", {"revoke_refresh_token": True})
    revoked = (await client.token()).data
    await control(client, "tokens", {"revoke_refresh_token": False})

    assert revoked == {"error": "invalid_code"}
    assert "access_token" in (await client.token()).data


async def test_links_clock_and_pace_can_be_changed(client):
    await control(client, "links", {"job_id": JOB, "offered": 1})
    assert (await client.get("/urls")).data["urls"]["attachment_links"] == []
    await control(client, "links", {"job_id": JOB, "expires": "5d"})
    await control(client, "pace", {"total": "1MB"})
    assert client.vendor.pace.total == 1_000_000
    await control(client, "clock", {"advance": "6d"})
    await client.sign_in()
    assert (await client.get("/urls")).status == 204


async def test_a_reset_goes_back_to_the_start_or_to_another_scenario(client):
    await control(client, "switches", {"status": "FAILED"})
    await client.send("POST", "/_control/reset")
    assert (await client.send("GET", "/_control/state")).data["orgs"][0]["status"] == "SCHEDULED"

    await control(client, "reset", {"orgs": [{"name": "other"}]})
    assert (await client.send("GET", "/_control/state")).data["orgs"][0]["name"] == "other"


@pytest.mark.parametrize(
    ("name", "body", "error"),
    [
        ("switches", {"statsu": "X"}, "body: unknown key 'statsu'; did you mean 'status'?"),
        ("switches", {"org": "nobody"}, "there is no organisation 'nobody'"),
        ("faults", {"do": "explode"}, "body.do: 'explode' is not known"),
        ("runs", {}, "body: the key 'job_id' is missing"),
        ("files", {"job_id": JOB, "kind": "data", "name": "D.zip", "base64": "%"}, "body.base64: is not base64"),
        ("links", {"job_id": "1"}, "there is no run '1'"),
        ("reset", [], "body: a JSON object is wanted"),
    ],
)
async def test_what_cannot_be_done_is_a_clear_400(client, name, body, error):
    reply = await control(client, name, body)

    assert reply.status == 400
    assert error in reply.data["error"]


async def test_a_body_that_is_not_json_is_a_clear_400(client):
    reply = await client.send("POST", "/_control/runs", data=b"{")

    assert (reply.status, reply.data["error"][:17]) == (400, "body: is not JSON")
