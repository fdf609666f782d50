"""The vendor's own SDK drives the simulator: a client that is not ours understands every answer.

The SDK is synchronous and keeps its state in globals, so that each test runs it in a thread, as one user.
"""

import io
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backupd.simulator import Simulator, default_scenario

JOB = "4876876000001594004"


@pytest.fixture
async def vendor(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with Simulator(default_scenario(20_000)) as vendor:
        yield vendor


@pytest.fixture
def their():
    """The SDK's classes."""
    from tests.contract import sdk

    return sdk


@pytest.fixture
def sdk(their, vendor, tmp_path):
    return their.Sdk(vendor, str(tmp_path))


async def test_the_details_of_the_schedule(sdk):
    answer = await sdk.call(lambda api: api.get_details())

    backup = answer.get_object().get_backup()
    assert answer.get_status_code() == 200
    assert backup.get_id() == 4876876000001593003
    assert backup.get_rrule() == "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU"
    assert backup.get_status() == "SCHEDULED"
    assert backup.get_start_date() < datetime.now(UTC) < backup.get_scheduled_date()
    assert backup.get_requester().get_name() == "Patricia Boyle"


async def test_the_links_of_the_latest_run(sdk, vendor):
    answer = await sdk.call(lambda api: api.get_urls())

    urls = answer.get_object().get_urls()
    base = f"{vendor.url}/v2/crm/757345985/backup/{JOB}/"
    assert urls.get_data_links() == [base + "Data_001.zip", base + "Data_002.zip"]
    assert urls.get_attachment_links() == [base + "Attachments_001.zip", base + "Attachments_002.zip"]
    assert timedelta(days=4) < urls.get_expiry_date() - datetime.now(UTC) < timedelta(days=6)


async def test_no_links_are_an_answer_without_a_body(sdk, vendor):
    vendor.advance(timedelta(days=8))

    answer = await sdk.call(lambda api: api.get_urls())

    assert (answer.get_status_code(), answer.get_object()) == (204, None)


async def test_the_history_over_its_pages(their, sdk):
    def all_pages(api: Any) -> list[Any]:
        events, page, more = [], 1, True
        while more:
            asked = their.ParameterMap()
            asked.add(their.HISTORYParam.page, str(page))
            asked.add(their.HISTORYParam.per_page, "200")
            wrapper = api.history(asked).get_object()
            events += wrapper.get_history()
            page, more = page + 1, wrapper.get_info().get_more_records()
        return events

    events = await sdk.call(all_pages)

    times = [event.get_log_time() for event in events]
    assert len(events) == 230
    assert times == sorted(times, reverse=True)
    assert len({event.get_id() for event in events}) == 230
    assert {event.get_state() for event in events} == {"completed", "failure", None}
    assert events[0].get_done_by().get_name() == "Patricia Boyle"


async def test_cancel_then_schedule_a_recurring_backup(their, sdk, vendor):
    def cancel_and_schedule(api: Any) -> tuple[Any, Any, Any]:
        again = their.BodyWrapper()
        backup = their.Backup()
        backup.set_rrule("RRULE:FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=3")
        again.set_backup(backup)
        return api.cancel(4876876000001593003), api.schedule(again), api.schedule(again)

    answers = await sdk.call(cancel_and_schedule)

    cancelled, scheduled, refused = [answer.get_object().get_backup() for answer in answers]
    assert isinstance(cancelled, their.SuccessResponse)
    assert cancelled.get_message() == "Backup stopped successfully."
    assert isinstance(scheduled, their.SuccessResponse)
    assert scheduled.get_code().get_value() == "SUCCESS"
    assert isinstance(refused, their.APIException)
    assert refused.get_code().get_value() == "BACKUP_ALREADY_SCHEDULED"
    assert vendor.org().schedule.rrule == "RRULE:FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=3"


async def test_schedule_a_backup_at_once(their, sdk, vendor):
    def order(api: Any) -> Any:
        body = their.BodyWrapper()
        body.set_backup(their.Backup())
        api.cancel(4876876000001593003)
        return api.schedule(body)

    answer = await sdk.call(order)

    assert isinstance(answer.get_object().get_backup(), their.SuccessResponse)
    assert vendor.org().status(vendor.now()) == "INPROGRESS"


async def test_an_unknown_backup_cannot_be_cancelled(their, sdk):
    answer = await sdk.call(lambda api: api.cancel(12345))

    assert answer.get_status_code() == 400
    assert isinstance(answer.get_object(), their.APIException)
    assert answer.get_object().get_code().get_value() == "RESOURCE_NOT_FOUND"


async def test_a_download_is_the_zip(sdk):
    def fetch(api: Any) -> tuple[str, bytes]:
        wrapper = api.download_backed_up_data(f"v2/crm/757345985/backup/{JOB}/Data_001.zip").get_object()
        stream = wrapper.get_file()
        return stream.get_name(), b"".join(stream.get_stream())

    name, body = await sdk.call(fetch)

    assert name == "Data_001.zip"
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        assert "Metadata/Modules_001.csv" in archive.namelist()


async def test_an_access_token_is_renewed_with_the_refresh_token(their, sdk, vendor):
    def twice(api: Any) -> list[int]:
        token = their.Initializer.get_initializer().token
        first = api.get_details().get_status_code()
        token.set_expires_in("0")  # the SDK renews what has less than five seconds left
        return [first, api.get_details().get_status_code()]

    assert await sdk.call(twice) == [200, 200]
    assert len(vendor.asked("token")) == 2


async def test_a_grant_code_gives_a_refresh_token(their, sdk):
    def refresh_token(_api: Any) -> str:
        return str(their.Initializer.get_initializer().token.get_refresh_token())

    assert await sdk.call(refresh_token, grant_token="1000.code", refresh_token=None) == "1000.simulated"


async def test_a_refused_refresh_token_is_an_error_with_status_200(their, sdk, vendor):
    with pytest.raises(their.SDKException, match="invalid_code"):
        await sdk.call(lambda api: api.get_details(), refresh_token="1000.wrong")

    assert [request.status for request in vendor.asked("token")] == [200]
