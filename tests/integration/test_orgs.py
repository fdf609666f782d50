"""Several orgs in one configuration: each with its own folder and fate."""

import pytest

from backupd.app import Surroundings, open_app
from backupd.core import events
from backupd.core.errors import ConfigurationError
from backupd.core.exits import Exit
from backupd.settings import load
from backupd.simulator import OrgSpec, Scenario, ScheduleSpec, Simulator
from tests.fakes.clock import FakeClock
from tests.fakes.records import Ear, snapshots
from tests.integration.operator import run


def org_spec(name: str, zgid: str) -> OrgSpec:
    return OrgSpec(
        name=name, zgid=zgid, refresh_token=f"1000.{name}", schedule=ScheduleSpec(), runs=(run(f"{zgid}4004"),)
    )


async def run_once(tmp_path, vendor, clock, ear, *, only=None, **tokens: str | None) -> Exit:
    root = tmp_path / "archive"
    root.mkdir(exist_ok=True)
    host = vendor.url.partition("//")[2]
    text = f'[archive]\nroot = "{root}"\nmin_free = "0MB"\n'
    for name, token in tokens.items():
        text += f'[orgs.{name}]\nclient_id = "1000.SIMULATED"\nclient_secret = "simulated"\n'
        text += f'accounts_url = "{vendor.url}"\napi_domain = "{vendor.url}"\ndownload_hosts = ["{host}"]\n'
        text += f'refresh_token = "{token}"\n' if token else ""
    (tmp_path / "backupd.toml").write_text(text)
    settings = load(tmp_path / "backupd.toml", environment={}, run_secrets=tmp_path / "none")
    async with open_app(settings, Surroundings(ear, lambda _: None, clock), only=only) as app:
        return await app.run_once()


@pytest.fixture
async def vendor(clock):
    scenario = Scenario((org_spec("north", "111"), org_spec("south", "222")))
    async with Simulator(scenario, clock=clock.now, sleep=clock.sleep) as vendor:
        yield vendor


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def test_each_org_is_archived_into_its_own_folder(tmp_path, vendor, clock):
    assert await run_once(tmp_path, vendor, clock, Ear(), north="1000.north", south="1000.south") is Exit.OK

    assert snapshots(tmp_path / "archive") == ["north/2022/2022-06-22_1114004", "south/2022/2022-06-22_2224004"]


async def test_refused_credentials_of_one_org_stop_no_other(tmp_path, vendor, clock):
    status = await run_once(tmp_path, vendor, clock, Ear(), north="1000.wrong", south="1000.south")

    assert status is Exit.REFUSED
    assert snapshots(tmp_path / "archive") == ["south/2022/2022-06-22_2224004"]


async def test_missing_credentials_of_one_org_stop_no_other(tmp_path, vendor, clock):
    ear = Ear()

    status = await run_once(tmp_path, vendor, clock, ear, north=None, south="1000.south")

    assert status is Exit.CONFIG
    assert snapshots(tmp_path / "archive") == ["south/2022/2022-06-22_2224004"]
    (failed,) = ear.of(events.CycleFailed)
    assert failed.org == "north"
    assert "refresh_token" in failed.reason


async def test_missing_credentials_of_all_orgs_are_an_error_at_once(tmp_path, vendor, clock):
    with pytest.raises(ConfigurationError) as caught:
        await run_once(tmp_path, vendor, clock, Ear(), north=None, south=None)

    assert len(caught.value.problems) == 2


async def test_one_org_can_be_asked_for_alone(tmp_path, vendor, clock):
    assert (
        await run_once(tmp_path, vendor, clock, Ear(), only="south", north="1000.north", south="1000.south") is Exit.OK
    )

    assert snapshots(tmp_path / "archive") == ["south/2022/2022-06-22_2224004"]
