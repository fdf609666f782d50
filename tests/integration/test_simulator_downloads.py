"""The simulator's file server serves zips as the vendor's may, and breaks as told."""

import asyncio
import gzip
import io
import itertools
import time
import zipfile
from datetime import timedelta

import aiohttp
import pytest

from backupd.simulator import (
    Drop,
    FileSpec,
    Flip,
    Hang,
    Instead,
    Lengthen,
    Misstate,
    OrgSpec,
    Pace,
    Refuse,
    Revoke,
    RunSpec,
    Scenario,
    Serve,
    Serving,
    Shorten,
    Simulator,
    Stall,
    Trickle,
    ago,
    default_scenario,
)
from tests.fakes.clock import FakeClock
from tests.integration.simulated import CONTENT, JOB, Client, org_spec, simulated

SIZE = len(CONTENT)


@pytest.fixture
async def client():
    async with simulated() as client:
        yield client


async def raw_request(client):
    """Ask for a file over a bare connection."""
    reader, writer = await asyncio.open_connection(*client.vendor.url.removeprefix("http://").split(":"))
    path = f"/v2/crm/757345985/backup/{JOB}/Data_001.zip"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Zoho-oauthtoken {client.bearer}\r\n\r\n".encode())
    return reader, writer


# --- the plain way ------------------------------------------------------------------------------------------------


async def test_a_file_comes_whole_with_every_header(client):
    reply = await client.file()

    assert (reply.status, reply.body) == (200, CONTENT)
    assert reply.headers["Content-Length"] == str(SIZE)
    assert reply.headers["Content-Type"] == "application/zip"
    assert reply.headers["Last-Modified"] == "Wed, 22 Jun 2022 12:00:00 GMT"
    assert reply.headers["ETag"].startswith('"')
    assert reply.headers["Accept-Ranges"] == "bytes"
    assert "Data_001.zip" in reply.headers["Content-Disposition"]


async def test_generated_zips_are_sound_and_the_same_after_a_restart(client):
    client.vendor.reset(default_scenario(30_000))
    await client.sign_in()
    names = ["Data_001.zip", "Data_002.zip", "Attachments_001.zip", "Attachments_002.zip"]

    first = [(await client.file(name)).body for name in names]
    client.vendor.shelf.close()
    second = [(await client.file(name)).body for name in names]

    assert first == second
    assert len(set(first)) == 4
    for body in first:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            assert archive.testzip() is None


async def test_a_file_of_the_disk_is_served_as_it_is(client, tmp_path):
    (tmp_path / "given.zip").write_bytes(b"hostile")
    client.vendor.add_run(RunSpec("77", files=(FileSpec("data", "D.zip", path=tmp_path / "given.zip"),)))

    assert (await client.file("D.zip", job="77")).body == b"hostile"


async def test_what_is_not_there_is_404_and_head_is_405(client):
    assert (await client.file("Data_009.zip")).status == 404
    assert (await client.file(job="12345")).status == 404
    assert (await client.send("HEAD", f"/v2/crm/757345985/backup/{JOB}/Data_001.zip")).status == 405


async def test_a_download_is_recorded_with_its_ranges_and_bytes(client):
    await client.file(Range="bytes=100-199", If_Range='"other"')
    await client.file(Range="bytes=100-199")

    first, second = client.vendor.asked("download")
    assert (first.range, first.if_range, first.status, first.sent) == ("bytes=100-199", '"other"', 200, SIZE)
    assert (second.if_range, second.status, second.sent, second.done) == (None, 206, 100, True)


# --- ranges -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "status", "start", "stop"),
    [
        ("bytes=0-", 206, 0, SIZE),
        ("bytes=4000-", 206, 4000, SIZE),
        ("bytes=10-19", 206, 10, 20),
        ("bytes=-5", 206, SIZE - 5, SIZE),
        ("bytes=10-99999", 206, 10, SIZE),
        ("bytes=5-4", 200, 0, SIZE),
        ("bytes=0-1,4-5", 200, 0, SIZE),
        ("lines=1-2", 200, 0, SIZE),
    ],
)
async def test_ranges_are_served(client, asked, status, start, stop):
    reply = await client.file(Range=asked)

    assert (reply.status, reply.body) == (status, CONTENT[start:stop])
    expected = f"bytes {start}-{stop - 1}/{SIZE}" if status == 206 else None
    assert reply.headers.get("Content-Range") == expected


