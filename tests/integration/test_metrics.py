"""Metrics: what is counted, what is read off the overview; documents, alerts and dashboard speak of what there is."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

import backupd
from backupd.core import events
from backupd.core.errors import ArchiveError
from backupd.core.overview import State
from backupd.telemetry.metrics import Metrics
from backupd.telemetry.textfile import LastRun, text_of, write
from tests.fakes.clock import START as NOW
from tests.fakes.facts import FakeFacts, in_danger, missed, protected, under_way

ROOT = Path(backupd.__file__).parents[1]
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \|([^|]*)\| (yes|no) \| (.+) \|$", re.MULTILINE)
KEY = ("main", "4004", "data/Data_001.zip")
RUN = LastRun(ended_at=1_656_072_000.0, seconds=12.5, exit_status=69)


class Samples(dict[tuple[str, ...], float]):
    """Every sample by its name and its labels' values, in any order."""

    def __getitem__(self, key: tuple[str, ...]) -> float:
        return super().__getitem__((key[0], *sorted(key[1:])))


def samples(text: bytes) -> Samples:
    found = [sample for family in parse(text.decode()) for sample in family.samples]
    return Samples({(sample.name, *sorted(sample.labels.values())): sample.value for sample in found})


def counted(*told: events.Event) -> Samples:
    metrics = Metrics("1.2.3")
    for event in told:
        metrics(event)
    return samples(metrics.exposition(None))


def progress(received: int, resumed: int = 0) -> events.FileProgress:
    return events.FileProgress(*KEY, received=received, total=1000, resumed=resumed, rate=1.0)


def verified(size: int, resumed: int = 0) -> events.FileVerified:
    return events.FileVerified(*KEY, size, 3, "0" * 64, attempts=2, resumed=resumed, seconds=4.0)


EVERYTHING = (
    events.CycleFinished("main", "archived", 0, jobs=1, files=1, size=1, seconds=3.0, journal_head=""),
    events.JobPublished("main", "4004", "p", 1, 1, 1.0),
    events.JobWasMissed("main", "4004", 3, 1, NOW),
    events.CallRetrying("main", "urls", "r", 1, 1.0),
    events.TokenRenewed("main", NOW),
    events.TokenPaused("main", NOW),
    events.DownloadsPaused(12.5, "429", asked=10.5),
    events.StepFailed("main", "schedule", "vendor_unavailable", "r", "a"),
    events.ScrubFinished("main", files=3, size=700, damaged=1, seconds=1.0),
    events.FileDamaged("main", "4004", "p", "data/Data_001.zip", "r"),
    events.SnapshotHealed("main", "4004", "p", 2, 1),
    events.SnapshotDropped("main", "4004", "p", "keep_last"),
    progress(400),
    verified(1000, 250),
)


def documented() -> dict[str, tuple[str, frozenset[str], bool]]:
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    return {
        name: (kind, frozenset(re.findall(r"`(\w+)`", labels)), file == "yes")
        for name, kind, labels, file, _ in ROW.findall(text)
    }


def families(text: bytes) -> dict[str, tuple[str, frozenset[str]]]:
    """Type and labels of each metric of ours, by the name that a query has to use."""
    found = {}
    for family in parse(text.decode()):
        if family.name.startswith("backupd_"):
            suffix = "_total" if family.type == "counter" else ""
            labels = frozenset(label for sample in family.samples for label in sample.labels)
            found[family.name + suffix] = (family.type, labels)
    return found


async def everything() -> bytes:
    metrics = Metrics("1.2.3")
    for event in EVERYTHING:
        metrics(event)
    return metrics.exposition(await FakeFacts(protected(), in_danger(), missed()).overview())


async def test_what_never_happened_to_an_org_counts_zero():
    """From nothing to 1 is no increase to Prometheus, and the first missed job would raise no alert."""
    found = Metrics("1").exposition(await FakeFacts(protected()).overview()).decode()

    assert f'backupd_missed_jobs_total{{org="{protected().org}"}} 0.0' in found


async def test_the_document_names_every_metric_with_its_type_and_labels_and_no_other():
    facts = FakeFacts(protected(), in_danger(), missed())
    file = families(text_of(await facts.overview(), RUN))
    found = {**file, **families(await everything())}

    assert documented() == {name: (kind, labels, name in file) for name, (kind, labels) in found.items()}


@pytest.mark.parametrize("file", ["prometheus-rules.yml", "grafana-dashboard.json"])
def test_alerts_and_dashboard_ask_for_metrics_that_there_are(file):
    text = (ROOT / "config" / file).read_text(encoding="utf-8")
    asked = set(re.findall(r"\bbackupd_\w+", text))

    assert asked
    assert asked <= documented().keys()


def test_the_dashboard_is_whole():
    board = json.loads((ROOT / "config" / "grafana-dashboard.json").read_text(encoding="utf-8"))
    panels = board["panels"]

    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [tuple(panel["gridPos"][side] for side in "xywh") for panel in panels]
    assert all(x + width <= 24 for x, _, width, _ in places)
    cells = [(x + dx, y + dy) for x, y, width, height in places for dx in range(width) for dy in range(height)]
    assert len(cells) == len(set(cells))
    assert all(panel["title"] and panel["targets"] for panel in panels)


