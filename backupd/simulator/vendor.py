"""The simulated vendor as tests hold it: all organisations, the clock, what was asked, and what is to go wrong."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from backupd.simulator.contents import Shelf
from backupd.simulator.effects import Drop, Effect
from backupd.simulator.faults import Fault, Rule
from backupd.simulator.organisation import Organisation, Run
from backupd.simulator.pace import Line, Sleep
from backupd.simulator.reading import ScenarioError
from backupd.simulator.scenario import FileSpec, RunSpec, Scenario, default_scenario
from backupd.simulator.switches import Pace
from backupd.simulator.tokens import TokenBook


@dataclass(slots=True)
class Recorded:
    """One request and its answer; never the token."""

    method: str
    path: str
    query: str
    at: datetime
    operation: str = ""
    org: str = ""
    range: str | None = None
    if_range: str | None = None
    authorized: bool = False  # an Authorization header was there
    accept_encoding: str | None = None
    host: str = ""
    status: int = 0
    sent: int = 0  # bytes of a file's body
    done: bool = False  # the answer is over, however it ended


class Vendor:
    """A world that answers like the vendor does. All changes take effect with the next request."""

    def __init__(
        self,
        scenario: Scenario | None = None,
        *,
        clock: Callable[[], datetime] | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Lay out the scenario, relative times counting from the clock's present."""
        self.scenario = scenario or default_scenario()
        self.url = ""  # set once the server listens
        self.shelf = Shelf()
        self.requests: list[Recorded] = []
        self.downloading = 0  # bodies being sent now
        self.most_downloading = 0  # at once, so far
        self._waiting: set[asyncio.Future[None]] = set()
        self.sleep = sleep
        self.line = Line(lambda: self.pace.total, time.monotonic, sleep)  # of all downloads together
        self._clock = clock or (lambda: datetime.now(UTC))
        self._lay_out()

    def _lay_out(self) -> None:
        self.offset = timedelta()
        self.pace = self.scenario.pace
        self.orgs = tuple(Organisation(spec, self.now()) for spec in self.scenario.orgs)
        self.tokens = TokenBook(self.orgs)

    def reset(self, scenario: Scenario | None = None) -> None:
        """Go back to the scenario's start, or to another's; the records are emptied, open answers go on."""
        self.scenario = scenario or self.scenario
        self.requests.clear()
        self._lay_out()

    def now(self) -> datetime:
        """Give the vendor's present time."""
        return self._clock() + self.offset

    def advance(self, span: timedelta) -> None:
        """Move the vendor's clock on, or back."""
        self.offset += span

    def org(self, name: str | None = None) -> Organisation:
        """Give an organisation; without a name, the first."""
        found = [org for org in self.orgs if name in (None, org.spec.name)]
        if not found:
            raise ScenarioError(f"there is no organisation {name!r}; known are: {[o.spec.name for o in self.orgs]}")
        return found[0]

    def add_run(self, spec: RunSpec, *, org: str | None = None) -> Run:
        """Let a run happen at times relative to the vendor's present."""
        return self.org(org).add_run(spec, self.now())

    def offer(self, job_id: str, links: int | None = None, *, org: str | None = None) -> None:
        """Give out only the first links of a run; None: all."""
        self._run(job_id, org).offered = links

    def expire(self, job_id: str, span: timedelta, *, org: str | None = None) -> None:
        """Let the links of a run live for so long from now; the past is possible."""
        self._run(job_id, org).expires = self.now() + span

    def switch(self, *, org: str | None = None, **switches: Any) -> None:
        """Change an organisation's standing behaviour: the fields of `Switches`."""
        found = self.org(org)
        found.switches = replace(found.switches, **switches)

    def serve(self, *, org: str | None = None, **serving: Any) -> None:
        """Change how an organisation's files are served: the fields of `Serving`."""
        found = self.org(org)
        found.serving = replace(found.serving, **serving)

    def fault(self, effect: Effect, *, org: str | None = None, **rule: Any) -> None:
        """Let something go wrong: `fault(Drop(after=4000), file="Data_001.zip", times=2)`; see `Rule`."""
        self.org(org).faults.add(Fault(effect, Rule(**rule)))

    def drop_connection_after(self, size: int, file: str = "*", *, times: int = 1) -> None:
        """End the connection after so many bytes of a file's body, once or more often."""
        self.fault(Drop(after=size), file=file, times=times)

    def replace_file(self, job_id: str, spec: FileSpec, *, org: str | None = None) -> None:
        """Let a file of a run become another one: new content, new ETag, new Last-Modified."""
        run = self._run(job_id, org)
        run.files = [spec if (old.kind, old.name) == (spec.kind, spec.name) else old for old in run.files]
        run.changed[spec] = self.now()

    def revoke_tokens(self, *, org: str | None = None) -> int:
        """End every access token; gives how many there were."""
        return self.tokens.revoke(self.org(org))

    def revoke_refresh_token(self, *, org: str | None = None, revoked: bool = True) -> None:
        """Let the refresh token be refused from now on, or no longer."""
        self.tokens.revoke_refresh_token(self.org(org), revoked=revoked)

    def throttle_tokens(self, *, org: str | None = None) -> None:
        """Let the token endpoint refuse for ten minutes."""
        self.tokens.throttle(self.org(org), self.now())

    def set_pace(self, *, per_connection: int = 0, total: int = 0) -> None:
        """Limit the downloads to so many bytes a second, running ones included; 0 is unlimited."""
        self.pace = Pace(per_connection=per_connection, total=total)

    def asked(self, operation: str) -> list[Recorded]:
        """Give the requests for an operation: details, urls, history, schedule, cancel, token or download."""
        return [request for request in self.requests if request.operation == operation]

    async def until(self, seen: Callable[[], bool], *, within: float = 10) -> None:
        """Wait until what was asked and sent so far is as wished; TimeoutError after so many real seconds."""
        async with asyncio.timeout(within):
            while not seen():
                turn = asyncio.get_running_loop().create_future()
                self._waiting.add(turn)
                try:
                    await turn
                finally:
                    self._waiting.discard(turn)

    def tell(self) -> None:
        """Let those who wait look again: a record has changed."""
        for turn in self._waiting:
            if not turn.done():
                turn.set_result(None)

    def files(self) -> Iterator[tuple[Organisation, Run, FileSpec]]:
        """Give all files of all runs of all organisations."""
        for org in self.orgs:
            for run in org.runs:
                for file in run.files:
                    yield org, run, file

    def _run(self, job_id: str, org: str | None) -> Run:
        run = self.org(org).run(job_id)
        if run is None:
            raise ScenarioError(f"there is no run {job_id!r}; add it first")
        return run
