"""What a person sees: answers that fit the terminal, and a shell that completes."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from backupd.simulator import FileSpec, OrgSpec, RunSpec, Scenario, ScheduleSpec, Simulator, Switches, ago
from tests.system.process import ENVIRONMENT
from tests.system.site import Site, new_site
from tests.system.terminal import plain, read_until, run_on_a_terminal, terminal

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

PROGRAM = Path(sys.executable).with_name("backupd")
LONG = "a_customer_with_quite_a_long_name"
JOB = "4876876000001594004"


@pytest.fixture
async def site(tmp_path):
    """An archive of two orgs, one with long names, and a job that is not complete."""
    name = "Data_of_the_organisation_with_all_that_it_has_ever_had_001.zip"
    files = (FileSpec("data", name, 60_000), FileSpec("attachments", "Attachments_001.zip", 60_000))
    run = RunSpec(JOB, finished=ago(days=2), files=files)
    org = OrgSpec(schedule=ScheduleSpec(), runs=(run,), switches=Switches(token_throttle=1000))
    async with Simulator(Scenario((org,))) as vendor:
        site = new_site(vendor, tmp_path)
        text = site.config.read_text()
        other = text[text.index("[orgs.main]") :].replace("[orgs.main]", f"[orgs.{LONG}]").partition("\n[")[0]
        site.tables["orgs.main"] = other
        yield site


async def _shown(site: Site, *command: str, columns: int) -> str:
    line: list[str | Path] = [PROGRAM, "--config", site.config, *command]
    shown, status = await asyncio.to_thread(run_on_a_terminal, line, ENVIRONMENT, columns=columns)
    assert status == 0, shown
    return plain(shown)


async def test_answers_fit_80_columns_and_60_and_break_no_name_that_one_copies(site):
    await _shown(site, "--run-once", columns=80)
    for columns in (80, 60):
        for command in (["status"], ["list"], ["show", f"{LONG}/latest"], ["check"], ["verify", "--all"]):
            lines = (await _shown(site, *command, columns=columns)).splitlines()
            hashes = [line for line in lines if re.fullmatch(r"  [0-9a-f]{64}|[^ ]+\.zip|.{,14}main/.*", line)]
            wide = [line for line in lines if len(line.rstrip()) > columns and line not in hashes]
            assert wide == [], (command, columns)
        listed = await _shown(site, "list", columns=columns)
        assert len(re.findall(rf" \d{{4}}-\d\d-\d\d_{JOB} ", listed)) == 2


async def test_a_status_is_a_paragraph_for_each_org(site):
    await _shown(site, "--run-once", columns=80)

    shown = await _shown(site, "status", columns=80)

    paragraphs = [paragraph.splitlines() for paragraph in shown.split("\n\n") if paragraph.strip()]
    assert [lines[0].strip() for lines in paragraphs] == ["main", LONG, "all orgs"]
    assert [line.split()[0] for line in paragraphs[0][1:]] == ["state", "newest", "archived", "verified", "last"]
    assert paragraphs[0][1].split()[1] == "protected,"


async def test_a_check_has_its_remedies_on_lines_of_their_own(site):
    site.config.chmod(0o600)
    shown = await _shown(site, "check", columns=80)

    assert re.search(r"^  messages +OK +nobody is told *\n +→ notify\.urls or ", shown, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("backupd rec", "backupd reconcile"),
        ("backupd schedule cr", "backupd schedule create"),
        ("backupd list --js", "backupd list --json"),
        ("backupd --run", "backupd --run-once"),
    ],
)
def test_a_real_bash_completes_commands_and_options(typed, completed, tmp_path):
    path = f"{PROGRAM.parent}:{os.environ['PATH']}"
    environment = ENVIRONMENT | {"PATH": path, "TERM": "dumb", "HOME": str(tmp_path), "PS1": "", "INPUTRC": "/dev/null"}
    with terminal(120) as (ours, theirs):
        shell = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"], env=environment, stdin=theirs, stdout=theirs, stderr=theirs
        )
        try:
            os.close(theirs)
            os.write(ours, b"source <(backupd completion bash); echo rea''dy\n")
            read_until(ours, "ready")
            os.write(ours, f"{typed}\t".encode())
            assert completed in read_until(ours, completed)
        finally:
            shell.kill()
            shell.wait()