# --- how things stand -----------------------------------------------------------------------------------------------


async def test_states_and_instants_are_those_of_the_overview():
    orgs = protected(), under_way(), in_danger(), missed()
    found = samples(Metrics("1").exposition(await FakeFacts(*orgs).overview()))

    assert [found["backupd_protected", org.org] for org in orgs] == [1, 1, 0, 0]
    for org in orgs:
        states = {state: found["backupd_state", org.org, str(state)] for state in State}
        assert [state for state, value in states.items() if value] == [org.judge(NOW).state]
    last = NOW - timedelta(minutes=11)
    assert found["backupd_last_success_timestamp_seconds", "main"] == last.timestamp()
    assert found["backupd_job_expiry_timestamp_seconds", "acme_eu"] == (NOW + timedelta(days=6)).timestamp()
    assert ("backupd_job_expiry_timestamp_seconds", "main") not in found
    assert ("backupd_failing_since_timestamp_seconds", "main") not in found
    assert found["backupd_alarms", "north", "access_refused"] == 1
    assert found["backupd_archive_free_bytes",] == 812e9


async def test_what_no_longer_is_leaves_no_metric_behind():
    metrics = Metrics("1")
    metrics.exposition(await FakeFacts(in_danger()).overview())
    found = samples(metrics.exposition(await FakeFacts(protected()).overview()))

    assert not [key for key in found if "north" in key or key[0] == "backupd_alarms"]


async def test_an_org_that_only_lies_in_the_archive_raises_no_alert():
    gone = replace(missed(), configured=False)
    found = samples(Metrics("1").exposition(await FakeFacts(protected(), gone).overview()))

    assert not [key for key in found if "legacy" in key]


# --- what happened --------------------------------------------------------------------------------------------------


def test_bytes_are_counted_once_as_they_come_and_resumed_ones_apart():
    found = counted(progress(400), progress(400), progress(700, 200), verified(1000, 200))

    assert found["backupd_received_bytes_total", "main"] == 800
    assert found["backupd_resumed_bytes_total", "main"] == 200
    assert found["backupd_files_total", "main", "data", "verified"] == 1


def test_a_file_that_is_fetched_again_from_zero_counts_again():
    again = events.FileRestarted(*KEY, reason="its ETag changed", dropped=600)
    found = counted(progress(600), again, progress(500), verified(1000))

    assert found["backupd_received_bytes_total", "main"] == 1600


def test_retries_errors_and_ends_are_counted_by_kind():
    found = counted(
        *EVERYTHING,
        events.FileRetrying(*KEY, reason="r", attempt=1, wait=1.0),
        events.FileFailed(*KEY, kind="link_dead", reason="r", advice=""),
        events.FileRejected(*KEY, reason="r", rejections=1, retry_at=NOW),
        events.CycleFailed("main", "archive_full", 73, "r", "a"),
    )

    assert found["backupd_retries_total", "main", "call"] == 1
    assert found["backupd_retries_total", "main", "file"] == 1
    assert found["backupd_errors_total", "main", "link_dead"] == 1
    assert found["backupd_errors_total", "main", "vendor_unavailable"] == 1
    assert found["backupd_cycles_total", "main", "archived"] == 1
    assert found["backupd_cycles_total", "main", "archive_full"] == 1
    assert found["backupd_files_total", "main", "data", "rejected"] == 1
    assert found["backupd_cycle_duration_seconds_sum", "main"] == 3.0
    assert found["backupd_missed_jobs_total", "main"] == 1
    assert found["backupd_paused_seconds_total",] == 12.5


def test_words_that_are_not_ours_become_one_label():
    found = counted(
        *(events.StepFailed("main", "s", f"kind {number}", "r", "a") for number in range(1000)),
        *(events.FileFailed("main", "1", f"odd{number}/x", "odd", "r", "a") for number in range(1000)),
        *(events.CycleFinished("main", f"odd {n}", 1, 0, 0, 0, 1.0, "") for n in range(1000)),
    )

    assert found["backupd_errors_total", "main", "other"] == 2000
    assert found["backupd_files_total", "main", "other", "failed"] == 1000
    assert found["backupd_cycles_total", "main", "other"] == 1000


async def test_no_metric_names_a_job_a_file_or_a_reason():
    text = (await everything()).decode()

    assert not re.search(r"4004|4876876|Data_001|INVALID_OAUTHSCOPE", text)


# --- the textfile ---------------------------------------------------------------------------------------------------


async def test_a_single_runs_file_says_how_it_went_and_how_things_stand(tmp_path):
    path = tmp_path / "backupd.prom"
    path.write_text("old")
    write(path, text_of(await FakeFacts(protected()).overview(), RUN))

    found = samples(path.read_bytes())
    assert found["backupd_last_run_exit_status",] == 69
    assert found["backupd_last_run_timestamp_seconds",] == RUN.ended_at
    assert found["backupd_protected", "main"] == 1
    assert path.stat().st_mode & 0o777 == 0o644
    assert [each.name for each in tmp_path.iterdir()] == ["backupd.prom"]


def test_a_file_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "missing" / "backupd.prom"

    with pytest.raises(ArchiveError, match="No such file"):
        write(path, b"")
