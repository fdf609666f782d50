import json
import pickle
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import pytest
from aiohttp import ClientResponseError, RequestInfo
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from backupd.telemetry import Redactor
from backupd.telemetry.redaction import MARK

TOKEN = "1000.8cb99dxxxxxxxxxxxxx9be93.9b8xxxxxxxxxxxxxxxf"  # the form of the vendor's documentation
KNOWN = "hunter2/+\"quoted'%"
OPAQUE = "aB3dE6gH9"  # neither known nor of a known form: found by what stands before it


@dataclass
class Holder:
    inner: object


def refused_by(token):
    headers = CIMultiDictProxy(CIMultiDict({"Authorization": f"Zoho-oauthtoken {token}"}))
    url = URL(f"https://accounts.zoho.eu/oauth/v2/token?refresh_token={token}")
    return ClientResponseError(RequestInfo(url, "POST", headers, url), (), status=401, message="no", headers=headers)


# --- texts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "Authorization: Zoho-oauthtoken {}",
        "Authorization: Bearer {}",
        "authorization: Basic {}",
        "Authorization: {}",
        "{{'Authorization': 'Zoho-oauthtoken {}'}}",
        '{{"authorization": "Bearer {}"}}',
        '{{\\"authorization\\": \\"Bearer {}\\"}}',
        "(b'Authorization', b'Zoho-oauthtoken {}')",
        "<CIMultiDict('Host': 'x', 'Authorization': 'Zoho-oauthtoken {}', 'Accept': '*/*')>",
        "Proxy-Authorization: Basic {}",
        "Zoho-oauthtoken {}",
        "zoho-oauthtoken%20{}",
        "Cookie: session={}; other=1",
        "Set-Cookie: a={}",
        "https://accounts.zoho.eu/oauth/v2/token?refresh_token={}&grant_type=refresh_token",
        "https://accounts.zoho.eu/oauth/v2/token?grant_type=authorization_code&code={}",
        "https://files.example/x?access_token={}",
        "client_id=1000.ABC&client_secret={}",
        "refresh_token={}",
        '{{"access_token": "{}", "expires_in": 3600}}',
        "{{'refresh_token': '{}'}}",
        "{{'client_secret': b'{}'}}",
        "CLIENT_SECRET={}",
        "BACKUPD_ORGS__MAIN__REFRESH_TOKEN={}",
        "refresh_token: {}",
        "X-Api-Key: {}",
        "password={}",
        "https://user:{}@proxy.example:3128",
        "https://{}@proxy.example",
        "smtps://me@example.com:{}@mail.example.com",
        "Namespace(client_secret='{}')",
        "line\nAuthorization: Zoho-oauthtoken {}\nline",
    ],
)
@pytest.mark.parametrize("secret", [TOKEN, OPAQUE])
def test_a_secret_is_taken_out_of_a_text_by_what_stands_around_it(text, secret):
    if text == "{}" and secret == OPAQUE:
        return  # nothing stands around it

    shown = Redactor().text(text.format(secret))

    assert secret not in shown
    assert secret.rpartition(".")[2] not in shown
    assert MARK in shown


@pytest.mark.parametrize(
    "spelling",
    [
        KNOWN,
        quote(KNOWN),
        quote(KNOWN, safe=""),
        json.dumps(KNOWN),
        json.dumps({"a": [KNOWN]}),
        repr(KNOWN),
        repr({"a": (KNOWN,)}),
        f"x{KNOWN}x",
        f"file-{KNOWN}.zip",
        "aHVudGVyMi8rInF1b3RlZCcl",
    ],
)
def test_a_known_secret_is_found_in_every_spelling(spelling):
    shown = Redactor([KNOWN]).text(f"before {spelling} after")

    assert "hunter2" not in shown
    assert "aHVudGVy" not in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")


def test_a_learned_secret_is_known_from_then_on():
    redactor = Redactor()
    assert OPAQUE in redactor.text(f"innocent {OPAQUE}")

    redactor.learn(OPAQUE)

    assert redactor.text(f"innocent {OPAQUE}") == f"innocent {MARK}"


def test_learning_a_token_an_hour_for_months_does_not_grow_without_end():
    redactor = Redactor(["the-fixed-secret"])
    for number in range(120):
        redactor.learn(f"token-number-{number}-")

    assert "number-119-" not in redactor.text("token-number-119-")
    assert "fixed" not in redactor.text("the-fixed-secret")
    assert len(pickle.dumps(redactor._learned)) < 20_000  # noqa: SLF001  # what grows is what is looked at


def test_a_secret_that_holds_another_leaves_nothing_over():
    redactor = Redactor(["abcdef", "abcdefghijk", "ghijklm"])

    assert redactor.text("abcdefghijk") == MARK


def test_a_very_short_secret_does_not_tear_up_words():
    assert Redactor(["a", ""]).text("banana") == "banana"


@pytest.mark.parametrize(
    "text",
    [
        "orgs.main.client_secret: is missing; set it in the configuration",
        "orgs.main.refresh_token: secret file /run/secrets/BACKUPD_ORGS__MAIN__REFRESH_TOKEN cannot be read",
        "token.renewed org=main expires_at=2026-01-01T00:00:00Z",
        "code=INVALID_TOKEN status=error",
        "https://download-accl.zoho.com/v2/crm/757345985/backup/4876876000001594004/Data_001.zip",
        "Data_001.zip: CRC differs",
        "client 1000.SIMULATED",
        "me@example.com",
        "https://www.zohoapis.eu/crm/bulk/v8/backup/history?page=1&per_page=200",
    ],
)
def test_what_an_operator_needs_is_left_alone(text):
    assert Redactor().text(text) == text