async def test_a_range_past_the_end_is_416_with_the_size(client):
    reply = await client.file(Range=f"bytes={SIZE}-")

    assert (reply.status, reply.headers["Content-Range"], reply.body) == (416, f"bytes */{SIZE}", b"")


@pytest.mark.parametrize(
    ("mode", "status", "content_range", "body"),
    [
        ("ignored", 200, None, CONTENT),
        ("200-with-content-range", 200, f"bytes 4000-{SIZE - 1}/{SIZE}", CONTENT[4000:]),
        ("416", 416, f"bytes */{SIZE}", b""),
        ("wrong-content-range", 206, f"bytes 4001-{SIZE}/{SIZE}", CONTENT[4000:]),
        ("other-range", 206, f"bytes 2000-{SIZE - 1}/{SIZE}", CONTENT[2000:]),
    ],
)
async def test_ranges_are_answered_in_every_other_way(client, mode, status, content_range, body):
    client.vendor.serve(range=mode)

    reply = await client.file(Range="bytes=4000-")

    assert (reply.status, reply.headers.get("Content-Range"), reply.body) == (status, content_range, body)


@pytest.mark.parametrize(("etag", "status"), [("strong", 206), ("weak", 200), ("changing", 200)])
async def test_if_range_holds_for_a_strong_and_stable_etag_only(client, etag, status):
    client.vendor.serve(etag=etag)
    seen = (await client.file()).headers["ETag"]

    assert seen.startswith("W/") is (etag == "weak")
    assert (await client.file(Range="bytes=4000-", If_Range=seen)).status == status


@pytest.mark.parametrize(("last_modified", "status"), [("yes", 206), ("changing", 200)])
async def test_if_range_holds_for_a_date_that_stays(client, last_modified, status):
    client.vendor.serve(etag="none", last_modified=last_modified)
    seen = (await client.file()).headers

    assert "ETag" not in seen
    assert (await client.file(Range="bytes=4000-", If_Range=seen["Last-Modified"])).status == status


async def test_a_file_that_is_replaced_has_other_marks(client):
    before = await client.file()
    client.clock.pass_time(minutes=5)
    client.vendor.replace_file(JOB, FileSpec("data", "Data_001.zip", content=CONTENT[::-1]))

    after = await client.file(Range="bytes=4000-", If_Range=before.headers["ETag"])

    assert (after.status, after.body) == (200, CONTENT[::-1])
    assert after.headers["ETag"] != before.headers["ETag"]
    assert after.headers["Last-Modified"] != before.headers["Last-Modified"]


@pytest.mark.parametrize(
    ("switch", "header"),
    [
        ({"etag": "none"}, "ETag"),
        ({"last_modified": "none"}, "Last-Modified"),
        ({"accept_ranges": False}, "Accept-Ranges"),
        ({"length": False}, "Content-Length"),
    ],
)
async def test_each_header_can_be_missing(client, switch, header):
    client.vendor.serve(**switch)

    reply = await client.file()

    assert header not in reply.headers
    assert reply.body == CONTENT


async def test_a_file_can_have_a_way_of_its_own_and_a_fault_another_for_once():
    files = (FileSpec("data", "D.zip", content=CONTENT, serving=Serving(range="416")),)
    async with simulated(runs=(RunSpec(JOB, files=files),)) as client:
        client.vendor.fault(Serve(range="ignored"), file="D.*")
        statuses = [(await client.file("D.zip", Range="bytes=1-")).status for _ in range(2)]

    assert statuses == [200, 416]


async def test_the_body_can_be_compressed_although_identity_was_asked_for(client):
    client.vendor.serve(gzip=True)

    reply = await client.file(Accept_Encoding="identity")

    assert reply.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(reply.body) == CONTENT


# --- bodies that are not what they should be ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "body"),
    [
        (Flip(100, bit=3), CONTENT[:100] + bytes([CONTENT[100] ^ 8]) + CONTENT[101:]),
        (Flip(-1), CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])),
        (Shorten(10), CONTENT[:-10]),
        (Instead("nothing"), b""),
        (Instead("empty-zip"), b"PK\x05\x06" + bytes(18)),
    ],
)
async def test_a_body_can_be_wrong_with_all_headers_agreeing(client, effect, body):
    client.vendor.fault(effect)

    wrong, right = await client.file(), await client.file()

    assert (wrong.status, wrong.body) == (200, body)
    assert wrong.headers["Content-Length"] == str(len(body))
    assert right.body == CONTENT


