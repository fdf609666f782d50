"""A scenario file says what the simulator holds; what it cannot mean is an error that names file, key and remedy."""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backupd.simulator import (
    FileSpec,
    Moment,
    OrgSpec,
    Pace,
    Rule,
    RunSpec,
    ScenarioError,
    ScheduleSpec,
    Serving,
    Stall,
    Switches,
    default_scenario,
    load_scenario,
)
from backupd.simulator.effects import EFFECTS

LEFT_OUT = {
    "content",
    "requester",
    "schedule",
    "runs",
    "files",
    "history",
    "switches",
    "faults",
}  # tables, or Python only

WHOLE = """
[pace]
per_connection = "2MB"

[[orgs]]
name = "sales"
zgid = "900"
client_id = "1000.SALES"
refresh_token = "1000.sales"
scopes = ["ZohoCRM.bulk.backup.READ"]
past_events = 3

[orgs.schedule]
rrule = "RRULE:FREQ=MONTHLY;BYMONTHDAY=1"
start = 2022-07-12T12:30:00+05:30

[[orgs.runs]]
job_id = "11"
finished = "-36h"
offered = 1

[[orgs.runs.files]]
kind = "data"
name = "Data_001.zip"
size = "1.5MB"
compression = "stored"

[[orgs.runs.files]]
kind = "attachments"
name = "Attachments_001.zip"
path = "given.zip"
serving = { range = "416", etag = "weak" }

[[orgs.runs]]
job_id = "12"
finished = "+2d"

[[orgs.history]]
log_time = "-3d"
state = "failure"

[orgs.switches]
token_lifetime = "90s"
links_during_run = "partial"

[orgs.serving]
last_modified = "none"

[[orgs.faults]]
do = "stall"
after = 5
seconds = 3
file = "Data_*"
times = 4

[[orgs]]
name = "support"
zgid = "901"
refresh_token = "1000.support"
"""


def test_a_whole_scenario_is_read(tmp_path):
    (tmp_path / "given.zip").write_bytes(b"")
    (tmp_path / "scenario.toml").write_text(WHOLE)

    scenario = load_scenario(tmp_path / "scenario.toml")

    sales, support = scenario.orgs
    data, attachments = sales.runs[0].files
    assert scenario.pace.per_connection == 2_000_000
    assert sales.schedule
    assert sales.schedule.start.at == datetime(2022, 7, 12, 7, 0, tzinfo=UTC)
    assert [run.finished for run in sales.runs] == [Moment(timedelta(hours=-36)), Moment(timedelta(days=2))]
    assert (data.size, data.compression, data.serving) == (1_500_000, "stored", None)
    assert attachments.path == tmp_path / "given.zip"
    assert attachments.serving == Serving(range="416", etag="weak")
    assert (sales.history[0].state, sales.past_events, sales.scopes) == ("failure", 3, ("ZohoCRM.bulk.backup.READ",))
    assert sales.switches.token_lifetime == timedelta(seconds=90)
    assert sales.serving.last_modified == "none"
    assert sales.faults[0].effect == Stall(5, timedelta(seconds=3))
    assert (sales.faults[0].rule.file, sales.faults[0].rule.times) == ("Data_*", 4)
    assert (support.client_id, support.schedule) == ("1000.SIMULATED", None)


def test_the_default_scenario_has_a_schedule_a_run_of_four_zips_and_two_pages_of_history():
    (org,) = default_scenario().orgs

    assert (org.client_id, org.client_secret, org.refresh_token) == ("1000.SIMULATED", "simulated", "1000.simulated")
    assert org.schedule
    assert org.schedule.rrule
    assert [file.kind for run in org.runs for file in run.files] == ["data", "data", "attachments", "attachments"]
    assert 200 < org.past_events + len(org.runs) <= 400


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[orgs]", "is not TOML"),
        ("", "no organisation; add one under [[orgs]]"),
        ("orgz = 1", "unknown key 'orgz'; known are: orgs, pace"),
        ("[[orgs]]\nnaem = 'x'", "orgs[0]: unknown key 'naem'; did you mean 'name'?"),
        ("[[orgs]]\nzgid = 5", "orgs[0].zgid: a value of type str is wanted, not 5"),
        ("[[orgs]]\nquota = true", "orgs[0].quota: a value of type int is wanted, not True"),
        ("[[orgs]]\nscopes = 'x'", "orgs[0].scopes: a list is wanted here, not str"),
        ("[[orgs]]\nswitches = 3", "orgs[0].switches: a table is wanted here, not int"),
        ("[[orgs]]\nswitches.old_links = 'dead'", "'dead' is not known; use one of 'alive', 'gone'"),
        ("[[orgs]]\nswitches.token_throttle_status = 401", "401 is not known; use one of 200, 400"),
        ("[[orgs]]\nswitches.token_lifetime = 'long'", "is not a duration; write it as"),
        ("[[orgs]]\nruns = [{}]", "orgs[0].runs[0]: the key 'job_id' is missing; add it"),
        ("[[orgs]]\nruns = [{job_id = '1', finished = 'soon'}]", "'soon' is not a time; write it as"),
        ("[[orgs]]\nruns = [{job_id = '1', files = [{kind = 'data', name = '../x'}]}]", "is no file name"),
        ("[[orgs]]\nruns = [{job_id = '1', files = [{kind = 'data', name = 'x', size = '1 TON'}]}]", "is not a size"),
        ("[[orgs]]\nruns = [{job_id = '1', files = [{kind = 'data', name = 'x', path = 'no'}]}]", "no is not a file"),
        ("[[orgs]]\nfaults = [{do = 'explode'}]", "faults[0].do: 'explode' is not known; use one of drop,"),
        ("[[orgs]]\nfaults = [{do = 'drop'}]", "faults[0]: the key 'after' is missing; add it"),
        ("[[orgs]]\nfaults = ['drop']", 'faults[0]: a table with a key "do" is wanted here'),
        ("[[orgs]]\n[[orgs]]\nzgid = '2'\nrefresh_token = 'x'", "two organisations have the same name"),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_place_and_remedy(tmp_path, text, said):
    file = tmp_path / "scenario.toml"
    file.write_text(text)

    with pytest.raises(ScenarioError) as raised:
        load_scenario(file)

    assert str(raised.value).startswith(f"{file}: ")
    assert said in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ScenarioError, match=r"none\.toml: cannot be read \(No such file or directory\)"):
        load_scenario(tmp_path / "none.toml")


def test_the_document_names_everything_and_its_example_can_be_read(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()
    example = text.partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "scenario.toml").write_text(example)
    kinds = (Switches, Serving, Rule, *EFFECTS.values())
    keys = {field.name for kind in kinds for field in dataclasses.fields(kind)}

    assert load_scenario(tmp_path / "scenario.toml").orgs[0].runs[0].offered == 1
    for name in keys | EFFECTS.keys():
        assert f"`{name}`" in text or f"`{name} =" in text, name
    for kind in (OrgSpec, ScheduleSpec, RunSpec, FileSpec, Pace):
        for field in dataclasses.fields(kind):
            assert f"{field.name} =" in example or field.name in LEFT_OUT, field.name
