"""A plain HTTP client for tests of the simulator, knowing nothing of backupd's own one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy

from backupd.simulator import FileSpec, OrgSpec, RunSpec, Scenario, ScheduleSpec, Simulator, Vendor, ago
from tests.fakes.clock import FakeClock

JOB = "4876876000001594004"
CREDENTIALS = {
    "grant_type": "refresh_token",
    "refresh_token": "1000.simulated",
    "client_id": "1000.SIMULATED",
    "client_secret": "simulated",
}
CONTENT = bytes(range(256)) * 40  # 10,240 bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read to its end."""

    status: int
    reason: str
    headers: CIMultiDictProxy[str] | CIMultiDict[str]
    body: bytes
    data: Any = None


def org_spec(**fields: Any) -> OrgSpec:
    """Give an organisation with one run of a data and an attachments file, whose bytes are known."""
    files = (
        FileSpec("data", "Data_001.zip", content=CONTENT),
        FileSpec("attachments", "Attachments_001.zip", content=CONTENT[::-1]),
    )
    run = RunSpec(JOB, finished=ago(days=2), files=files)
    return OrgSpec(**{"schedule": ScheduleSpec(), "runs": (run,), **fields})


def scenario(**fields: Any) -> Scenario:
    """Give a scenario of one such organisation."""
    return Scenario((org_spec(**fields),))


class Client:
    """Asks as a customer with the default credentials does; follows no redirect, unpacks nothing."""

    def __init__(self, session: aiohttp.ClientSession, vendor: Vendor, clock: FakeClock) -> None:
        self._session = session
        self.vendor = vendor
        self.clock = clock  # the vendor's; its sleeps take no time
        self.bearer: str | None = None

    async def token(self, **form: str) -> Reply:
        """Ask for an access token; what is given changes the form."""
        return await self.send("POST", "/oauth/v2/token", data={**CREDENTIALS, **form})

    async def sign_in(self, **form: str) -> None:
        """Ask for an access token and bear it from now on."""
        self.bearer = (await self.token(**form)).data["access_token"]

    async def get(self, path: str = "", **headers: str) -> Reply:
        """GET below /crm/bulk/v8/backup."""
        return await self.send("GET", f"/crm/bulk/v8/backup{path}", headers=headers)

    async def file(self, name: str = "Data_001.zip", *, job: str = JOB, **headers: str) -> Reply:
        """GET a file of a run; headers are written with underscores."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return await self.send("GET", f"/v2/crm/757345985/backup/{job}/{name}", headers=named)

    async def send(self, method: str, path: str, *, headers: dict[str, str] | None = None, **rest: Any) -> Reply:
        """Send anything to the vendor's address, or to another one."""
        sent = {**({"Authorization": f"Zoho-oauthtoken {self.bearer}"} if self.bearer else {}), **(headers or {})}
        url = path if "://" in path else self.vendor.url + path
        async with self._session.request(method, url, headers=sent, allow_redirects=False, **rest) as answer:
            body = await answer.read()
            data = await answer.json() if answer.content_type == "application/json" and body else None
            return Reply(answer.status, answer.reason or "", answer.headers, body, data)


@asynccontextmanager
async def simulated(**fields: Any) -> AsyncIterator[Client]:
    """Run a simulator with one organisation that has these fields, and give a client that is signed in."""
    clock = FakeClock()
    async with (
        Simulator(scenario(**fields), clock=clock.now, sleep=clock.sleep) as vendor,
        aiohttp.ClientSession(auto_decompress=False, timeout=aiohttp.ClientTimeout(total=20)) as session,
    ):
        client = Client(session, vendor, clock)
        await client.sign_in()
        yield client