async def test_a_body_can_be_too_long(client):
    client.vendor.fault(Lengthen(10), times=2)

    reply, tail = await client.file(), await client.file(Range=f"bytes={SIZE - 1}-")

    assert reply.body[:SIZE] == CONTENT
    assert (len(reply.body), reply.headers["Content-Length"]) == (SIZE + 10, str(SIZE + 10))
    assert tail.headers["Content-Range"] == f"bytes {SIZE - 1}-{SIZE + 9}/{SIZE + 10}"
    assert tail.body == reply.body[SIZE - 1 :]


@pytest.mark.parametrize(("what", "kind"), [("html", "text/html"), ("json", "application/json")])
async def test_a_page_or_json_can_come_in_a_200_whatever_range_was_asked_for(client, what, kind):
    client.vendor.fault(Instead(what))

    reply = await client.file(Range="bytes=4000-")

    assert (reply.status, reply.headers["Content-Type"].partition(";")[0]) == (200, kind)
    assert reply.body[:1] in (b"<", b"{")


async def test_less_can_come_than_was_announced(client):
    client.vendor.fault(Misstate(10))

    with pytest.raises(aiohttp.ClientPayloadError, match=f"received {SIZE} of {SIZE + 10}"):
        await client.file()


async def test_more_can_come_than_was_announced(client):
    client.vendor.fault(Misstate(-10))
    reader, writer = await raw_request(client)

    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()

    assert f"Content-Length: {SIZE - 10}".encode() in head
    assert body[: SIZE - 10] == CONTENT[:-10]
    assert len(body) == SIZE


# --- connections that break or crawl ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 4000, SIZE - 1])
async def test_a_connection_ends_after_exactly_so_many_bytes_and_only_once(client, size):
    client.vendor.drop_connection_after(size, "Data_*.zip")

    assert (await client.file("Attachments_001.zip")).status == 200
    with pytest.raises(aiohttp.ClientPayloadError, match=f"received {size} of {SIZE}"):
        await client.file()

    assert (await client.file(Range=f"bytes={size}-")).body == CONTENT[size:]
    assert [request.sent for request in client.vendor.asked("download")] == [SIZE, size, SIZE - size]


async def test_a_chunked_body_that_breaks_off_is_no_end(client):
    client.vendor.serve(length=False)
    client.vendor.drop_connection_after(4000)

    with pytest.raises(aiohttp.ClientPayloadError):
        await client.file()


async def test_a_connection_can_be_reset(client):
    client.vendor.fault(Drop(4000, how="reset"))
    reader, writer = await raw_request(client)

    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


async def test_a_stalled_body_goes_on_after_a_while(client):
    client.vendor.fault(Stall(4000, timedelta(seconds=50)))

    assert (await client.file()).body == CONTENT
    assert client.clock.slept == [50]


@pytest.mark.parametrize("effect", [Stall(4000), Hang()])
async def test_a_stall_without_end_ends_with_the_client(client, effect):
    client.vendor.fault(effect)
    timeout = aiohttp.ClientTimeout(total=0.3)

    with pytest.raises(TimeoutError):
        await client.send("GET", f"/v2/crm/757345985/backup/{JOB}/Data_001.zip", timeout=timeout)
    await client.vendor.until(lambda: client.vendor.requests[-1].done)

    assert client.vendor.requests[-1].sent == (4000 if isinstance(effect, Stall) else 0)


async def test_a_stall_does_not_keep_the_simulator_from_stopping():
    simulator = Simulator(Scenario((org_spec(),)))
    async with simulator as vendor, aiohttp.ClientSession() as session:
        client = Client(session, vendor, FakeClock())
        await client.sign_in()
        vendor.fault(Stall(4000))
        hanging = asyncio.create_task(client.file())
        await vendor.until(lambda: vendor.requests[-1].sent > 0)

        await asyncio.wait_for(simulator.stop(), timeout=5)

        with pytest.raises(aiohttp.ClientPayloadError):
            await hanging


async def test_a_body_can_trickle(client):
    client.vendor.fault(Trickle(piece=1024, pause=timedelta(seconds=7)))

    assert (await client.file()).body == CONTENT
    assert client.clock.slept == [7] * 10


