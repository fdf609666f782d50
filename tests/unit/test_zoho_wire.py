"""The vendor's answers in our words: right shapes, tolerated shapes, and errors that name the field."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.core.errors import UnreadableAnswer
from backupd.core.model import HistoryEntry, Offers, Schedule
from backupd.zoho import wire

HOSTS = ("download-accl.zoho.com",)
RUN = "https://download-accl.zoho.com/v2/crm/757345985/backup/4876876000001594004"

DETAILS = {
    "backup": {
        "id": "4876876000001593003",
        "scheduled_date": "2022-07-26T09:58:45+05:30",
        "start_date": "2022-07-12T12:30:00+05:30",
        "rrule": "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU",
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
ENTRY = {
    "id": "4876876000001595001",
    "done_by": {"id": "1", "name": "Jane Doe", "zuid": "2"},
    "log_time": "2022-06-23T17:31:03+05:30",
    "state": "completed",
    "action": None,
    "repeat_type": "biweekly",
    "file_name": None,
    "count": None,
}


def with_field(answer, path, value):
    """Return a copy of an answer with one field changed, or taken away (`value` is `...`)."""
    copy = json.loads(json.dumps(answer))
    *parents, last = path
    place = copy
    for step in parents:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return copy


def test_details_become_a_schedule():
    assert wire.schedule(DETAILS) == Schedule(
        id="4876876000001593003",
        status="SCHEDULED",
        rrule="RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU",
        next_at=datetime(2022, 7, 26, 4, 28, 45, tzinfo=UTC),
        started_at=datetime(2022, 7, 12, 7, 0, tzinfo=UTC),
    )


def test_no_details_are_no_schedule():
    assert wire.schedule(None) is None
    assert wire.schedule({"backup": None}) is None


def test_an_unknown_status_is_kept_and_ids_may_be_numbers():
    answer = with_field(
        with_field(DETAILS, ["backup", "status"], "PAYMENT_FAILED"), ["backup", "id"], 4876876000001593003
    )
    schedule = wire.schedule(answer)
    assert schedule is not None
    assert (schedule.status, schedule.id) == ("PAYMENT_FAILED", "4876876000001593003")


@pytest.mark.parametrize("field", ["scheduled_date", "start_date", "rrule", "requester"])
@pytest.mark.parametrize("value", [None, ...])
def test_what_may_be_missing_in_the_details_may_be_missing(field, value):
    assert wire.schedule(with_field(DETAILS, ["backup", field], value)) is not None


def test_links_become_an_offer():
    [offer] = wire.offers(LINKS, HOSTS).jobs
    assert offer.expires_at == datetime(2022, 6, 30, 12, 1, 3, tzinfo=UTC)
    assert [str(link.file) for link in offer.links] == ["data/Data_001.zip", "attachments/Attachments_001.zip"]


@pytest.mark.parametrize("value", [None, ..., []])
def test_either_list_of_links_may_be_null_missing_or_empty(value):
    for field, left in (("data_links", "attachments"), ("attachment_links", "data")):
        [offer] = wire.offers(with_field(LINKS, ["urls", field], value), HOSTS).jobs
        assert [str(link.file.kind) for link in offer.links] == [left]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {"urls": None},
        {"urls": {}},
        {"urls": {"data_links": None, "attachment_links": [], "expiry_date": None}},
    ],
)
def test_no_links_are_no_offer(answer):
    assert wire.offers(answer, HOSTS) == Offers()


def test_history_entries_are_kept_without_persons():
    page = wire.history_page({"history": [ENTRY], "info": {"more_records": True}})
    assert page.more is True
    assert page.entries == (
        HistoryEntry(
            id="4876876000001595001",
            at=datetime(2022, 6, 23, 12, 1, 3, tzinfo=UTC),
            state="completed",
            action=None,
            repeat_type="biweekly",
        ),
    )


@pytest.mark.parametrize(("count", "read"), [(3, 3), ("3", 3), (None, None)])
def test_a_history_count_may_be_a_number_or_text(count, read):
    [entry] = wire.history_page({"history": [{**ENTRY, "count": count}], "info": {}}).entries
    assert entry.count == read


@pytest.mark.parametrize("answer", [None, {}, {"history": None}, {"history": [], "info": None}])
def test_no_history_is_an_empty_page(answer):
    assert wire.history_page(answer).entries == ()
    assert not wire.history_page(answer).more


@pytest.mark.parametrize(
    ("read", "answer", "path", "value", "field"),
    [
        (wire.schedule, DETAILS, ["backup"], ..., "backup"),
        (wire.schedule, DETAILS, ["backup"], ["SECRET"], "backup"),
        (wire.schedule, DETAILS, ["backup", "id"], ..., "backup.id"),
        (wire.schedule, DETAILS, ["backup", "id"], "", "backup.id"),
        (wire.schedule, DETAILS, ["backup", "id"], True, "backup.id"),
        (wire.schedule, DETAILS, ["backup", "id"], "../SECRET", "backup.id"),
        (wire.schedule, DETAILS, ["backup", "status"], None, "backup.status"),
        (wire.schedule, DETAILS, ["backup", "status"], {"SECRET": 1}, "backup.status"),
        (wire.schedule, DETAILS, ["backup", "status"], "SECRET\x1b[2J", "backup.status"),
        (wire.schedule, DETAILS, ["backup", "rrule"], "SECRET" * 200, "backup.rrule"),
        (wire.schedule, DETAILS, ["backup", "scheduled_date"], "SECRET", "backup.scheduled_date"),
        (wire.schedule, DETAILS, ["backup", "scheduled_date"], "2022-07-26T09:58:45", "backup.scheduled_date"),
        (wire.schedule, DETAILS, ["backup", "start_date"], "0001-01-01T00:00:00+14:00", "backup.start_date"),
        (wire.schedule, DETAILS, ["backup", "start_date"], 1657612800, "backup.start_date"),
        (lambda a: wire.offers(a, HOSTS), LINKS, ["urls"], ..., "urls"),
        (lambda a: wire.offers(a, HOSTS), LINKS, ["urls"], "SECRET", "urls"),
        (lambda a: wire.offers(a, HOSTS), LINKS, ["urls", "data_links"], f"{RUN}/SECRET", "urls.data_links"),
        (lambda a: wire.offers(a, HOSTS), LINKS, ["urls", "data_links"], {"a": "SECRET"}, "urls.data_links"),
        (lambda a: wire.offers(a, HOSTS), LINKS, ["urls", "data_links"], [None], "urls.data_links[0]"),
        (lambda a: wire.offers(a, HOSTS), LINKS, ["urls", "attachment_links"], ["x", 7], "urls.attachment_links[1]"),
        (lambda a: wire.offers(a, HOSTS), LINKS, ["urls", "data_links"], ["S" * 10_000], "urls.data_links[0]"),
        (lambda a: wire.offers(a, HOSTS), LINKS, ["urls", "expiry_date"], ..., "urls.expiry_date"),
        (lambda a: wire.offers(a, HOSTS), LINKS, ["urls", "expiry_date"], None, "urls.expiry_date"),
        (lambda a: wire.offers(a, HOSTS), LINKS, ["urls", "expiry_date"], "2022-06-30", "urls.expiry_date"),
        (wire.history_page, {"history": [ENTRY]}, ["history"], {"SECRET": 1}, "history"),
        (wire.history_page, {"history": [ENTRY]}, ["history", 0], "SECRET", "history[0]"),
        (wire.history_page, {"history": [ENTRY]}, ["history", 0, "id"], ..., "history[0].id"),
        (wire.history_page, {"history": [ENTRY]}, ["history", 0, "log_time"], "SECRET", "history[0].log_time"),
        (wire.history_page, {"history": [ENTRY]}, ["history", 0, "count"], "SECRET", "history[0].count"),
        (wire.history_page, {"history": [ENTRY]}, ["history", 0, "count"], 1.5, "history[0].count"),
        (wire.history_page, {"history": [ENTRY], "info": {}}, ["info"], [], "info"),
    ],
)
def test_a_wrong_shape_names_call_and_field_but_never_the_value(read, answer, path, value, field):
    with pytest.raises(UnreadableAnswer) as caught:
        read(with_field(answer, path, value))
    call, _, problem = str(caught.value).partition(": the field ")
    assert call in {wire.DETAILS, wire.LINKS, wire.HISTORY}
    assert problem.split(" ")[0] == field
    assert "SECRET" not in str(caught.value) + repr(caught.value)


def test_a_receipt_names_the_schedule():
    success = {"status": "success", "code": "SUCCESS", "message": "Backup scheduled successfully."}
    assert wire.receipt(wire.CREATE, {"backup": {**success, "details": {"id": "487"}}}) == "487"
    assert wire.receipt(wire.CREATE, {**success, "details": {"id": 487}}) == "487"
    for wrong in (None, {}, {"backup": success}, {"backup": {**success, "details": {}}}):
        with pytest.raises(UnreadableAnswer, match="POST /backup"):
            wire.receipt(wire.CREATE, wrong)


@pytest.mark.parametrize("body", [b"", b"  \r\n"])
def test_an_empty_body_is_nothing(body):
    assert wire.document("GET /backup", body) is None


@pytest.mark.parametrize(
    "body",
    [b"<html>SECRET</html>", b'{"SECRET": ', b'["SECRET"]', b'"SECRET"', b"null", b"\xff\xfe\xfd", b"[" * 100_000],
)
def test_a_body_that_is_no_json_object_is_told_without_its_text(body):
    with pytest.raises(UnreadableAnswer, match=r"^GET /backup: the answer is ") as caught:
        wire.document("GET /backup", body)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["backup", "urls", "history", "info", "id", "status", "data_links", "expiry_date", "details"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["backup", "urls", "history", "info"]), JSON, max_size=3))
def test_no_json_makes_the_reading_fail_otherwise_than_by_our_error(answer):
    readers = (wire.schedule, lambda a: wire.offers(a, HOSTS), wire.history_page, lambda a: wire.receipt("x", a))
    for read in readers:
        try:
            read(answer)
        except UnreadableAnswer as error:
            assert ": the " in str(error)  # noqa: PT017 - any answer may be readable
