"""Tokens go to allowed places only."""

import asyncio
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from backupd.core.errors import LinkRefused
from backupd.zoho.gate import Gate
from backupd.zoho.hosts import place_of

HOSTS = ("download-accl.zoho.com", "files.example:8443")


class CountingTokens:
    """Hands out one token, and counts."""

    def __init__(self):
        self.asked: list[float] = []
        self.renewed: list[str] = []

    async def access_token(self, *, lasting=60.0):
        self.asked.append(lasting)
        return "SECRET-AT"

    async def renew(self, stale):
        self.renewed.append(stale)
        return "SECRET-AT-2"


async def test_an_allowed_link_gets_a_token_that_lasts_five_minutes():
    tokens = CountingTokens()
    headers = await Gate(HOSTS, tokens).headers("https://download-accl.zoho.com/a.zip")
    assert headers == {"Authorization": "Zoho-oauthtoken SECRET-AT"}
    assert tokens.asked == [timedelta(minutes=5).total_seconds()]


async def test_a_refused_token_is_renewed_by_the_headers_that_bore_it():
    tokens = CountingTokens()
    gate = Gate(HOSTS, tokens)
    await gate.renew(await gate.headers("https://download-accl.zoho.com/a.zip"))
    await gate.renew({"authorization": "Zoho-oauthtoken OLD"})
    assert tokens.renewed == ["SECRET-AT", "OLD"]


@given(
    st.one_of(
        st.text(),
        st.builds(
            "{}://{}{}/{}".format,
            st.sampled_from(["https", "http", "HTTPS", "ftp"]),
            st.sampled_from(["", "user@", "user:password@", "files.example@", "files.example:8443@"]),
            st.sampled_from(
                [
                    "files.example",
                    "files.example:8443",
                    "files.example.:8443",
                    "download-accl.zoho.com",
                    "download-accl.zoho.com:8443",
                    "download-accl.zoho.com.evil.example",
                    "evil.example\\.download-accl.zoho.com",
                    "evil.example#download-accl.zoho.com",
                    "127.0.0.1",
                ]
            ),
            st.text(),
        ),
    )
)
def test_no_token_is_handed_out_for_any_other_place(url):
    tokens = CountingTokens()
    try:
        asyncio.run(Gate(HOSTS, tokens).headers(url))
    except LinkRefused as error:
        assert tokens.asked == []
        assert "password" not in str(error)  # noqa: PT017 - most, but not all of these are refused
    else:
        place = place_of(url)
        assert place is not None
        assert (place.scheme, place.address) in {("https", "download-accl.zoho.com"), ("https", "files.example:8443")}
