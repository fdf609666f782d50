"""`backupd authorize`: from a code to a token in its place, and what is said when the vendor does not take it."""

import io
import sys

import pytest

from backupd.cli.authorize import authorize
from backupd.cli.invocation import Invocation
from backupd.core.errors import AccessRefused, ConfigurationError, TokenThrottled, UsageError, VendorUnavailable
from backupd.simulator import OrgSpec, Refuse, Scenario, Simulator
from tests.fakes.clock import FakeClock


class Terminal(io.StringIO):
    """A stream with a person at it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def given(monkeypatch):
    """Let these lines come in by a pipe."""

    def given(*lines: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))

    given("1000.code")
    return given


@pytest.fixture
def invocation(tmp_path):
    return Invocation(tmp_path / "backupd.toml")


@pytest.fixture
async def vendor(tmp_path, monkeypatch, invocation, given):
    """A vendor, and settings of an org that has no refresh token yet."""
    monkeypatch.setattr("backupd.cli.session.set_up_log", lambda *_, **__: None)
    clock = FakeClock()
    async with Simulator(Scenario((OrgSpec(),)), clock=clock.now, sleep=clock.sleep) as vendor:
        invocation.config.write_text(
            f"""
            [orgs.main]
            data_center = "eu"
            client_id = "1000.SIMULATED"
            client_secret = "simulated"
            accounts_url = "{vendor.url}"
            """
        )
        yield vendor


async def test_the_token_goes_into_a_file_of_its_owners_only(vendor, invocation, tmp_path, capsys):
    place = tmp_path / "token"

    assert await authorize(to=place, invocation=invocation) == 0

    assert place.read_text() == "1000.simulated\n"
    assert place.stat().st_mode & 0o777 == 0o600
    told = capsys.readouterr()
    assert told.out == ""
    assert f"{place} holds the refresh token" in told.err
    assert "BACKUPD_ORGS__MAIN__REFRESH_TOKEN" in told.err


async def test_the_person_is_led_to_the_right_console_and_scopes(vendor, invocation, tmp_path, capsys):
    await authorize(to=tmp_path / "token", invocation=invocation)

    told = capsys.readouterr().err
    assert "https://api-console.zoho.eu " in told
    assert "     ZohoCRM.bulk.backup.READ,ZohoFiles.files.ALL\n" in told
    assert "1000.code" not in told
    assert "simulated" not in told


async def test_schedules_need_another_scope(vendor, invocation, tmp_path, capsys):
    await authorize(to=tmp_path / "token", schedules=True, invocation=invocation)

    assert "     ZohoCRM.bulk.backup.ALL,ZohoFiles.files.ALL\n" in capsys.readouterr().err


async def test_a_pipe_gets_the_token_and_nothing_else(vendor, invocation, capsys):
    await authorize(invocation=invocation)

    assert capsys.readouterr().out == "1000.simulated\n"


async def test_a_terminal_gets_it_only_when_asked_to(vendor, invocation, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    with pytest.raises(UsageError, match="where the refresh token goes"):
        await authorize(invocation=invocation)
    assert vendor.requests == []

    await authorize(print_=True, invocation=invocation)

    assert terminal.getvalue() == "1000.simulated\n"


async def test_a_file_that_exists_is_left_as_it_is_and_the_code_unused(vendor, invocation, tmp_path, monkeypatch):
    place = tmp_path / "token"
    place.write_text("precious")
    with pytest.raises(UsageError, match="wants a yes"):
        await authorize(to=place, invocation=invocation)
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    with pytest.raises(UsageError, match="was left as it is"):
        await authorize(to=place, invocation=invocation)

    assert place.read_text() == "precious"
    assert vendor.requests == []


async def test_a_file_is_replaced_when_told(vendor, invocation, tmp_path):
    place = tmp_path / "token"
    place.write_text("old")
    place.chmod(0o644)

    await authorize(to=place, yes=True, invocation=invocation)

    assert place.read_text() == "1000.simulated\n"
    assert place.stat().st_mode & 0o777 == 0o600


async def test_a_place_that_cannot_be_written_is_told_before_the_code_is_used(vendor, invocation, tmp_path):
    for place in (tmp_path / "gone" / "token", tmp_path):
        with pytest.raises(ConfigurationError):
            await authorize(to=place, yes=True, invocation=invocation)

    assert vendor.requests == []


async def test_a_failure_leaves_no_trace(vendor, invocation, tmp_path, given):
    given("1000.other")
    before = sorted(tmp_path.iterdir())

    with pytest.raises(AccessRefused):
        await authorize(to=tmp_path / "token", invocation=invocation)

    assert sorted(tmp_path.iterdir()) == before


async def test_a_code_works_once(vendor, invocation, given):
    await authorize(invocation=invocation)
    given("1000.code")

    with pytest.raises(AccessRefused, match="it was used before, is too old") as raised:
        await authorize(invocation=invocation)

    assert "Generate a new code" in raised.value.advice


@pytest.mark.parametrize(
    ("right", "wrong", "words", "advice"),
    [
        ("1000.SIMULATED", "1000.FOREIGN", "knows no such client id in the data center eu", "--data-center"),
        ('client_secret = "simulated"', 'client_secret = "wrong"', "the client secret is not the one", "Copy it again"),
    ],
)
async def test_a_refusal_is_said_in_the_persons_words(right, wrong, words, advice, vendor, invocation):
    invocation.config.write_text(invocation.config.read_text().replace(right, wrong))

    with pytest.raises(AccessRefused, match=words) as raised:
        await authorize(invocation=invocation)

    assert advice in raised.value.advice
    assert raised.value.exit_status == 77


@pytest.mark.parametrize(
    ("effect", "error"),
    [
        (Refuse(500), VendorUnavailable),
        (Refuse(200, "Access Denied", "too many requests continuously", form="oauth"), TokenThrottled),
    ],
)
async def test_a_passing_failure_is_no_refusal(effect, error, vendor, invocation):
    vendor.fault(effect, on="token")

    with pytest.raises(error) as raised:
        await authorize(invocation=invocation)
    assert "by itself" not in raised.value.advice


async def test_what_the_settings_do_not_hold_is_asked_for(vendor, invocation, given, capsys):
    text = invocation.config.read_text()
    kept = [line for line in text.splitlines() if "client_" not in line]
    invocation.config.write_text("\n".join(kept))
    given("1000.SIMULATED", "simulated", "1000.code")

    await authorize(invocation=invocation)

    assert capsys.readouterr().out == "1000.simulated\n"


async def test_an_empty_answer_is_no_code(vendor, invocation, given):
    given("")

    with pytest.raises(UsageError, match="code: nothing was given"):
        await authorize(invocation=invocation)


async def test_another_data_center_is_another_console_and_server(vendor, invocation, given, capsys):
    given("")  # ends before the vendor is asked

    with pytest.raises(UsageError, match="nothing was given"):
        await authorize(data_center="ca", invocation=invocation)

    assert "https://api-console.zohocloud.ca " in capsys.readouterr().err


async def test_without_settings_the_data_center_is_enough(given, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("BACKUPD_CONFIG", str(tmp_path / "none.toml"))
    given("")
    with pytest.raises(ConfigurationError):
        await authorize(invocation=Invocation())

    with pytest.raises(UsageError, match="client id: nothing was given"):
        await authorize(data_center="jp", invocation=Invocation())

    assert "https://api-console.zoho.jp " in capsys.readouterr().err


async def test_a_data_center_that_is_none_is_a_usage_error(vendor, invocation):
    with pytest.raises(UsageError, match="there is no data center 'mars'"):
        await authorize(data_center="mars", invocation=invocation)
