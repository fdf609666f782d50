"""What happens to a snapshot after its day, and alarms, as lines of the journal."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.core.chain import read_line, write_line
from backupd.core.factfields import fact_from_fields, fields_of
from backupd.core.facts import (
    AlarmAcknowledged,
    AlarmCleared,
    AlarmRaised,
    AlarmTold,
    Began,
    DeadlineTold,
    Dropped,
    Healed,
    HistoryRead,
    HoldLifted,
    HoldSet,
    Scrubbed,
)
from backupd.core.model import FileId, JobId, Kind

AT = datetime(2022, 7, 1, tzinfo=UTC)
JOB = JobId("757345985", "4876876000001594004")
DATA = FileId(Kind.DATA, "Data_001.zip")

EXAMPLES = [
    Healed(JOB, "main/2022/2022-06-23_4004", 2, "a" * 64, (DATA,)),
    Dropped(JOB, "main/2022/2022-06-23_4004", 1, "a" * 64, ("keep_last", "keep_within")),
    HoldSet(JOB, "audit of 2022, „Prüfung“"),
    HoldLifted(JOB),
    Scrubbed(JOB, 1, (DATA,)),
    AlarmRaised("damaged/4004", "damaged", "2 files", 2, stays=True),
    AlarmTold("damaged/4004", "3 files", 3, stays=False),
    AlarmAcknowledged("damaged/4004"),
    AlarmCleared("damaged/4004"),
    Began(),
    HistoryRead(231),
    DeadlineTold(JOB, AT, 86400),
]

texts = st.text(max_size=30)
jobs = st.builds(JobId, texts, texts)
numbers = st.integers(0, 2**40)
files = st.lists(st.builds(FileId, st.sampled_from(Kind), texts), max_size=3).map(tuple)
facts = st.one_of(
    st.builds(Healed, jobs, texts, numbers, texts, files),
    st.builds(Dropped, jobs, texts, numbers, texts, st.lists(texts, max_size=3).map(tuple)),
    st.builds(HoldSet, jobs, texts),
    st.builds(HoldLifted, jobs),
    st.builds(Scrubbed, jobs, numbers, files, st.none() | files, st.lists(texts, max_size=3).map(tuple), files),
    st.builds(AlarmRaised, texts, texts, texts, numbers, st.booleans()),
    st.builds(AlarmTold, texts, texts, numbers, st.booleans()),
    st.builds(AlarmAcknowledged, texts),
    st.builds(AlarmCleared, texts),
)


@pytest.mark.parametrize("fact", EXAMPLES, ids=lambda fact: fact.kind)
def test_a_fact_survives_its_line(fact):
    assert read_line(write_line(fact, at=AT, previous="")).fact == fact


@given(facts)
def test_every_fact_survives_its_line(fact):
    assert read_line(write_line(fact, at=AT, previous="0" * 64)).fact == fact


@pytest.mark.parametrize("fact", EXAMPLES, ids=lambda fact: fact.kind)
def test_a_field_that_is_missing_or_of_another_type_is_refused(fact):
    fields = fields_of(fact)

    for name in fields:
        for wrong in ({key: value for key, value in fields.items() if key != name}, {**fields, name: None}):
            with pytest.raises((KeyError, TypeError), match=name):
                fact_from_fields(fact.kind, wrong)


def test_a_scrub_of_a_part_says_what_was_read_and_what_else_was_wrong():
    fact = Scrubbed(JOB, 2, (DATA,), read=(DATA,), other=("manifest.json",), unread=(DATA,))

    assert read_line(write_line(fact, at=AT, previous="")).fact == fact


def test_rules_must_be_texts():
    fields = {**fields_of(EXAMPLES[1]), "rules": [1]}

    with pytest.raises(TypeError, match="rules"):
        fact_from_fields("dropped", fields)


@pytest.mark.parametrize("wrong", [1, "yes", None])
def test_a_truth_is_true_or_false(wrong):
    with pytest.raises(TypeError, match="stays"):
        fact_from_fields("alarm_raised", {**fields_of(EXAMPLES[5]), "stays": wrong})
