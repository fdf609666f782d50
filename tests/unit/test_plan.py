"""What a cycle decides."""

from dataclasses import replace
from datetime import timedelta
from pathlib import PurePosixPath

import pytest

from backupd.core.model import Kind
from backupd.core.plan import Fetch, GiveUp, news, plan
from backupd.core.records import ArchivedJob, RememberedOffer
from tests.fakes.vendor import LINK_LIFE, TAKEN_AT, link, offer

NOW = TAKEN_AT + timedelta(hours=3)


def remembered(job_id, *names, missed=False, taken_at=TAKEN_AT):
    return RememberedOffer(offer(job_id, *names, taken_at=taken_at), NOW, missed)


def archived(known, *names):
    files = frozenset(entry.file for entry in known.offer.links if entry.file.name in names)
    return {known.offer.job: ArchivedJob(PurePosixPath("main/2022/2022-06-23_4004"), 1, "0" * 64, files)}


def test_with_nothing_known_there_is_nothing_to_do():
    assert plan([], archived={}, now=NOW) == ()


def test_every_link_of_a_new_job_is_fetched_data_first():
    job = remembered("4004", "Attachments_001.zip", "Data_002.zip", "Data_001.zip")

    (step,) = plan([job], archived={}, now=NOW)

    assert isinstance(step, Fetch)
    assert [entry.file.name for entry in step.links] == ["Data_001.zip", "Data_002.zip", "Attachments_001.zip"]
    assert step.archived is None


def test_only_what_the_snapshot_lacks_is_fetched():
    job = remembered("4004", "Data_001.zip", "Data_002.zip")

    (step,) = plan([job], archived=archived(job, "Data_001.zip"), now=NOW)

    assert isinstance(step, Fetch)
    assert [entry.file.name for entry in step.links] == ["Data_002.zip"]
    assert step.archived is not None


def test_an_archived_job_needs_nothing_even_after_its_expiry():
    job = remembered("4004", "Data_001.zip")

    assert plan([job], archived=archived(job, "Data_001.zip"), now=NOW + LINK_LIFE) == ()


def test_a_job_whose_snapshot_cannot_be_read_is_fetched_while_its_links_live_and_is_no_missed_one_then():
    job = remembered("4004", "Data_001.zip")
    there = {job.offer.job: replace(archived(job)[job.offer.job], revision=0)}

    (step,) = plan([job], archived=there, now=NOW)

    assert isinstance(step, Fetch)
    assert plan([job], archived=there, now=NOW + LINK_LIFE) == ()


def test_the_same_name_in_both_kinds_is_two_files():
    both = (link("4004", "Backup.zip", Kind.DATA), link("4004", "Backup.zip", Kind.ATTACHMENTS))
    job = RememberedOffer(offer("4004"), NOW, missed=False)
    job = RememberedOffer(type(job.offer)(job.offer.job, both, job.offer.expires_at), NOW, missed=False)

    (step,) = plan([job], archived={}, now=NOW)

    assert len(step.remembered.offer.links) == 2
    assert isinstance(step, Fetch)
    assert [entry.file.kind for entry in step.links] == [Kind.DATA, Kind.ATTACHMENTS]


def test_a_job_whose_links_expired_is_given_up():
    job = remembered("4004", "Data_001.zip", "Data_002.zip")

    (step,) = plan([job], archived=archived(job, "Data_001.zip"), now=job.offer.expires_at)

    assert isinstance(step, GiveUp)
    assert [entry.file.name for entry in step.missing] == ["Data_002.zip"]


def test_a_job_is_given_up_only_once():
    assert plan([remembered("4004", "Data_001.zip", missed=True)], archived={}, now=NOW + LINK_LIFE) == ()


def test_the_job_whose_links_die_first_comes_first():
    newer = remembered("4005", "Data_001.zip", taken_at=TAKEN_AT + timedelta(days=2))
    older = remembered("4004", "Data_001.zip")

    assert [step.job.job for step in plan([newer, older], archived={}, now=NOW)] == ["4004", "4005"]


def test_an_unknown_job_is_news_with_all_its_links():
    fact = news(offer("4004", "Data_001.zip"), None)

    assert fact is not None
    assert [entry.file.name for entry in fact.links] == ["Data_001.zip"]


def test_the_same_offer_again_is_no_news():
    job = remembered("4004", "Data_001.zip")

    assert news(job.offer, job) is None


def test_fewer_links_than_before_are_no_news():
    assert news(offer("4004", "Data_001.zip"), remembered("4004", "Data_001.zip", "Data_002.zip")) is None


def test_only_the_link_that_appeared_later_is_news():
    fact = news(offer("4004", "Data_001.zip", "Data_002.zip"), remembered("4004", "Data_001.zip"))

    assert fact is not None
    assert [entry.file.name for entry in fact.links] == ["Data_002.zip"]


@pytest.mark.parametrize(
    ("before", "after", "is_news"),
    [("good", "bad", False), ("bad", "good", True), ("bad", "worse bad", True), ("good", "other good", True)],
)
def test_an_address_that_is_barred_takes_the_place_of_none_that_may_be_followed(before, after, is_news):
    file = link("4004", "Data_001.zip")
    shown, known = offer("4004"), remembered("4004")
    known = replace(known, offer=replace(known.offer, links=(replace(file, url=before),)))

    fact = news(replace(shown, links=(replace(file, url=after),)), known, is_barred=lambda each: "bad" in each.url)

    assert (fact is not None) is is_news


def test_another_expiry_is_news_without_links():
    later = offer("4004", "Data_001.zip", taken_at=TAKEN_AT + timedelta(hours=1))

    fact = news(later, remembered("4004", "Data_001.zip"))

    assert fact is not None
    assert fact.links == ()
    assert fact.expires_at == later.expires_at
