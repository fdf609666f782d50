"""The image, built and run as operators run it: without root or rights, on a file system that is read-only."""

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.system.engine import BASE, HARDENED, IMAGE, Engine, engine, left_behind

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]  # the first test waits for base and image

COMPOSE = Path(__file__).parents[2] / "config" / "compose.yaml"
UID = 10001
ADDED = 80_000_000  # bytes that the image may add to its base: below 200 MB with that of python:3.13-slim
SOON = 10.0  # seconds
PATIENCE = 90.0  # seconds
SIZE = 2_000_000  # bytes a file
VENDOR = "127.0.0.1:9000"
SECRETS = {
    "BACKUPD_ORGS__MAIN__CLIENT_SECRET": "a-client-secret-of-the-test",
    "BACKUPD_ORGS__MAIN__REFRESH_TOKEN": "1000.a-refresh-token-of-the-test",
}
SETTINGS = f"""
poll.every = "5s"
log.format = "json"
archive.min_free = "0MB"
[orgs.main]
client_id = "1000.SIMULATED"
accounts_url = "http://{VENDOR}"
api_domain = "http://{VENDOR}"
download_hosts = ["{VENDOR}"]
"""
SCENARIO = f"""
[[orgs]]
name = "main"
client_secret = "{SECRETS["BACKUPD_ORGS__MAIN__CLIENT_SECRET"]}"
refresh_token = "{SECRETS["BACKUPD_ORGS__MAIN__REFRESH_TOKEN"]}"
schedule = {{}}
"""
NO_NETWORK = "WARNING: IPv4 forwarding is disabled. Networking will not work.\n"  # the client's own word
RUN = {
    "job_id": "4876876000001594004",
    "finished": "-2d",
    "files": [
        {"kind": kind, "name": f"{kind.title()}_001.zip", "size": SIZE, "compression": "stored"}
        for kind in ("data", "attachments")
    ],
}
TELL = """
import sys, urllib.request
asked = urllib.request.Request(sys.argv[1], sys.argv[2].encode() or None)
print(urllib.request.urlopen(asked).read().decode())
"""  # spoken beside the vendor, on whose network nobody else is