def test_a_very_long_text_is_cut_in_its_middle_and_no_half_of_a_secret_is_left():
    text = "begins " + "x" * 4_980 + OPAQUE * 3 + "y" * 500_000 + " ends"

    shown = Redactor([OPAQUE]).text(text)

    assert len(shown) < 11_000
    assert shown.startswith("begins ")
    assert shown.endswith(" ends")
    assert OPAQUE[:4] not in shown


def test_a_hostile_text_takes_no_long_time():
    for piece in ("token", "://", "@", "authorization:", "\\", '"', "a-", "1000.", "bearer ", "secret='"):
        Redactor([KNOWN]).text(piece * 20_000)


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_text_around_it_hides_a_known_secret(before, after):
    assert OPAQUE not in Redactor([OPAQUE]).text(before + OPAQUE + after)


# --- values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        TOKEN,
        TOKEN.encode(),
        bytearray(TOKEN.encode()),
        [TOKEN],
        (1, (2, [TOKEN])),
        {TOKEN},
        frozenset({TOKEN}),
        {"innocent": TOKEN},
        {TOKEN: 1},
        {"deep": {"deep": {"deep": {"deep": {"deep": {"deep": {"deep": {"deep": TOKEN}}}}}}}},
        MappingProxyType({"a": TOKEN}),
        Holder(TOKEN),
        Holder({"a": Holder(TOKEN)}),
        ValueError(TOKEN),
        ExceptionGroup(TOKEN, [ValueError(TOKEN)]),
        KeyError({"a": TOKEN}),
        refused_by(TOKEN),
        Path("/srv") / TOKEN,
        URL(f"https://files.example/{TOKEN}"),
        CIMultiDict({"X-Whatever": TOKEN}),
        lambda token=TOKEN: token,
    ],
)
def test_a_token_is_taken_out_of_any_value(value):
    assert TOKEN not in json.dumps(Redactor().value(value))
    assert TOKEN not in json.dumps(Redactor().value({"value": value}))


@pytest.mark.parametrize(
    "name",
    [
        "token", "access_token", "refreshToken", "refresh-token", "client_secret", "CLIENT_SECRET", "secret", "secrets",
        "password", "Authorization", "proxy-authorization", "Cookie", "Set-Cookie", "api_key", "X-Api-Key",
        "X-Auth-Token",        "credentials", "orgs.main.refresh_token", "private_key", "grant_token",
    ],
)  # fmt: skip
def test_what_stands_under_the_name_of_a_secret_is_taken(name):
    redactor = Redactor()

    for value in (OPAQUE, OPAQUE.encode(), [OPAQUE], {"a": OPAQUE}, 123456):
        shown = json.dumps([redactor.value({name: value}), redactor.value([(name, value)])])
        assert OPAQUE not in shown
        assert "123456" not in shown
    raw_headers = ((b"Host", b"x"), (name.encode(), OPAQUE.encode()))
    assert OPAQUE not in json.dumps(redactor.value(raw_headers))
    assert OPAQUE not in json.dumps(redactor.value(CIMultiDict({name: OPAQUE})))


def test_an_exception_of_the_http_library_shows_no_header():
    error = refused_by(OPAQUE)
    redactor = Redactor()

    assert OPAQUE in repr(error)
    assert OPAQUE not in redactor.text(repr(error))
    assert OPAQUE not in redactor.text("".join(traceback.format_exception(error)))
    assert OPAQUE not in json.dumps(redactor.value(error))


def test_values_keep_what_they_say():
    shown = Redactor().value(
        {
            "org": "main",
            "size": 1_048_576,
            "rate": 0.5,
            "whole": True,
            "etag": None,
            "expires_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            "wait": timedelta(minutes=1),
            "path": Path("/srv/backups"),
            "files": ("Data_001.zip",),
            "token": None,
        }
    )

    assert shown == {
        "org": "main",
        "size": 1_048_576,
        "rate": 0.5,
        "whole": True,
        "etag": None,
        "expires_at": "2026-01-02T03:04:05Z",
        "wait": 60.0,
        "path": "/srv/backups",
        "files": ["Data_001.zip"],
        "token": None,
    }


class Hostile(dict[str, str]):
    def __repr__(self) -> str:
        message = "no repr"
        raise RuntimeError(message)

    __str__ = __repr__

    def __iter__(self):
        message = "no iteration"
        raise RuntimeError(message)


class Unspeakable:
    __repr__ = Hostile.__repr__


def test_a_value_that_fails_when_it_is_looked_at_costs_nothing_else():
    shown = Redactor().value({"a": Hostile(), "b": Unspeakable(), "c": float("nan"), "d": 1})

    assert shown == {"a": {"unreadable": "Hostile"}, "b": "<Unspeakable>", "c": "nan", "d": 1}


def test_a_value_that_holds_itself_has_an_end():
    loop: dict[str, object] = {"token": OPAQUE}
    loop["loop"] = loop

    assert OPAQUE not in json.dumps(Redactor().value(loop))
