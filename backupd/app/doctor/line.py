"""Looks at the way to the vendor, and asks it: a token, the two calls of a poll, and a knock at each host of links."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from backupd.app.surroundings import Surroundings
from backupd.app.vendor import account, session, tokens
from backupd.core import events
from backupd.core.diagnosis import line as rules
from backupd.core.diagnosis.finding import Finding, ok, refused, warning
from backupd.core.errors import BackupdError, VendorUnavailable
from backupd.core.figures import counted
from backupd.core.patience import ONE_TRY
from backupd.core.scopes import missing_scopes
from backupd.settings import Settings
from backupd.settings.provenance import certificate_places, proxies

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from backupd.zoho.account import Account
    from backupd.zoho.auth import Tokens
    from backupd.zoho.client import ZohoClient
    from backupd.zoho.reach import Reached

_ANSWER_WITHIN = 10.0  # seconds, for each of the vendor's servers
_RECENT = timedelta(minutes=5)  # a token so young is not asked for again: ten in ten minutes are all there are


@dataclass(slots=True)
class _Ear:
    """Hears what is worth a finding."""

    domain: events.ApiDomainDiffers | None = None
    not_kept: events.TokenNotKept | None = None

    def hear(self, event: events.Event) -> None:
        match event:
            case events.ApiDomainDiffers():
                self.domain = event
            case events.TokenNotKept():
                self.not_kept = event
            case _:
                pass


@dataclass(slots=True)
class _Visit:
    """What came of asking one org's vendor."""

    findings: list[Finding] = field(default_factory=list)
    skew: timedelta | None = None
    ear: _Ear = field(default_factory=_Ear)


def examine_line() -> list[Finding]:
    """Look at proxies and certificates. Blocking."""
    from backupd.zoho.reach import unusable_certificates

    places = certificate_places()
    return [rules.proxy(proxies()), rules.certificates(places, unusable_certificates(places))]


async def examine_org(settings: Settings, around: Surroundings, org: str, *, keep: bool) -> list[Finding]:
    """Ask the org's vendor, and knock at the hosts of its links at the same time; `keep` a token for later."""
    try:
        found = account(org, settings)
    except BackupdError as error:
        return [refused("vendor", error, org=org)]
    from backupd.zoho.hosts import allows_any_port, data_center_of

    untried = tuple(host for host in found.download_hosts if allows_any_port(host))
    hosts = tuple(host for host in found.download_hosts if host not in untried)
    async with session(2 + len(hosts)) as calls:
        visit, reached = await asyncio.gather(_visit(calls, found, settings, around, keep=keep), _reach(calls, hosts))
    dates = [host.date for host in reached.values() if host.date is not None]
    skew = visit.skew if visit.skew is not None else _skew(dates, around)
    domain = visit.ear.domain
    place = settings.orgs[org]
    name = None if place.api_domain or place.accounts_url else place.data_center
    answered = domain.answered if domain else None
    right = data_center_of(answered) if answered else None
    return [
        *visit.findings,
        rules.data_center(org, name, found.api_domain.partition("//")[2], answered, right),
        rules.link_hosts(org, {host: answer.problem for host, answer in reached.items()}, untried=untried),
        rules.clock(org, skew),
    ]


async def _visit(
    calls: "ClientSession", found: "Account", settings: Settings, around: Surroundings, *, keep: bool
) -> _Visit:
    from backupd.zoho.client import ZohoClient

    visit = _Visit()
    quiet = replace(around, tell=visit.ear.hear)
    kept = tokens(calls, found, settings.archive.root, quiet, keep=keep and settings.archive.root.is_dir())
    client = ZohoClient(calls, found, kept, patience=ONE_TRY, clock=quiet.clock, tell=quiet.tell)
    try:
        async with asyncio.timeout(_ANSWER_WITHIN):
            async for finding in _ask(found.org, client, kept):
                visit.findings.append(finding)
    except TimeoutError:
        late = VendorUnavailable(f"no answer within {_ANSWER_WITHIN:g} s")
        visit.findings.append(refused("vendor", late, org=found.org))
    except BackupdError as error:
        visit.findings.append(refused("vendor", error, org=found.org))
    if visit.ear.not_kept is not None:
        text = f"the access token could not be kept: {visit.ear.not_kept.reason}"
        remedy = "Let backupd's user write to .state in the archive; else each run asks for a token, and ten are all."
        visit.findings.append(warning("token", text, remedy, org=found.org))
    visit.skew = client.clock_skew()
    return visit


async def _ask(org: str, client: "ZohoClient", kept: "Tokens") -> AsyncIterator[Finding]:
    """Ask for a token, and make the two calls of a poll. Raises VendorError."""
    scope = await kept.recent_scope(_RECENT)
    yield rules.scopes(org, scope, missing_scopes(scope or ""))
    schedule = await client.schedule()
    offers = await client.offers()
    plan = f"schedule {schedule.status}" if schedule else "nothing scheduled"
    links = sum(len(job.links) for job in offers.jobs)
    yield ok("vendor", f"credentials accepted; {plan}, {counted(links, 'link')} offered", org=org)
    for link in offers.refused:
        text = f"the link of {link.name}: {link.reason}"
        yield warning("vendor", text, "Add its host to download_hosts, after checking it.", org=org)


async def _reach(calls: "ClientSession", hosts: tuple[str, ...]) -> Mapping[str, "Reached"]:
    from backupd.zoho.reach import reach

    answers = await asyncio.gather(*(reach(calls, host, within=_ANSWER_WITHIN) for host in hosts))
    return dict(zip(hosts, answers, strict=True))


def _skew(dates: list[datetime], around: Surroundings) -> timedelta | None:
    """Take the time from a host of links, where the API did not answer."""
    return dates[0] - around.clock.now() if dates else None
