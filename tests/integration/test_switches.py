"""Each switch of the simulator, for what the vendor does is unknown or varies: what is on disk, and the exit status."""

from datetime import timedelta

import pytest

from backupd.core import events
from backupd.core.exits import Exit
from backupd.simulator import (
    Drop,
    Fault,
    Flip,
    Instead,
    Lengthen,
    Lists,
    Lose,
    Misstate,
    Refuse,
    Revoke,
    Rule,
    Serve,
    Serving,
    Shorten,
    Stall,
    Switches,
    Throttle,
    Trickle,
)
from tests.integration.operator import JOB, NAMES, days, operated, run

BROKEN = Fault(Drop(after=20_000), Rule(times=2))

pytestmark = pytest.mark.slow


# --- runs, status, links ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backup_id", ["constant", "changing"])
async def test_three_runs_of_one_schedule_give_three_snapshots(tmp_path, backup_id):
    jobs = [f"487687600000159400{number}" for number in range(3)]
    async with operated(tmp_path, run(jobs[0]), switches=Switches(backup_id=backup_id)) as operator:
        assert await operator.run_once() is Exit.OK
        for job in jobs[1:]:
            operator.clock.pass_time(days=14)
            operator.vendor.add_run(run(job, days_ago=1))
            assert await operator.run_once() is Exit.OK

        assert len(operator.snapshots) == 3
        assert [await operator.is_whole(job) for job in jobs] == [True, True, True]


@pytest.mark.parametrize(
    "status", ["SCHEDULED", "COMPLETED", "FINISHED", "STOPPED", "INPROGRESS", "PAYMENT_FAILED", "?"]
)
async def test_links_are_asked_for_whatever_the_status_says(tmp_path, status):
    async with operated(tmp_path, switches=Switches(status_after_run=status)) as operator:
        assert await operator.run_once() is Exit.OK
        assert await operator.is_whole()


@pytest.mark.parametrize("links", ["old", "none", "partial"])
async def test_a_run_that_is_going_on_is_archived_in_full_in_the_end(tmp_path, links):
    going_on = run("4005", days_ago=-0.01, duration=timedelta(hours=1))
    async with operated(tmp_path, run(), going_on, switches=Switches(links_during_run=links)) as operator:
        assert await operator.run_once() is Exit.OK
        operator.clock.pass_time(days=1)
        assert await operator.run_once() is Exit.OK

        assert await operator.is_whole("4005")
        assert operator.nothing_half_done()


async def test_links_that_appear_later_join_the_snapshot(tmp_path):
    async with operated(tmp_path, run(offered=1)) as operator:
        assert await operator.run_once() is Exit.OK
        assert await operator.is_whole(names=NAMES[:1])
        operator.vendor.offer(JOB)
        assert await operator.run_once() is Exit.OK

        assert await operator.is_whole()
        assert [event.revision for event in operator.ear.of(events.JobRevised)] == [2]


@pytest.mark.parametrize("form", ["null", "missing", "empty"])
async def test_an_answer_without_lists_is_no_link_and_no_failure(tmp_path, form):
    async with operated(tmp_path, faults=(Fault(Lists(form), Rule(on="urls")),)) as operator:
        assert await operator.run_once() is Exit.OK
        assert operator.snapshots == []
        assert await operator.run_once() is Exit.OK
        assert await operator.is_whole()


@pytest.mark.parametrize("form", ["empty", "null", "missing"])
async def test_a_run_without_attachments_is_archived(tmp_path, form):
    async with operated(tmp_path, run(names=("Data_001.zip",)), switches=Switches(empty_list=form)) as operator:
        assert await operator.run_once() is Exit.OK
        assert await operator.is_whole(names=("Data_001.zip",))


async def test_two_jobs_in_one_answer_are_two_snapshots(tmp_path):
    async with operated(tmp_path, run(), run("4005", days_ago=1), switches=Switches(links_of="all")) as operator:
        assert await operator.run_once() is Exit.OK
        assert await operator.is_whole()
        assert await operator.is_whole("4005")


async def test_links_whose_paths_tell_no_job_are_archived_under_a_digest(tmp_path):
    async with operated(tmp_path, switches=Switches(link_path="opaque")) as operator:
        assert await operator.run_once() is Exit.OK
        assert len(operator.snapshots) == 1
        assert len(operator.ear.of(events.JobIdentityGuessed)) >= 1
        assert await operator.run_once() is Exit.OK
        assert len(operator.snapshots) == 1


