"""`backupd schedule` against the simulated vendor: what is ordered, how often it is sent, and what is said."""

import io
import json
import sys

import pytest

from backupd.cli import failures
from backupd.cli.invocation import Invocation
from backupd.cli.schedule import cancel, create, show
from backupd.core.errors import AnswerLost, Refused, ScopeMissing, UsageError, VendorError
from backupd.simulator import Lose, OrgSpec, Refuse, Say, Scenario, ScheduleSpec, Simulator, Vendor
from tests.fakes.clock import FakeClock
from tests.integration.test_cli_answers import answered, documented, fits

RULE = "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU"


class Terminal(io.StringIO):
    """Standard input with a person at it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def answer(monkeypatch):
    """Let a person answer a question."""

    def answer(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", Terminal(f"{text}\n"))

    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return answer


@pytest.fixture
def invocation(tmp_path):
    return Invocation(tmp_path / "backupd.toml")


@pytest.fixture
async def vendor(tmp_path, monkeypatch, invocation, answer):
    """A vendor with an order every two weeks, and settings that lead there."""
    monkeypatch.setattr("backupd.cli.session.set_up_log", lambda *_, **__: None)
    clock = FakeClock()
    monkeypatch.setattr("backupd.app.SystemClock.now", lambda _: clock.now())
    monkeypatch.setattr("backupd.app.SystemClock.sleep", lambda _, seconds: clock.sleep(seconds))
    (tmp_path / "archive" / ".state").mkdir(parents=True)
    scenario = Scenario((OrgSpec(schedule=ScheduleSpec(rrule=RULE)),))
    async with Simulator(scenario, clock=clock.now, sleep=clock.sleep) as vendor:
        invocation.config.write_text(
            f"""
            archive.root = "{tmp_path}/archive"
            [orgs.main]
            client_id = "1000.SIMULATED"
            client_secret = "simulated"
            refresh_token = "1000.simulated"
            accounts_url = "{vendor.url}"
            api_domain = "{vendor.url}"
            download_hosts = ["{vendor.url.partition("//")[2]}"]
            """
        )
        yield vendor


def without_order(vendor: Vendor) -> None:
    vendor.reset(Scenario((OrgSpec(),)))


async def test_a_schedule_is_shown_in_words(vendor, invocation, capsys):
    assert await show(invocation=invocation) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "WHAT    HOW IT IS",
        "org     main",
        "status  SCHEDULED",
        "made    every 2 weeks on Tuesday",
    ]
    assert lines[4] == f"rule    {RULE}"


async def test_no_schedule_is_said_so(vendor, invocation, capsys):
    without_order(vendor)

    await show(invocation=invocation)

    assert capsys.readouterr().out == "main: nothing is scheduled at the vendor.\n"


async def test_an_order_tells_its_price_and_waits_for_a_yes(vendor, invocation, answer, capsys):
    without_order(vendor)
    answer("y")

    assert await create(weekly="tue", invocation=invocation) == 0

    told = capsys.readouterr()
    assert "main: the vendor shows no schedule.\n2 backups a month are free" in told.err
    assert "This rule makes up to 5 a month.\nOrder backups every week on Tuesday? [y/N] " in told.err
    assert told.out.startswith("main: ordered; backups are made every week on Tuesday; next ")
    schedule = vendor.org().schedule
    assert schedule is not None
    assert schedule.rrule == "RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=TU"


async def test_what_a_vendor_says_shows_no_secret(vendor, invocation, answer, capsys):
    said = {"id": "1", "status": "FAILED 1000.simulated", "rrule": "RRULE:FREQ=1000.simulated"}
    vendor.fault(Say(json.dumps({"backup": said})), on="details", always=True)

    await show(invocation=invocation)
    await show(as_json=True, invocation=invocation)
    answer("no")
    await cancel(invocation=invocation)
    failures.tell(VendorError("the vendor says 1000.simulated"), sys.stderr)

    told = capsys.readouterr()
    assert "1000.simulated" not in told.out + told.err
    assert told.out.count("FAILED [redacted]") == 2
    assert "FAILED [redacted]" in told.err
    assert "the vendor says [redacted]" in told.err


@pytest.mark.parametrize("said", ["", "n", "no", "ja"])
async def test_without_a_yes_nothing_is_sent(said, vendor, invocation, answer, capsys):
    answer(said)
    await create(invocation=invocation)
    answer(said)
    await cancel(invocation=invocation)

    assert vendor.asked("schedule") == vendor.asked("cancel") == []
    assert "nothing was ordered\n" in capsys.readouterr().err


async def test_without_a_person_it_wants_yes(vendor, invocation):
    for command in (create, cancel):
        with pytest.raises(UsageError, match="wants a yes") as raised:
            await command(invocation=invocation)
        assert "--yes" in raised.value.advice

    assert vendor.asked("schedule") == vendor.asked("cancel") == []


async def test_an_order_without_a_rule_is_one_backup_at_once(vendor, invocation, capsys):
    without_order(vendor)

    await create(yes=True, invocation=invocation)

    assert capsys.readouterr().out == "main: ordered; a backup is being made.\n"
    assert vendor.org().status(vendor.now()) == "INPROGRESS"


async def test_a_schedule_is_cancelled_and_cancelling_again_does_nothing(vendor, invocation, capsys):
    await cancel(yes=True, invocation=invocation)
    await cancel(yes=True, invocation=invocation)

    assert capsys.readouterr().out == "main: cancelled.\nmain: nothing to cancel; no schedule stands.\n"
    assert len(vendor.asked("cancel")) == 1


async def test_cancelling_without_a_schedule_does_nothing(vendor, invocation, capsys):
    without_order(vendor)

    await cancel(yes=True, invocation=invocation)

    assert "nothing to cancel" in capsys.readouterr().out
    assert vendor.asked("cancel") == []


async def test_an_order_whose_answer_was_lost_is_found_by_reading(vendor, invocation, capsys):
    without_order(vendor)
    vendor.fault(Lose(), on="schedule")

    assert await create(monthly="1", yes=True, invocation=invocation) == 0

    assert "the answer was lost on the way; the vendor's schedule shows it" in capsys.readouterr().out
    assert len(vendor.asked("schedule")) == 1
    assert vendor.org().quota == 1


@pytest.mark.parametrize("always", [False, True])
async def test_a_cancelling_whose_answer_was_lost_is_found_by_reading(always, vendor, invocation, capsys):
    """It is not sent again, neither by us nor by the HTTP library, which does so with a PUT."""
    vendor.fault(Lose(), on="cancel", always=always)

    assert await cancel(yes=True, invocation=invocation) == 0

    assert "the vendor's schedule shows it" in capsys.readouterr().out
    assert len(vendor.asked("cancel")) == 1


async def test_an_order_that_failed_on_the_way_is_not_sent_again(vendor, invocation):
    without_order(vendor)
    vendor.fault(Refuse(500), on="schedule")

    with pytest.raises(AnswerLost, match="no trace of it; it was not sent again") as raised:
        await create(yes=True, invocation=invocation)

    assert "backupd schedule show" in raised.value.advice
    assert len(vendor.asked("schedule")) == 1


async def test_an_order_that_nobody_can_tell_of_says_so(vendor, invocation):
    without_order(vendor)
    vendor.fault(Lose(), on="schedule")
    vendor.fault(Refuse(503), on="details", skip=1, always=True)

    with pytest.raises(AnswerLost, match="nor could it be read what became of it"):
        await create(yes=True, invocation=invocation)

    assert len(vendor.asked("schedule")) == 1


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (create, "BACKUP_ALREADY_SCHEDULED", r"made already: SCHEDULED, every 2 weeks on Tuesday"),
        (create, "LIMIT_EXCEEDED", "this month's backups are used up"),
        (create, "LIMIT_REACHED", "this month's backups are used up"),
        (create, "INVALID_DATA", "does not take this rule"),
        (cancel, "INPROGRESS", "a backup is being made right now"),
        (cancel, "RESOURCE_NOT_FOUND", "does not know this schedule any more"),
    ],
)
async def test_a_refusal_is_said_in_plain_words(command, code, words, vendor, invocation):
    on = "schedule" if command is create else "cancel"
    vendor.fault(Refuse(400, code, form="wrapped"), on=on)

    with pytest.raises(Refused, match=words) as raised:
        await command(yes=True, invocation=invocation)

    assert code in str(raised.value)
    assert raised.value.advice


async def test_what_was_cancelled_meanwhile_is_cancelled(vendor, invocation, capsys):
    vendor.fault(Refuse(400, "ALREADY_CANCELLED", form="wrapped"), on="cancel")

    assert await cancel(yes=True, invocation=invocation) == 0


async def test_a_token_that_may_only_read_is_told_how_to_get_another(vendor, invocation):
    scopes = ("ZohoCRM.bulk.backup.READ", "ZohoFiles.files.ALL")
    vendor.reset(Scenario((OrgSpec(schedule=ScheduleSpec(rrule=RULE), scopes=scopes),)))

    for command in (create, cancel):
        with pytest.raises(ScopeMissing) as raised:
            await command(yes=True, invocation=invocation)
        assert "backupd authorize --schedules" in raised.value.advice


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"weekly": "tue", "monthly": "1"}, "exclude each other"),
        ({"every": 2}, "--every goes with"),
        ({"rule": "nonsense"}, "is not a rule"),
        ({"org": "acme"}, "there is no org 'acme'"),
    ],
)
async def test_what_makes_no_sense_is_said_before_anything_is_sent(wish, words, vendor, invocation):
    with pytest.raises(UsageError, match=words):
        await create(**wish, yes=True, invocation=invocation)

    assert vendor.requests == []


async def test_one_of_several_orgs_must_be_named(vendor, invocation, capsys):
    invocation.config.write_text(invocation.config.read_text() + "[orgs.acme]\n")

    with pytest.raises(UsageError, match="several orgs") as raised:
        await show(invocation=invocation)
    assert "acme, main" in raised.value.advice

    assert await show(org="main", invocation=invocation) == 0


@pytest.mark.parametrize(("command", "name"), [(show, "show"), (create, "create"), (cancel, "cancel")])
async def test_the_answer_is_what_the_document_says(command, name, vendor, invocation, capsys):
    wish: dict[str, object] = {} if command is show else {"yes": True}
    if command is create:
        without_order(vendor)
        wish["weekly"] = "tue"

    await command(**wish, as_json=True, invocation=invocation)

    fields = documented(f"schedule {name}")
    found = list(answered(json.loads(capsys.readouterr().out), fields))
    assert {path for path, _ in found} == fields.keys()
    assert [path for path, value in found if not fits(value, fields[path])] == []


async def test_an_unreachable_vendor_fails_before_anything_is_asked(vendor, invocation, capsys):
    vendor.fault(Refuse(503), on="details", always=True)

    with pytest.raises(VendorError):
        await create(invocation=invocation)

    assert capsys.readouterr().err == ""
