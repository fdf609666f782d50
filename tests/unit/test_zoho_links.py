"""Which run and which file a link stands for."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.core.model import UNKNOWN_ZGID, FileId, JobId, Kind, Link
from backupd.core.names import file_name_problem, is_id
from backupd.zoho.links import Found, job_of, refusal_of, to_offers

EXPIRY = datetime(2022, 6, 30, 12, 1, 3, tzinfo=UTC)
HOST = "download-accl.zoho.com"
RUN = f"https://{HOST}/v2/crm/757345985/backup/4876876000001594004"
JOB = JobId("757345985", "4876876000001594004")


def offered(*urls, attachments=()):
    data = [Found(Kind.DATA, position, url) for position, url in enumerate(urls, start=1)]
    more = [Found(Kind.ATTACHMENTS, position, url) for position, url in enumerate(attachments, start=1)]
    return to_offers([*data, *more], EXPIRY, [HOST, "download.zoho.com"])


def test_a_run_is_zgid_and_job_id_of_the_path():
    [offer] = offered(f"{RUN}/Data_001.zip", f"{RUN}/Data_002.zip", attachments=[f"{RUN}/Attachments_001.zip"]).jobs
    assert offer.job == JOB
    assert offer.expires_at == EXPIRY
    assert [str(link.file) for link in offer.links] == [
        "data/Data_001.zip",
        "data/Data_002.zip",
        "attachments/Attachments_001.zip",
    ]
    assert {link.job for link in offer.links} == {JOB}


def test_one_answer_with_two_job_ids_is_two_runs():
    newer = RUN.replace("1594004", "1999999")
    offers = offered(f"{RUN}/Data_001.zip", f"{newer}/Data_001.zip")
    assert [offer.job.job for offer in offers.jobs] == ["4876876000001594004", "4876876000001999999"]


def test_a_data_and_an_attachments_file_of_one_name_are_two_files():
    [offer] = offered(f"{RUN}/All.zip", attachments=[f"{RUN}/All.zip"]).jobs
    assert [link.file for link in offer.links] == [FileId(Kind.DATA, "All.zip"), FileId(Kind.ATTACHMENTS, "All.zip")]


def test_the_same_link_twice_counts_once():
    offers = offered(f"{RUN}/Data_001.zip", f"{RUN}/Data_001.zip")
    assert len(offers.jobs[0].links) == 1
    assert offers.refused == ()


def test_of_two_links_for_one_file_the_second_is_refused():
    offers = offered(f"{RUN}/Data_001.zip", f"{RUN}/Data_001.zip?other=1")
    assert [link.url for link in offers.jobs[0].links] == [f"{RUN}/Data_001.zip"]
    [refused] = offers.refused
    assert (refused.job, refused.name) == (JOB, "data/Data_001.zip")
    assert "same file" in refused.reason


def test_a_link_to_another_host_is_refused_and_the_others_stand():
    offers = offered(f"{RUN}/Data_001.zip", f"{RUN}/Data_002.zip".replace(HOST, "files.example"))
    assert [link.file.name for link in offers.jobs[0].links] == ["Data_001.zip"]
    [refused] = offers.refused
    assert (refused.job, refused.name) == (JOB, "data link 2")
    assert refused.reason == "leads to files.example, which is not an allowed host"


def test_a_refused_file_is_barred_and_known_by_its_job_with_all_others():
    offers = offered(f"{RUN}/Data_001.zip", elsewhere := f"{RUN}/Data_002.zip".replace(HOST, "files.example"))
    [barred] = offers.barred
    assert [(link.job, str(link.file), link.url) for link in barred.links] == [(JOB, "data/Data_002.zip", elsewhere)]
    [seen] = offers.seen
    assert seen.expires_at == EXPIRY
    assert [link.file.name for link in seen.links] == ["Data_001.zip", "Data_002.zip"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "https://me:secret@files.example/v2/crm/757345985/backup/4876876000001594004/a.zip",
            "has user information in it",
        ),
        (
            "https://me:secret@download.zoho.com/v2/crm/757345985/backup/4876876000001594004/a.zip",
            "has user information",
        ),
        ("https://files.example/v2/crm/757345985/backup/4876876000001594004/a.zip?key=secret", "not an allowed host"),
        ("https://files.example/v2/crm/757345985/backup/4876876000001594004/a.zip#secret", "not an allowed host"),
    ],
)
def test_of_a_barred_link_that_may_hold_a_secret_nothing_but_the_file_is_kept(url, said):
    offers = offered(url)
    [refused] = offers.refused
    assert refused.job == JOB
    assert said in refused.reason
    [link] = offers.barred[0].links
    assert (link.job, link.file, link.url) == (JOB, FileId(Kind.DATA, "a.zip"), "")
    reason = refusal_of(link, ["files.example", HOST])
    assert reason is not None
    assert "address not kept" in reason


def test_a_file_without_a_usable_name_is_barred_under_a_name_that_stands_for_its_own():
    """Else its job would pass for whole once a newer run hides the link."""
    offers = offered(f"{RUN}/Data_001.zip", f"{RUN}/gpj\u202e.zip", f"{RUN}/gpj%E2%80%AE.zip", f"{RUN}/%ff.zip")
    [barred] = offers.barred
    assert [(link.job, link.url) for link in barred.links] == [(JOB, "")] * 3
    names = [link.file.name for link in barred.links]
    assert all(name.startswith("unusable-name-") and file_name_problem(name) is None for name in names)
    assert len(set(names)) == 3
    assert offered(f"{RUN}/gpj\u202e.zip").barred[0].links == barred.links[:1]
    assert "unusable" in (refusal_of(barred.links[0], [HOST]) or "")


@pytest.mark.parametrize("unread", ["", "no link at all", "https://files.example\u202e/x", "https:///"])
def test_a_link_that_cannot_be_read_is_a_file_of_the_only_run_there_is(unread):
    """Else that run would be archived as whole without it."""
    offers = offered(f"{RUN}/Data_001.zip", unread)

    [barred] = offers.barred
    assert [(link.job, link.url) for link in barred.links] == [(JOB, "")]
    assert [refused.job for refused in offers.refused] == [JOB]


def test_of_links_that_cannot_be_read_a_run_is_guessed_where_none_or_several_are_known():
    other = RUN.replace(JOB.job, "9")

    for links in ((), (f"{RUN}/a.zip", f"{other}/a.zip")):
        [barred] = offered(*links, "no link at all").barred
        assert barred.job.zgid == UNKNOWN_ZGID
    assert offered("one").barred[0].job != offered("another").barred[0].job
    known = offered("https://download-accl.zoho.com/x/a.zip").jobs[0].job
    assert offered("https://download-accl.zoho.com/x/a.zip", "no link at all").barred[0].job == known


def test_a_file_that_another_link_leads_to_is_not_barred():
    offers = offered(f"{RUN}/a.zip".replace(HOST, "files.example"), f"{RUN}/a.zip")
    assert [link.url for link in offers.jobs[0].links] == [f"{RUN}/a.zip"]
    assert len(offers.refused) == 1
    assert offers.barred == ()
    assert offers.seen == offers.jobs


def test_which_hosts_are_allowed_does_not_change_whose_a_file_is():
    urls = [f"https://{host}/new/place/Data_00{number}.zip" for number, host in enumerate((HOST, "files.example"))]
    links = [Found(Kind.DATA, number, url) for number, url in enumerate(urls)]
    jobs = [
        [job.job for job in to_offers(links, EXPIRY, hosts).seen] for hosts in ([HOST], [HOST, "files.example"], [])
    ]
    assert jobs == [jobs[0]] * 3
    assert len(jobs[0]) == 1


def test_a_remembered_link_is_judged_by_the_hosts_of_today():
    link = Link(JOB, FileId(Kind.DATA, "a.zip"), "https://files.example/a.zip")
    assert refusal_of(link, [HOST]) == "leads to files.example, which is not an allowed host"
    assert refusal_of(link, [HOST, "files.example"]) is None


@pytest.mark.parametrize(
    ("segment", "reason"),
    [
        ("a%2f..%2fetc", "no place in a file name"),
        ("%2e%2e", "begins with a dot"),
        (".hidden", "begins with a dot"),
        ("a%00b.zip", "no place in a file name"),
        ("a%0Ab.zip", "no place in a file name"),
        ("%ff%fe.zip", "not valid Unicode"),
        ("x" * 300, "too long"),
        ("", "empty"),
    ],
)
def test_a_file_name_that_may_not_become_a_path_is_refused(segment, reason):
    offers = offered(f"{RUN}/{segment}", f"{RUN}/Data_002.zip")
    [refused] = offers.refused
    assert refused.name == "data link 1"
    assert reason in refused.reason
    assert [link.file.name for link in offers.jobs[0].links] == ["Data_002.zip"]


def test_an_encoded_name_is_decoded():
    [offer] = offered(f"{RUN}/Data%20%C3%A9.zip").jobs
    assert offer.links[0].file.name == "Data é.zip"


def test_paths_of_an_unknown_form_make_one_run_called_by_their_digest():
    urls = [f"https://{HOST}/new/place/Data_002.zip?x=1", f"https://{HOST}/new/place/Data_001.zip?x=2"]
    [offer] = offered(*urls).jobs
    [elsewhere] = offered(*(url.replace(HOST, "download.zoho.com").partition("?")[0] for url in reversed(urls))).jobs
    assert offer.job.zgid == UNKNOWN_ZGID
    assert is_id(offer.job.job)
    assert elsewhere.job == offer.job  # neither order nor host nor query counts
    [other] = offered(f"https://{HOST}/new/place/Data_003.zip").jobs
    assert other.job != offer.job


@pytest.mark.parametrize(
    "path",
    [
        "/v2/crm/757345985/backup/../Data_001.zip",
        "/v2/crm/7573%2F45985/backup/1/Data_001.zip",
        "/v2/crm//backup/1/Data_001.zip",
        "/v2/crm/1/backup/2/deeper/Data_001.zip",
        "/crm/1/backup/2/Data_001.zip",
    ],
)
def test_ids_that_may_not_become_a_path_are_no_ids(path):
    assert job_of(path) is None


@given(st.lists(st.tuples(st.sampled_from(Kind), st.one_of(st.text(), st.text().map(lambda end: f"{RUN}/{end}")))))
def test_whatever_the_links_every_one_is_accounted_for_and_no_bad_name_passes(links):
    offers = to_offers([Found(kind, 1, url) for kind, url in links], EXPIRY, [HOST])
    taken = [link for offer in offers.jobs for link in offer.links]
    assert {link.url for link in taken} <= {url for _, url in links}
    assert len(taken) + len(offers.refused) <= len(links)
    assert bool(links) == bool(taken or offers.refused)
    barred = [link for offer in offers.barred for link in offer.links]
    assert {link.url for link in barred} <= {url for _, url in links} | {""}
    assert len(barred) <= len(offers.refused)
    known = [*taken, *barred]
    assert all(file_name_problem(link.file.name) is None and is_id(link.job.job) for link in known)
    assert len({(link.job, link.file) for link in known}) == len(known)