@pytest.mark.parametrize(("old", "expected"), [("alive", 2), ("gone", 1)])
async def test_a_job_hidden_by_a_newer_run_is_tried_until_its_own_expiry(tmp_path, old, expected):
    broken = Fault(Refuse(status=500), Rule(file="Data_002.zip", times=5))
    async with operated(tmp_path, switches=Switches(old_links=old), faults=(broken,)) as operator:
        assert await operator.run_once() is Exit.UNAVAILABLE
        operator.vendor.add_run(run("4005", days_ago=0))
        status = await operator.run_once()
        assert status is (Exit.OK if old == "alive" else Exit.INCOMPLETE)
        assert len(operator.snapshots) == expected

        operator.clock.pass_time(days=6)
        after = await operator.run_once()
        assert after is (Exit.OK if old == "alive" else Exit.INCOMPLETE)
        assert len(operator.ear.of(events.JobWasMissed)) == (0 if old == "alive" else 1)
        assert await operator.run_once() is Exit.OK


# --- expiry -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", ["204", "stale"])
async def test_after_the_expiry_an_archived_job_is_no_failure(tmp_path, after):
    async with operated(tmp_path, switches=Switches(links_after_expiry=after)) as operator:
        await operator.run_once()
        operator.clock.pass_time(days=10)
        assert await operator.run_once() is Exit.OK
        assert len(operator.snapshots) == 1


async def test_a_job_first_seen_after_its_expiry_ends_with_1_once(tmp_path):
    async with operated(tmp_path, run(days_ago=9), switches=Switches(links_after_expiry="stale")) as operator:
        assert await operator.run_once() is Exit.INCOMPLETE
        assert await operator.run_once() is Exit.OK
        assert operator.vendor.asked("download") == []


@pytest.mark.parametrize("answer", ["401", "403", "404", "html"])
async def test_links_that_die_before_their_expiry_are_a_failure_and_then_missed_once(tmp_path, answer):
    async with operated(tmp_path, switches=Switches(expired_link=answer, links_after_expiry="stale")) as operator:
        operator.vendor.advance(days(5) + timedelta(minutes=1))  # to the vendor's clock they are dead

        first = await operator.run_once()
        assert first not in (Exit.OK, Exit.TRY_LATER)
        assert operator.snapshots == []
        operator.clock.pass_time(days=5, minutes=1)
        assert await operator.run_once() is Exit.INCOMPLETE
        assert await operator.run_once() is Exit.OK
        assert len(operator.ear.of(events.JobWasMissed)) == 1


# --- bytes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [(), (BROKEN,)], ids=["unbroken", "broken"])
@pytest.mark.parametrize(
    "serving",
    [
        Serving(range="206"),
        Serving(range="ignored"),
        Serving(range="200-with-content-range"),
        Serving(range="416"),
        Serving(range="wrong-content-range"),
        Serving(range="other-range"),
        Serving(length=False),
        Serving(length=False, range="ignored"),
        Serving(accept_ranges=False),
        Serving(etag="weak"),
        Serving(etag="none"),
        Serving(etag="none", last_modified="none"),
        Serving(etag="none", last_modified="none", length=False),
        Serving(etag="changing"),
        Serving(last_modified="none"),
        Serving(last_modified="changing", etag="none"),
        Serving(redirect="127.0.0.1"),
        Serving(redirect="127.0.0.1", redirect_status=307),
    ],
    ids=repr,
)
async def test_however_the_files_are_served_the_archive_holds_the_vendors_bytes(tmp_path, serving, fault):
    async with operated(tmp_path, serving=serving, faults=fault) as operator:
        status = await operator.run_once()
        assert operator.nothing_half_done()
        if status is not Exit.OK:  # what cannot be resumed may need another run
            status = await operator.run_once()

        assert status is Exit.OK
        assert await operator.is_whole()


@pytest.mark.parametrize(
    "effect",
    [
        Drop(after=0),
        Drop(after=30_000, how="reset"),
        Trickle(piece=10_000),
        Shorten(by=1),
        Shorten(by=30_000),
        Lengthen(by=1),
        Lengthen(by=5000),
        Misstate(by=100),
        Misstate(by=-100),
        Flip(offset=40),
        Flip(offset=30_000),
        Flip(offset=-10),
        Instead("html"),
        Instead("json"),
        Instead("nothing"),
        Serve(gzip=True),
        Serve(etag="changing"),
        Refuse(status=500),
        Refuse(status=503, form="html"),
        Refuse(status=400, form="html"),
        Refuse(status=401, code="INVALID_TOKEN", www_authenticate='Bearer error="expired_token"'),
        Revoke(),
        Throttle(wait=timedelta(seconds=20)),
        Refuse(status=429, retry_after=timedelta(seconds=20), retry_after_in="details"),
        Refuse(status=429, retry_after_in="neither"),
    ],
    ids=repr,
)
async def test_one_bad_answer_is_overcome_within_the_run(tmp_path, effect):
    async with operated(tmp_path, faults=(Fault(effect, Rule(file="Data_001.zip")),)) as operator:
        assert await operator.run_once() is Exit.OK
        assert await operator.is_whole()


