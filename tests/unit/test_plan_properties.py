"""What a cycle decides, whatever is known and archived."""

from datetime import timedelta
from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from backupd.core.model import FileId, JobId, Kind, Link, Offer
from backupd.core.plan import Fetch, GiveUp, news, plan
from backupd.core.records import ArchivedJob, RememberedOffer
from tests.fakes.vendor import TAKEN_AT, ZGID

NOW = TAKEN_AT

files = st.builds(FileId, st.sampled_from(Kind), st.sampled_from([f"Data_{n:03}.zip" for n in range(6)]))
expiries = st.timedeltas(timedelta(days=-8), timedelta(days=8)).map(lambda left: NOW + left)
addresses = st.sampled_from(["https://a.example/x", "https://b.example/x"])


any_job = st.integers(4000, 4005).map(str)


@st.composite
def offers(draw, job_ids=any_job):
    job = JobId(ZGID, draw(job_ids))
    links = tuple(Link(job, file, draw(addresses)) for file in draw(st.sets(files, max_size=6)))
    return Offer(job, links, draw(expiries))


remembered = st.lists(
    st.builds(RememberedOffer, offers(), st.just(NOW), st.booleans()),
    max_size=6,
    unique_by=lambda each: each.offer.job,
)


@st.composite
def archives(draw, jobs):
    archived = {}
    for each in jobs:
        have = draw(st.none() | st.sets(files, max_size=6))
        if have is not None:
            archived[each.offer.job] = ArchivedJob(PurePosixPath("main", "x"), 1, "0" * 64, frozenset(have))
    return archived


situations = remembered.flatmap(lambda jobs: st.tuples(st.just(jobs), archives(jobs)))


def lacking(job, archived):
    have = archived[job.offer.job].files if job.offer.job in archived else frozenset()
    return {link for link in job.offer.links if link.file not in have}


@given(situations)
def test_every_job_that_lacks_a_file_gets_exactly_one_step_and_no_other_job_any(situation):
    jobs, archived = situation

    steps = plan(jobs, archived=archived, now=NOW)

    open_jobs = [each.offer.job for each in jobs if lacking(each, archived) and not each.missed]
    assert sorted(step.job for step in steps) == sorted(open_jobs)


@given(situations)
def test_a_step_is_about_every_missing_file_once_and_no_archived_one(situation):
    jobs, archived = situation

    for step in plan(jobs, archived=archived, now=NOW):
        links = step.links if isinstance(step, Fetch) else step.missing
        assert set(links) == lacking(step.remembered, archived)
        assert len(links) == len(set(links))


@given(situations)
def test_links_are_fetched_exactly_while_they_live(situation):
    jobs, archived = situation

    for step in plan(jobs, archived=archived, now=NOW):
        assert isinstance(step, GiveUp) == (step.remembered.offer.expires_at <= NOW)


@given(situations)
def test_data_comes_before_attachments_and_urgent_jobs_before_others(situation):
    jobs, archived = situation

    steps = plan(jobs, archived=archived, now=NOW)

    assert [step.remembered.offer.expires_at for step in steps] == sorted(
        step.remembered.offer.expires_at for step in steps
    )
    for step in steps:
        kinds = [link.file.kind for link in (step.links if isinstance(step, Fetch) else step.missing)]
        assert kinds == sorted(kinds, reverse=True)  # `data` sorts behind `attachments`


@given(situations, st.randoms(use_true_random=False))
def test_the_order_in_which_jobs_are_known_does_not_matter(situation, random):
    jobs, archived = situation

    assert plan(jobs, archived=archived, now=NOW) == plan(random.sample(jobs, len(jobs)), archived=archived, now=NOW)


def taken_in(known, offer):
    """Remember an offer, as the journal's facts would have it."""
    fact = news(offer, known)
    if fact is None:
        return known
    links = {link.file: link for link in (*(known.offer.links if known else ()), *fact.links)}
    return RememberedOffer(Offer(offer.job, tuple(links.values()), fact.expires_at), NOW, missed=False)


@given(st.lists(offers(st.just("4004")), min_size=1, max_size=6))
def test_what_was_remembered_is_no_news_and_no_link_is_ever_forgotten(shown):
    known = None
    for offer in shown:
        known = taken_in(known, offer)
        assert news(offer, known) is None
        assert set(offer.links) <= set(known.offer.links)
        assert known.offer.expires_at == offer.expires_at

    assert known is not None
    assert {link.file for link in known.offer.links} == {link.file for offer in shown for link in offer.links}