@pytest.mark.parametrize("pace", [{"per_connection": 40_960}, {"total": 40_960}])
async def test_a_slow_line_is_as_slow_as_told(pace):
    async with Simulator(Scenario((org_spec(),), Pace(**pace))) as vendor, aiohttp.ClientSession() as session:
        client = Client(session, vendor, FakeClock())
        await client.sign_in()
        began = time.monotonic()
        await asyncio.gather(client.file(), client.file())
        took = time.monotonic() - began

    expected = 0.25 if "per_connection" in pace else 0.5  # seconds for one file, or for both
    assert 0.9 * expected < took < 0.9 * expected + 1


async def test_it_is_counted_how_many_bodies_were_sent_at_once(client):
    client.vendor.fault(Stall(1), times=3)
    tasks = [asyncio.create_task(client.file()) for _ in range(3)]
    await client.vendor.until(lambda: client.vendor.downloading == 3)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await client.vendor.until(lambda: client.vendor.downloading == 0)

    assert client.vendor.most_downloading == 3


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("switch", "status", "kind"),
    [
        ("401", 401, "application/json"),
        ("403", 403, "application/json"),
        ("404", 404, "application/json"),
        ("html", 200, "text/html"),
    ],
)
async def test_an_expired_link_is_answered_in_each_way(client, switch, status, kind):
    client.vendor.switch(expired_link=switch)
    client.clock.pass_time(days=5)
    await client.sign_in()

    reply = await client.file()

    assert (reply.status, reply.headers["Content-Type"].partition(";")[0]) == (status, kind)


@pytest.mark.parametrize(("switch", "status"), [("alive", 200), ("gone", 403)])
async def test_old_links_live_on_after_a_newer_run_or_do_not(client, switch, status):
    client.vendor.switch(old_links=switch)
    client.vendor.add_run(RunSpec("4876876000001599998", finished=ago(hours=1)))

    assert (await client.file()).status == status


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_redirect_to_another_name_of_this_host_leads_to_the_file(client, host):
    client.vendor.serve(redirect=host)

    reply = await client.file()
    followed = await client.send("GET", reply.headers["Location"].replace("localhost", "127.0.0.1"))

    assert reply.status == 302
    assert reply.headers["Location"].startswith(f"http://{host}:")
    assert followed.body == CONTENT


async def test_a_redirect_can_lead_anywhere(client):
    client.vendor.serve(redirect="https://evil.example", redirect_status=307)

    reply = await client.file()

    assert (reply.status, reply.headers["Location"].partition("/v2/")[0]) == (307, "https://evil.example")


async def test_a_throttled_download_says_when_to_come_back(client):
    client.vendor.fault(Refuse(429, "TOO_MANY_REQUESTS", retry_after=timedelta(seconds=299)), kind="data")

    assert (await client.file("Attachments_001.zip")).status == 200
    reply = await client.file()
    assert (reply.status, reply.headers["Retry-After"]) == (429, "299")
    assert (await client.file()).status == 200


async def test_a_token_can_end_between_two_downloads(client):
    client.vendor.fault(Revoke(), skip=1)

    assert [(await client.file()).status for _ in range(3)] == [200, 401, 401]


async def test_every_effect_leaves_the_other_organisations_alone():
    second = OrgSpec(name="second", zgid="900", refresh_token="1000.second", runs=org_spec().runs)
    async with simulated() as client:
        client.vendor.reset(Scenario((org_spec(), second)))
        client.vendor.fault(Refuse(500), times=9)
        await client.sign_in(refresh_token="1000.second")
        reply = await client.send("GET", f"/v2/crm/900/backup/{JOB}/Data_001.zip")

    assert reply.body == CONTENT


async def test_a_large_zip_is_served_at_any_offset(client):
    client.vendor.add_run(RunSpec("88", files=(FileSpec("attachments", "A.zip", size=3_000_000),)))
    whole = (await client.file("A.zip", job="88")).body
    cuts = [0, 1, 262_143, 262_144, 1_000_003, len(whole)]

    parts = [
        (await client.file("A.zip", job="88", Range=f"bytes={start}-{stop - 1}")).body
        for start, stop in itertools.pairwise(cuts)
    ]

    assert b"".join(parts) == whole