@pytest.mark.parametrize(
    ("effect", "status"),
    [
        (Drop(after=0), Exit.UNAVAILABLE),
        (Shorten(by=100), Exit.INCOMPLETE),
        (Lengthen(by=100), Exit.INCOMPLETE),
        (Flip(offset=30_000), Exit.INCOMPLETE),
        (Instead("html"), Exit.UNAVAILABLE),
        (Instead("json"), Exit.UNAVAILABLE),
        (Refuse(status=500), Exit.UNAVAILABLE),
        (Refuse(status=404, form="html"), Exit.INCOMPLETE),
        (Refuse(status=401, code="X", reason="INVALID_OAUTHSCOPE"), Exit.REFUSED),
        (Refuse(status=401, code="URL_RULE_NOT_CONFIGURED"), Exit.REFUSED),
        (Refuse(status=403, code="FORBIDDEN"), Exit.REFUSED),
        (Throttle(wait=timedelta(minutes=5)), Exit.TRY_LATER),
        (Serve(gzip=True), Exit.UNAVAILABLE),
    ],
    ids=repr,
)
async def test_a_file_that_stays_bad_fails_the_cycle_and_publishes_nothing(tmp_path, effect, status):
    async with operated(tmp_path, faults=(Fault(effect, Rule(file="Data_001.zip", always=True)),)) as operator:
        assert await operator.run_once() is status
        assert operator.snapshots == []
        assert operator.nothing_half_done()


async def test_a_stalled_connection_is_replaced(tmp_path):
    async with operated(tmp_path, faults=(Fault(Stall(after=10_000), Rule(file="Data_001.zip")),)) as operator:
        operator.timeout = "1s"
        assert await operator.run_once() is Exit.OK
        assert await operator.is_whole()


async def test_an_empty_zip_is_archived_as_it_came(tmp_path):
    async with operated(tmp_path, faults=(Fault(Instead("empty-zip"), Rule(kind="attachments")),)) as operator:
        assert await operator.run_once() is Exit.OK
        (attachments,) = operator.root.glob("main/*/*/attachments/*.zip")
        assert attachments.stat().st_size == 22


async def test_a_redirect_to_a_foreign_host_is_refused_and_no_request_sent_there(tmp_path):
    async with operated(tmp_path, serving=Serving(redirect="localhost")) as operator:
        assert await operator.run_once() is Exit.INCOMPLETE
        assert operator.snapshots == []
        assert {request.host.partition(":")[0] for request in operator.vendor.asked("download")} == {"127.0.0.1"}


async def test_links_to_a_foreign_host_are_refused_and_no_request_sent_there(tmp_path):
    async with operated(tmp_path, switches=Switches(link_base="http://localhost:1")) as operator:
        assert await operator.run_once() is Exit.INCOMPLETE
        assert len(operator.ear.of(events.LinkWasRefused)) == len(NAMES)
        assert operator.vendor.asked("download") == []


# --- tokens, throttles, refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 400])
async def test_a_token_throttle_ends_the_run_with_75_and_is_waited_out(tmp_path, status):
    async with operated(tmp_path, switches=Switches(token_throttle_status=status)) as operator:
        operator.vendor.throttle_tokens()
        assert await operator.run_once() is Exit.TRY_LATER
        asked = len(operator.vendor.asked("token"))
        assert asked == 1
        operator.clock.pass_time(minutes=5)
        assert await operator.run_once() is Exit.TRY_LATER
        assert len(operator.vendor.asked("token")) == asked
        operator.clock.pass_time(minutes=6)
        assert await operator.run_once() is Exit.OK
        assert await operator.is_whole()


async def test_one_token_serves_many_runs(tmp_path):
    async with operated(tmp_path) as operator:
        for _ in range(5):
            assert await operator.run_once() is Exit.OK
        assert len(operator.vendor.asked("token")) == 1


