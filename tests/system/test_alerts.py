"""Metrics, alert rules and dashboard, judged by Prometheus and its own tool."""

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp import web

from backupd.telemetry.textfile import text_of
from tests.fakes.facts import FakeFacts, in_danger, missed, protected
from tests.integration.test_metrics import RUN, everything

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "config"
RULES = CONFIG / "prometheus-rules.yml"
PATIENCE = 60  # seconds


def promtool(*arguments: str | Path, given: bytes | None = None) -> str:
    done = subprocess.run(["promtool", *arguments], input=given, capture_output=True, check=False)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


def test_the_rules_are_whole():
    assert "SUCCESS" in promtool("check", "rules", RULES)


def test_the_rules_fire_when_they_should_and_only_then():
    assert "SUCCESS" in promtool("test", "rules", HERE / "prometheus-rules.test.yml")


async def test_prometheus_finds_nothing_to_say_about_the_metrics():
    found = await FakeFacts(protected(), in_danger(), missed()).overview()

    assert promtool("check", "metrics", given=await everything()) == ""
    assert promtool("check", "metrics", given=text_of(found, RUN)) == ""
    assert promtool("check", "metrics", given=text_of(None, RUN)) == ""


async def test_each_query_of_the_dashboard_finds_what_it_shows(tmp_path):
    """By a real Prometheus that read /metrics; the words of a legend are labels of what is found."""
    board = json.loads((CONFIG / "grafana-dashboard.json").read_text())
    queries = list(_queries(board["panels"]))

    async with _served(await everything()) as target, _prometheus(tmp_path, target) as asked:
        found = {query: await asked(query) for query, _ in queries}

    assert len(queries) >= 16
    assert [query for query, rows in found.items() if not rows] == []
    asked_for = {query: set(re.findall(r"{{ *(\w+) *}}", legend)) for query, legend in queries}
    assert {query: names for query, names in asked_for.items() if names - found[query][0].keys()} == {}


def _queries(panels: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Give each query and its legend, with the board's variables as they are at first."""
    for panel in panels:
        for target in panel.get("targets", ()):
            query = target["expr"].replace("$org", ".*").replace("$__rate_interval", "1m")
            assert "$" not in query
            yield query, target.get("legendFormat", "")
        yield from _queries(panel.get("panels", []))


@asynccontextmanager
async def _served(text: bytes) -> AsyncIterator[str]:
    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4"})

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _prometheus(folder: Path, target: str) -> AsyncIterator[Any]:
    """Run Prometheus until it has read the target twice; yield what answers a query by the labels of what it finds."""
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: backupd, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    with (folder / "log").open("wb") as log:
        server = await asyncio.create_subprocess_exec(
            "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
            "--web.listen-address=127.0.0.1:0", "--log.format=json", "--log.level=info", stderr=log,
        )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
            base = await _address(folder / "log")

            async def asked(query: str) -> list[dict[str, str]]:
                async with session.get(f"{base}/api/v1/query?{urlencode({'query': query})}") as response:
                    answer = await response.json()
                assert answer["status"] == "success", answer
                return [row["metric"] for row in answer["data"]["result"]]

            while not await asked("count_over_time(backupd_protected[1m]) >= 3"):  # noqa: ASYNC110  # another process
                await asyncio.sleep(0.2)
            yield asked
    finally:
        server.terminate()
        await server.wait()


async def _address(log: Path) -> str:
    while not (found := re.search(r'"address":"(127\.0\.0\.1:[1-9]\d*)"', log.read_text())):  # noqa: ASYNC110, ASYNC240  # of another process, and short
        await asyncio.sleep(0.1)
    return f"http://{found[1]}"
