"""Which URLs may be asked with a token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from backupd.zoho.hosts import DATA_CENTERS, allows_any_port, base_url_problem, place_of, refusal

ALLOWED = ("download-accl.zoho.com", "download.zoho.com")
PATH = "/v2/crm/757345985/backup/4876876000001594004/Data_001.zip"


@pytest.mark.parametrize(
    "url",
    [
        f"https://download-accl.zoho.com{PATH}",
        f"https://download.zoho.com{PATH}",
        f"https://download.zoho.com:443{PATH}",
        f"HTTPS://Download.ZOHO.com{PATH}",
        f"https://download.zoho.com{PATH}?signature=abc%2Fdef",
    ],
)
def test_links_to_allowed_hosts_may_be_asked(url):
    assert refusal(url, ALLOWED) is None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"http://download.zoho.com{PATH}", "not https"),
        (f"ftp://download.zoho.com{PATH}", "not https"),
        (f"https://download.zoho.com.example{PATH}", "not an allowed host"),
        (f"https://xdownload.zoho.com{PATH}", "not an allowed host"),
        (f"https://sub.download.zoho.com{PATH}", "not an allowed host"),
        (f"https://download.zoho.com.{PATH}", "not an allowed host"),
        (f"https://zoho.com{PATH}", "not an allowed host"),
        (f"https://download-zoho.com{PATH}", "not an allowed host"),
        (f"https://download.zoho.com:8443{PATH}", "port 8443"),
        (f"https://download.zoho.com:80{PATH}", "port 80"),
        (f"https://download.zoho.com:99999{PATH}", "plain URL"),
        (f"https://user@download.zoho.com{PATH}", "user information"),
        (f"https://download.zoho.com@evil.example{PATH}", "user information"),
        (f"https://download.zoho.com:443@evil.example{PATH}", "user information"),
        (f"https://evil.example\\@download.zoho.com{PATH}", "user information"),
        (f"https://evil.example\\.download.zoho.com{PATH}", "plain URL"),
        (f"https://evil.example#@download.zoho.com{PATH}", "not an allowed host"),
        (f"https://evil.example?@download.zoho.com{PATH}", "not an allowed host"),
        (f"https://download.zoho.com\t.evil.example{PATH}", "plain URL"),
        (f"https://download.zoho.com\n{PATH}", "plain URL"),
        ("https://download.zoho.com/a b.zip", "plain URL"),
        ("https://download.zoho.com/a\r\nb.zip", "plain URL"),
        ("https://download.zoho.com/a.zip?b\u202ec", "plain URL"),  # turns the reading direction
        (f" https://download.zoho.com{PATH}", "plain URL"),
        (f"https://download%2Ezoho.com{PATH}", "plain URL"),
        (f"https://downlоad.zoho.com{PATH}", "plain URL"),  # noqa: RUF001 - the Cyrillic letter is the attack
        (f"https://download。zoho.com{PATH}", "plain URL"),  # a full stop that some take for a dot
        (f"https:///download.zoho.com{PATH}", "plain URL"),
        (f"https:download.zoho.com{PATH}", "plain URL"),
        (f"//download.zoho.com{PATH}", "plain URL"),
        (PATH, "plain URL"),
        ("", "plain URL"),
        ("javascript://download.zoho.com/%0aalert(1)", "not https"),
        (f"http://127.0.0.1{PATH}", "not an allowed host"),
        (f"https://[::1]{PATH}", "not an allowed host"),
    ],
)
def test_anything_else_is_refused_with_the_reason(url, reason):
    assert reason in (refusal(url, ALLOWED) or "")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "localhost", "[::1]"])
def test_on_loopback_http_and_any_port_will_do_if_the_host_is_allowed(host):
    assert refusal(f"http://{host}:49152{PATH}", [host]) is None
    assert refusal(f"http://{host}{PATH}", [host]) is None


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.0.0.1", "0.0.0.0", "10.0.0.1", "localhost.example"])  # noqa: S104 - refused
def test_only_plain_loopback_addresses_may_do_without_https(host):
    assert "not https" in (refusal(f"http://{host}{PATH}", [host]) or "")


def test_an_entry_with_a_port_allows_that_port_only():
    allowed = ["files.example:8443", "127.0.0.1:5000", "[::1]:5000"]
    assert refusal(f"https://files.example:8443{PATH}", allowed) is None
    assert "port 443" in (refusal(f"https://files.example{PATH}", allowed) or "")
    assert refusal(f"http://127.0.0.1:5000{PATH}", allowed) is None
    assert "port 5001" in (refusal(f"http://127.0.0.1:5001{PATH}", allowed) or "")
    assert refusal(f"http://[::1]:5000{PATH}", allowed) is None
    assert "port 80" in (refusal(f"http://[::1]{PATH}", allowed) or "")


@pytest.mark.parametrize(
    ("entry", "any_port"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("[::1]", True),
        ("127.0.0.1:443", False),
        ("[::1]:80", False),
        ("files.example", False),
        ("", False),
    ],
)
def test_only_this_machine_without_a_port_stands_for_all_its_ports(entry, any_port):
    assert allows_any_port(entry) is any_port
    assert (refusal(f"http://127.0.0.1:49152{PATH}", [entry]) is None) is (entry == "127.0.0.1")


def test_no_entry_allows_more_than_its_host():
    for entry in ("", "*", "https://evil.example", "a/b", "user@evil.example", "evil.example?x"):
        assert refusal("https://evil.example/", [entry]) is not None


def test_a_reason_holds_no_path_and_no_query():
    reason = refusal("https://evil.example/secret-path?token=secret-query", ALLOWED)
    assert reason is not None
    assert "secret" not in reason


NOISE = st.lists(
    st.sampled_from([*"@:\\#?.%[]/", "443", "%40", "evil.example", "\u3002", "\x00", "\t", " ", "\u00ad", "é"]),
    max_size=4,
).map("".join)


@given(st.builds("{}{}{}{}{}".format, NOISE, st.just("https://"), NOISE, st.just("download.zoho.com"), NOISE))
def test_the_parser_that_sends_the_request_agrees_about_every_url_that_passes(url):
    if refusal(url, ALLOWED) is None:
        sent = URL(url)
        assert (sent.scheme, sent.host, sent.port, sent.user, sent.password) == (
            "https",
            "download.zoho.com",
            443,
            None,
            None,
        )


@given(st.text())
def test_no_text_at_all_makes_the_rule_fail(url):
    place = place_of(url)
    assert place is None or place.host == place.host.lower()
    refusal(url, [url])


def test_every_data_centre_has_https_addresses_and_its_download_hosts():
    assert set(DATA_CENTERS) == {"us", "eu", "in", "au", "jp", "ca", "sa", "cn", "uk"}
    for place in DATA_CENTERS.values():
        assert base_url_problem(place.accounts_url) is None
        assert base_url_problem(place.api_domain) is None
        assert [host.partition(".")[0] for host in place.download_hosts] == ["download-accl", "download"]
    assert DATA_CENTERS["au"].download_hosts[0] == "download-accl.zoho.com.au"
    assert DATA_CENTERS["ca"].accounts_url == "https://accounts.zohocloud.ca"
    assert DATA_CENTERS["ca"].api_domain == "https://www.zohoapis.ca"


@pytest.mark.parametrize(
    "url", ["http://www.zohoapis.com", "www.zohoapis.com", "https://user:pass@www.zohoapis.com", "http://[::2]", ""]
)
def test_base_urls_must_be_https_or_loopback(url):
    assert base_url_problem(url) is not None


@pytest.mark.parametrize(
    "url", ["https://www.zohoapis.com", "http://127.0.0.1:8000", "http://[::1]:8000", "https://x:8443/"]
)
def test_base_urls_on_https_or_loopback_are_fine(url):
    assert base_url_problem(url) is None
