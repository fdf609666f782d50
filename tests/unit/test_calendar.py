"""The year as the page shows it: what became of each day's backups."""

from datetime import date, timedelta
from pathlib import PurePosixPath

from backupd.core.calendar import Day, Mark, begins, year
from backupd.core.model import HistoryEntry, JobId
from backupd.core.reconcile import KnownJob, Row, Verdict
from tests.fakes.clock import START as NOW

TODAY = NOW.date()


def row(verdict: Verdict, *, days_ago: float = 3, path: str | None = None) -> Row:
    at = NOW - timedelta(days=days_ago)
    job = KnownJob(JobId("1", "2"), at, at, path=PurePosixPath(path)) if path else None
    return Row(verdict, at, HistoryEntry("h", at, None, None), job)


def shown(*rows: Row) -> dict[date, Day]:
    months = year(rows, today=TODAY)
    return {day.date: day for month in months for week in month.weeks for day in week if day}


def test_twelve_months_are_shown_and_the_last_is_this_one():
    months = year([], today=TODAY)

    assert len(months) == 12
    assert (months[0].first, months[-1].first) == (date(2021, 7, 1), date(2022, 6, 1))
    assert begins(TODAY) == months[0].first
    assert begins(date(2024, 3, 31)) == date(2023, 4, 1)


def test_every_day_of_the_year_is_there_once_in_weeks_of_seven():
    months = year([], today=TODAY)
    days = [day.date for month in months for week in month.weeks for day in week if day]

    assert days == [date(2021, 7, 1) + timedelta(days=number) for number in range(365)]
    assert all(len(week) == 7 for month in months for week in month.weeks)
    assert all(
        day.date.weekday() == at for month in months for week in month.weeks for at, day in enumerate(week) if day
    )


def test_days_to_come_are_told_apart():
    days = shown()

    assert not days[TODAY].ahead
    assert days[TODAY + timedelta(days=1)].ahead


def test_each_verdict_has_its_mark_and_its_words():
    when = TODAY - timedelta(days=3)

    assert shown(row(Verdict.ARCHIVED, path="main/2022/x"))[when] == Day(
        when, Mark.ARCHIVED, ("archived",), "main/2022/x"
    )
    assert shown(row(Verdict.MISSED))[when].mark is Mark.MISSED
    assert shown(row(Verdict.SUPERSEDED))[when].mark is Mark.MISSED
    assert shown(row(Verdict.FAILED))[when].words == ("failed at the vendor",)
    assert shown(row(Verdict.DROPPED))[when].mark is Mark.DROPPED
    assert shown(row(Verdict.OBTAINABLE))[when].mark is Mark.UNDER_WAY


def test_orders_and_what_was_gone_before_leave_a_day_blank():
    when = TODAY - timedelta(days=3)

    for verdict in (Verdict.NO_RUN, Verdict.BEFORE, Verdict.NOT_DUE, Verdict.UNDATED):
        assert shown(row(verdict))[when] == Day(when)


def test_of_several_runs_on_a_day_the_worst_gives_the_mark_and_all_give_words():
    when = TODAY - timedelta(days=3)
    day = shown(row(Verdict.MISSED), row(Verdict.ARCHIVED, days_ago=3.1, path="main/2022/x"))[when]

    assert day.mark is Mark.MISSED
    assert day.words == ("missed: its links expired", "archived")
    assert day.path == "main/2022/x"


def test_a_run_without_a_time_has_no_day():
    assert {day.mark for day in shown(Row(Verdict.MISSED, None, None, None)).values()} == {Mark.NONE}