@dataclass(slots=True)
class Site:
    """A vendor, an archive of its own, and the containers that work on it."""

    engine: Engine
    folder: Path
    name: str
    _containers: list[str] = field(default_factory=list)

    def options(self, *more: str) -> list[str]:
        """Give how backupd's containers are run: beside the vendor, on whose network nobody else is."""
        return [
            *(option for option in HARDENED if option != "--network=none"),
            f"--network=container:{self.name}-vendor",
            f"--volume={self.name}:/var/lib/backupd",
            f"--volume={self.folder}/backupd.toml:/etc/backupd/backupd.toml:ro",
            f"--volume={self.folder}/secrets:/run/secrets:ro",
            *more,
        ]

    def start_vendor(self) -> None:
        name = f"{self.name}-vendor"
        scenario = f"--volume={self.folder}/scenario.toml:/scenario.toml:ro"
        line = ("simulate", f"--port={VENDOR.partition(':')[2]}", "--scenario=/scenario.toml")
        self.engine.docker("run", "--detach", f"--name={name}", *HARDENED, scenario, IMAGE, *line)
        self._containers.append(name)
        until(lambda: "listens on" in self.logs(name))

    def vendor(self, act: str, **body: Any) -> Any:
        """Do something to the vendor, or ask it."""
        url, text = f"http://{VENDOR}/_control/{act}", json.dumps(body) if body else ""
        said = self.engine.docker("exec", f"{self.name}-vendor", "python3", "-c", TELL, url, text)
        return json.loads(said) if said else None

    def sent(self) -> int:
        """Return how many bytes of files the vendor has sent."""
        return sum(
            request["sent"] for request in self.vendor("requests")["requests"] if request["operation"] == "download"
        )

    def start(self, *options: str) -> str:
        """Start the daemon."""
        name = f"{self.name}-{len(self._containers)}"
        self.engine.docker("run", "--detach", f"--name={name}", *self.options(*options), IMAGE)
        self._containers.append(name)
        return name

    def once(self, *arguments: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
        """Run a container to its end; return its status and all that it said."""
        ran = self.engine.run("run", "--rm", *self.options(*options), IMAGE, *arguments)
        return ran.returncode, ran.stdout + ran.stderr.replace(NO_NETWORK, "")

    def inside(self, *command: str) -> str:
        """Look into the archive with a root's eyes."""
        mounted = f"--volume={self.name}:/var/lib/backupd"
        return self.engine.docker(
            "run", "--rm", "--network=none", "--user=0", mounted, f"--entrypoint={command[0]}", IMAGE, *command[1:]
        )

    def logs(self, name: str) -> str:
        ran = self.engine.run("logs", name)
        return ran.stdout + ran.stderr

    def state(self, name: str) -> Any:
        return json.loads(self.engine.docker("inspect", "--format={{json .State}}", name))

    def health(self, name: str) -> str:
        return str(self.state(name)["Health"]["Status"])

    def clear(self) -> None:
        self.engine.run("rm", "--force", *self._containers)
        self.engine.run("volume", "rm", "--force", self.name)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come to it"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Iterator[Engine]:
    """Run an engine that has the image; see that nothing of it stays."""
    folder = tmp_path_factory.mktemp("engine")
    with engine(folder) as running:
        running.build()
        yield running
    assert left_behind(folder) == []


@pytest.fixture
def site(built, tmp_path, request) -> Iterator[Site]:
    """Write settings and secrets as the README tells, and start a vendor that has nothing yet."""
    (tmp_path / "secrets").mkdir(mode=0o700)
    os.chown(tmp_path / "secrets", UID, UID)
    for name, value in SECRETS.items():
        keep(tmp_path / "secrets" / name, value)
    (tmp_path / "backupd.toml").write_text(SETTINGS)
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    made = Site(built, tmp_path, re.sub(r"\W", "-", request.node.name)[-60:].strip("-_"))
    try:
        made.start_vendor()
        yield made
    finally:
        made.clear()


def keep(path: Path, value: str) -> None:
    """Keep a secret where only the user that backupd is in its container can read it."""
    path.write_text(value)
    path.chmod(0o400)
    os.chown(path, UID, UID)


def test_the_image_is_small_and_says_what_it_is(built):
    (image,), (base,) = (json.loads(built.docker("image", "inspect", name)) for name in (IMAGE, BASE))
    config = image["Config"]

    assert image["Size"] - base["Size"] < ADDED
    assert config["User"] == f"{UID}:{UID}"
    assert list(config["Volumes"]) == ["/var/lib/backupd"]
    assert config["Labels"]["org.opencontainers.image.version"] == "1.2.3"
    assert {"title", "description", "revision", "source"} <= {name.rpartition(".")[2] for name in config["Labels"]}


def test_nothing_of_the_build_stays_in_the_image(built):
    history = built.docker("history", "--no-trunc", IMAGE)
    found = built.docker(
        "run", "--rm", "--network=none", "--user=0", "--entrypoint=sh", IMAGE, "-c",
        "ls /etc/pip.conf /run/secrets /src /opt/build 2>/dev/null; find /opt /var/lib -perm /6002 -not -type l",
    )  # fmt: skip

    assert found == ""
    assert "index" not in history
    assert not set(SECRETS.values()) & set(history.split())


def test_messages_can_be_sent_and_all_that_is_installed_fits_together(built):
    said = built.docker(
        "run", "--rm", *HARDENED, "--entrypoint=python3", IMAGE, "-c",
        "import apprise; a = apprise.Apprise(); print(a.add('mailto://user:pass@example.org'), a.add('json://example.org'))",
    )  # fmt: skip

    assert said == "True True"


def test_it_archives_becomes_healthy_stops_with_what_it_has_and_goes_on_from_there(site):
    site.vendor("runs", **RUN)
    site.vendor("pace", total=400_000)
    name = site.start("--health-interval=1s")
    until(lambda: site.sent() > SIZE // 2)

    started = time.monotonic()
    site.engine.docker("stop", "--time=30", name)
    assert time.monotonic() - started < SOON
    assert site.state(name)["ExitCode"] == 0
    assert site.inside("sh", "-c", "ls -d /var/lib/backupd/main/2*/*/data || true") == ""
    parts = site.inside("sh", "-c", "find /var/lib/backupd/.staging -name '*.part' -size +100k").splitlines()
    assert parts

    before = site.sent()
    site.vendor("pace", total=0)
    site.engine.docker("start", name)
    until(lambda: "job.published" in site.logs(name))
    until(lambda: site.health(name) == "healthy")
    assert "file.resumed" in site.logs(name)
    assert site.sent() - before < 2 * SIZE
    assert site.engine.run("exec", name, "backupd", "verify", "--all").returncode == 0
    assert site.inside("find", "/var/lib/backupd", "-perm", "/007", "-not", "-type", "l") == ""
    assert set(site.inside("find", "/var/lib/backupd", "-printf", "%U:%G\n").split()) == {f"{UID}:{UID}"}
    site.engine.docker("stop", name)
    assert site.state(name)["ExitCode"] == 0


def test_it_has_no_rights_and_shows_no_secrets(site):
    name = site.start()
    until(lambda: "cycle.finished" in site.logs(name))
    status = site.engine.docker("exec", name, "cat", "/proc/1/status")
    of = {line.partition(":")[0]: line.split()[1] for line in status.splitlines() if ":\t" in line}

    assert (of["Uid"], of["Gid"]) == (str(UID), str(UID))
    assert (of["CapEff"], of["CapBnd"], of["NoNewPrivs"]) == ("0" * 16, "0" * 16, "1")
    assert site.engine.run("exec", name, "touch", "/opt/backupd/x", "/etc/x").returncode != 0
    shown = site.engine.docker("inspect", name) + site.engine.docker("top", name, "-eo", "pid,args") + site.logs(name)
    shown += site.engine.docker("exec", name, "cat", "/proc/1/environ")
    assert [value for value in SECRETS.values() if value in shown] == []


def test_it_is_unhealthy_and_says_why_while_there_is_no_backup(site):
    name = site.start("--health-interval=1s", "--health-start-period=1s", "--health-retries=1")
    until(lambda: site.health(name) == "unhealthy")

    log = site.state(name)["Health"]["Log"][-1]
    assert log["ExitCode"] == 3
    assert "unprotected: nothing is archived yet" in log["Output"]


def test_a_single_run_ends_with_a_status_that_tells(site):
    site.vendor("runs", **RUN)
    wrong = "--env=BACKUPD_ORGS__MAIN__REFRESH_TOKEN=1000.another"

    assert site.once("--run-once", options=(wrong,))[0] == 77
    assert site.once("--run-once")[0] == 0
    assert site.once("--quiet", "--run-once") == (0, "")
    assert site.once("status", "--check")[0] == 0

    status, said = site.once("--run-once", options=("--env=BACKUPD_POLL__EVRY=1h",))
    assert (status, "BACKUPD_POLL__EVERY" in said) == (78, True)


def test_a_folder_that_is_anothers_is_a_mistake_that_is_named(site):
    (site.folder / "archive").mkdir(mode=0o755)
    mounted = f"--volume={site.folder}/archive:/archive"

    status, said = site.once("--run-once", options=(mounted, "--env=BACKUPD_ARCHIVE__ROOT=/archive"))

    assert status == 78
    assert "/archive" in said
    assert "Traceback" not in said


def test_the_compose_file_runs(site):
    site.vendor("runs", **RUN)
    keep(site.folder / "secrets" / "BACKUPD_WEB__TOKEN", "a-token-of-the-test")
    example = yaml.safe_load(COMPOSE.read_text())
    service = example["services"]["backupd"]
    del service["build"], service["ports"]  # there is the image, and no network but the vendor's
    service["network_mode"] = f"container:{site.name}-vendor"
    service["environment"] |= {
        "BACKUPD_ORGS__MAIN__CLIENT_ID": "1000.SIMULATED",
        "BACKUPD_ORGS__MAIN__ACCOUNTS_URL": f"http://{VENDOR}",
        "BACKUPD_ORGS__MAIN__API_DOMAIN": f"http://{VENDOR}",
        "BACKUPD_ORGS__MAIN__DOWNLOAD_HOSTS": f'["{VENDOR}"]',
    }
    service["healthcheck"]["interval"] = "1s"
    (site.folder / "compose.yaml").write_text(yaml.safe_dump(example))

    def compose(*arguments: str) -> str:
        line = ("--project-name=composed", f"--file={site.folder}/compose.yaml", *arguments)
        ran = site.engine.run(*line, program="docker-compose")
        assert ran.returncode == 0, ran.stderr
        return str(ran.stdout).strip()

    try:
        compose("up", "--detach")
        name = compose("ps", "--quiet")
        until(lambda: "job.published" in site.logs(name))
        until(lambda: site.health(name) == "healthy")
        compose("stop")
        assert site.state(name)["ExitCode"] == 0
    finally:
        compose("down", "--volumes")