@pytest.mark.parametrize("legacy", [False, True])
async def test_a_dead_token_is_renewed_once(tmp_path, legacy):
    async with operated(tmp_path, switches=Switches(legacy_expires_in=legacy)) as operator:
        await operator.run_once()
        operator.vendor.revoke_tokens()
        assert await operator.run_once() is Exit.OK
        operator.clock.pass_time(hours=2)
        assert await operator.run_once() is Exit.OK
        assert len(operator.vendor.asked("token")) == 3


async def test_a_revoked_refresh_token_ends_with_77(tmp_path):
    async with operated(tmp_path) as operator:
        operator.vendor.revoke_refresh_token()
        assert await operator.run_once() is Exit.REFUSED
        operator.vendor.revoke_refresh_token(revoked=False)
        assert await operator.run_once() is Exit.OK


@pytest.mark.parametrize("look", ["clear", "like-stale-token"])
@pytest.mark.parametrize("scopes", [("ZohoFiles.files.ALL",), ("ZohoCRM.bulk.backup.READ",)])
async def test_a_missing_scope_ends_with_77_and_never_loops(tmp_path, look, scopes):
    async with operated(tmp_path, switches=Switches(scope_error=look), scopes=scopes) as operator:
        assert await operator.run_once() is Exit.REFUSED
        assert len(operator.vendor.asked("token")) <= 4
        assert operator.snapshots == []


async def test_least_privilege_is_enough(tmp_path):
    async with operated(tmp_path, scopes=("ZohoCRM.bulk.backup.READ", "ZohoFiles.files.ALL")) as operator:
        assert await operator.run_once() is Exit.OK
        assert await operator.is_whole()


@pytest.mark.parametrize("place", ["header", "details", "neither"])
@pytest.mark.parametrize("on", ["urls", "details"])
async def test_a_short_throttle_of_a_call_is_waited_out_within_the_run(tmp_path, on, place):
    effect = Throttle(wait=timedelta(seconds=1), retry_after_in=place)
    async with operated(tmp_path, faults=(Fault(effect, Rule(on=on)),)) as operator:
        assert await operator.run_once() is Exit.OK
        assert await operator.is_whole()


@pytest.mark.parametrize("place", ["header", "details"])
async def test_a_long_throttle_of_a_call_ends_the_run_with_75(tmp_path, place):
    effect = Throttle(wait=timedelta(seconds=299), retry_after_in=place)
    async with operated(tmp_path, faults=(Fault(effect, Rule(on="urls", always=True)),)) as operator:
        assert await operator.run_once() is Exit.TRY_LATER
        assert len(operator.vendor.asked("urls")) == 1


@pytest.mark.parametrize("effect", [Refuse(status=500), Refuse(status=502, form="html"), Lose()], ids=repr)
async def test_failures_for_a_while_are_overcome_and_lasting_ones_end_with_69(tmp_path, effect):
    async with operated(tmp_path, faults=(Fault(effect, Rule(on="urls", times=3)),)) as operator:
        assert await operator.run_once() is Exit.OK
        assert await operator.is_whole()
    lasting = tmp_path / "lasting"
    lasting.mkdir()
    async with operated(lasting, faults=(Fault(effect, Rule(on="urls", always=True)),)) as operator:
        assert await operator.run_once() is Exit.UNAVAILABLE
        tries = len(operator.vendor.asked("urls"))
        assert tries == (8 if effect == Lose() else 4)  # the HTTP library repeats a GET whose connection broke, once


async def test_a_failing_schedule_call_does_not_stop_the_links(tmp_path):
    async with operated(tmp_path, faults=(Fault(Refuse(status=500), Rule(on="details", always=True)),)) as operator:
        assert await operator.run_once() is Exit.UNAVAILABLE
        assert await operator.is_whole()


async def test_another_api_domain_in_the_token_answer_is_told_and_not_followed(tmp_path):
    async with operated(tmp_path, switches=Switches(api_domain="https://www.zohoapis.example")) as operator:
        assert await operator.run_once() is Exit.OK
        assert [event.answered for event in operator.ear.of(events.ApiDomainDiffers)] == ["www.zohoapis.example"]


@pytest.mark.parametrize("nothing", ["204", "empty-200"])
async def test_where_nothing_was_ever_scheduled_there_is_nothing_to_do(tmp_path, nothing):
    async with operated(tmp_path, run(days_ago=-30), switches=Switches(nothing_scheduled=nothing)) as operator:
        operator.vendor.org().schedule = None
        assert await operator.run_once() is Exit.OK
        assert operator.snapshots == []
