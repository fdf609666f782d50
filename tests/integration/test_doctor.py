"""`backupd check` on a real archive and against the simulated vendor: what it finds, and that it changes nothing."""

import asyncio
import json
import os
import sqlite3
import ssl
import sys
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
import trustme
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from backupd.app import Surroundings
from backupd.app.doctor import examine
from backupd.archive import trial
from backupd.archive.locking import hold
from backupd.core.diagnosis.finding import Finding, Result
from backupd.core.diagnosis.modes import Access
from backupd.core.exits import worst
from backupd.settings import load
from backupd.settings.provenance import certificate_places, provenance, proxies
from backupd.simulator import Hang, Refuse, Switches
from backupd.zoho.reach import reach, unusable_certificates
from backupd.zoho.token_cache import TokenCache
from tests.integration.operator import Operator, operated, run

DEAD = "127.0.0.1:9"  # nobody listens there


class Patient:
    """An operator whose backupd is looked at."""

    def __init__(self, operator: Operator) -> None:
        self.operator = operator
        self.root = operator.root
        self.clock = operator.clock
        self.findings: list[Finding] = []
        self.secret = "simulated"
        self.hosts = operator.hosts
        self.archive = 'min_free = "0MB"'  # lines of [archive]
        self.more = ""  # more tables

    @property
    def config(self) -> Path:
        return self.operator.config

    async def examine(self) -> dict[str, Finding]:
        """Run the doctor; the findings come by subject."""
        self.config.write_text(
            f"""
            [archive]
            root = "{self.root}"
            {self.archive}
            [orgs.main]
            client_id = "1000.SIMULATED"
            {f'client_secret = "{self.secret}"' if self.secret else ""}
            refresh_token = "1000.simulated"
            accounts_url = "{self.operator.vendor.url}"
            api_domain = "{self.operator.vendor.url}"
            download_hosts = {self.hosts!r}
            {self.more}
            """
        )
        self.config.chmod(0o600)
        settings = load(self.config, environment={}, run_secrets=self.root / "none")
        around = Surroundings(tell=self.operator.ear, learn=lambda _: None, clock=self.clock)
        self.findings = [finding async for finding in examine(settings, around, config=self.config)]
        return {finding.subject: finding for finding in self.findings}

    @property
    def status(self) -> int:
        return worst(finding.exit_status for finding in self.findings)

    @property
    def bad(self) -> list[str]:
        return [finding.subject for finding in self.findings if finding.result is not Result.OK]


@pytest.fixture(autouse=True)
def _plain_surroundings(monkeypatch):
    """This machine's own container, proxies and certificates are nobody's business here."""
    monkeypatch.setattr("backupd.settings.provenance._IN_CONTAINERS", ())
    for name in ("KUBERNETES_SERVICE_HOST", "INVOCATION_ID", "CREDENTIALS_DIRECTORY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def patient(tmp_path):
    @asynccontextmanager
    async def patient(*, archived=False, **fields):
        async with operated(tmp_path, run(names=("Data_001.zip",)), **fields) as operator:
            if archived:
                await operator.run_once()
                operator.clock.pass_time(minutes=6)  # the cycle's token is not that young any more
            yield Patient(operator)

    return patient


async def test_a_page_that_is_open_to_others_without_a_token_fails(patient):
    async with patient() as seen:
        seen.more = '[web]\nlisten = "0.0.0.0:8321"'

        found = (await seen.examine())["page"]

        assert found.result is Result.FAILED
        assert "web.token" in found.text
        assert seen.status == 78


async def test_all_is_well_with_what_works(patient):
    async with patient(archived=True) as there:
        found = await there.examine()

    assert (there.bad, there.status) == ([], 0)
    assert list(found) == [
        "settings", "modes", "user", "mount", "archive", "file system", "space", "catalog", "journal main", "lock main",
        "proxy", "certificates", "scopes main", "vendor main", "data centre main", "link hosts main", "clock main",
        "surroundings", "messages",
    ]  # fmt: skip
    assert found["vendor main"].text == "credentials accepted; schedule SCHEDULED, 1 link offered"
    assert found["catalog"].text == "opens, and holds 1 snapshot"
    assert found["settings"].text == f"1 org: main ({there.config})"


async def test_it_changes_nothing_but_the_token_that_it_keeps(patient):
    def state(root: Path) -> dict[str, tuple[int, bytes]]:
        return {
            str(path.relative_to(root)): (path.stat().st_mtime_ns, path.read_bytes())
            for path in root.rglob("*")
            if path.is_file() and not path.name.startswith("catalog.sqlite-")  # SQLite's own, of any reader
        }

    async with patient(archived=True) as there:
        before = state(there.root)
        await there.examine()
        after = state(there.root)

    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == [".state/main.token"]


async def test_it_asks_for_a_token_unless_one_is_minutes_old(patient):
    async with patient(archived=True) as there:
        await there.examine()
        there.clock.pass_time(minutes=4)
        await there.examine()
        asked = [request.operation for request in there.operator.vendor.requests].count("token")

    assert asked == 2  # the cycle's, and one of both looks


async def test_before_the_first_cycle_nothing_is_there_and_that_is_well(patient):
    async with patient() as there:
        found = await there.examine()

    assert there.bad == []
    assert found["catalog"].text.startswith("there is none yet")
    assert found["journal main"].text.startswith("there is none yet")


async def test_a_missing_scope_is_named_though_nothing_else_notices_it_yet(patient):
    async with patient(scopes=("ZohoCRM.bulk.backup.READ",)) as there:
        found = await there.examine()

    assert (there.bad, there.status) == (["scopes main"], 77)
    assert found["scopes main"].text == "the refresh token lacks 1 scope: ZohoFiles.files.ALL"


async def test_calls_that_lack_their_scope_fail_as_well(patient):
    async with patient(scopes=("ZohoFiles.files.ALL",)) as there:
        found = await there.examine()

    assert there.bad == ["scopes main", "vendor main"]
    assert "lacks the scope ZohoCRM.bulk.backup.READ" in found["vendor main"].text


async def test_a_client_of_another_data_centre_is_told_how_to_find_the_right_one(patient):
    async with patient() as there:
        there.operator.vendor.fault(Refuse(200, "invalid_client", form="oauth"), on="token", always=True)
        found = await there.examine()

    assert there.status == 77
    assert "invalid_client" in found["vendor main"].text
    assert "with crm.zoho.eu it is eu" in found["vendor main"].remedy


async def test_a_token_that_the_api_does_not_know_leads_to_the_data_centre_too(patient):
    async with patient() as there:
        there.operator.vendor.fault(Refuse(401, "INVALID_TOKEN"), on="api", always=True)
        found = await there.examine()

    assert there.status == 77
    assert "data_center" in found["vendor main"].remedy
    assert "with crm.zoho.eu it is eu" in found["vendor main"].remedy


async def test_a_token_for_another_data_centre_names_it(patient):
    async with patient(switches=Switches(api_domain="https://www.zohoapis.eu")) as there:
        found = await there.examine()

    assert there.bad == ["data centre main"]
    assert found["data centre main"].remedy == "Set `data_center` to 'eu'."


async def test_wrong_credentials_are_77_although_an_old_token_lives(patient):
    async with patient(archived=True) as there:
        there.secret = "wrong"
        found = await there.examine()

    assert there.status == 77
    assert "client_secret" in found["vendor main"].remedy


async def test_missing_credentials_are_78_and_nobody_is_asked(patient):
    async with patient() as there:
        there.secret = ""
        found = await there.examine()

        assert (there.status, there.operator.vendor.requests) == (78, [])
    assert "orgs.main.client_secret: is missing" in found["vendor main"].text


async def test_a_throttle_is_75_and_says_until_when(patient):
    async with patient() as there:
        vendor = there.operator.vendor
        vendor.fault(Refuse(400, "Access Denied", "You have made too many requests", form="oauth"), on="token")
        found = await there.examine()

    assert there.status == 75
    assert "not before" in found["vendor main"].text


async def test_a_vendor_that_does_not_answer_is_given_up_in_seconds(patient, monkeypatch):
    monkeypatch.setattr("backupd.app.doctor.line._ANSWER_WITHIN", 0.05)
    async with patient() as there:
        there.operator.vendor.fault(Hang(), on="token", always=True)
        found = await there.examine()

    assert there.status == 69
    assert found["vendor main"].text == "no answer within 0.05 s"


async def test_a_refused_link_is_a_warning_that_says_what_to_add(patient):
    async with patient() as there:
        there.hosts = [DEAD]
        found = await there.examine()

    assert there.bad == ["vendor main", "link hosts main"]
    assert found["vendor main"].remedy == "Add its host to download_hosts, after checking it."


@pytest.mark.parametrize(("both", "result", "status"), [(True, Result.WARNING, 0), (False, Result.FAILED, 69)])
async def test_hosts_of_links_are_knocked_at(both, result, status, patient):
    async with patient() as there:
        there.hosts = [DEAD, *(there.operator.hosts if both else [])]
        found = await there.examine()

    assert found["link hosts main"].result is result
    assert there.status == status
    assert "no connection to 127.0.0.1: Connection refused" in found["link hosts main"].text


async def test_a_host_on_this_machine_without_a_port_is_not_knocked_at(patient):
    async with patient() as there:
        there.hosts = ["127.0.0.1"]
        found = await there.examine()

    assert (there.bad, there.status) == ([], 0)
    assert found["link hosts main"].text == "not tried: 127.0.0.1, as links may lead to any port of this machine"


async def test_no_token_is_sent_where_it_only_knocks(patient):
    heard: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(dict(request.headers))
        return web.Response(status=404)

    async with patient() as there, _serving(answer) as port:
        there.hosts = [f"127.0.0.1:{port}"]
        found = await there.examine()

    assert found["link hosts main"].result is Result.OK
    (headers,) = heard
    assert "Authorization" not in headers


@pytest.mark.parametrize(
    ("offset", "result", "status"),
    [
        (timedelta(minutes=-6), Result.WARNING, 0),
        (timedelta(days=2), Result.FAILED, 78),
        (timedelta(seconds=90), Result.OK, 0),
    ],
)
async def test_the_vendors_clock_is_compared_with_ours(offset, result, status, patient):
    async with patient(switches=Switches(date_offset=offset)) as there:
        found = await there.examine()

    assert (found["clock main"].result, there.status) == (result, status)


async def test_settings_with_secrets_that_others_can_read_are_a_warning(patient, monkeypatch):
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    before = os.umask(0o022)
    async with patient() as there:
        found = await there.examine()
    os.umask(before)

    assert there.bad == ["modes"]
    assert found["modes"].text.startswith(f"{there.config} holds orgs.main.client_secret and orgs.main.refresh_token")
    assert found["modes"].remedy == f"Run `chmod 600 {there.config}`."


async def test_a_token_that_others_can_read_is_a_warning(patient):
    async with patient(archived=True) as there:
        (there.root / ".state").chmod(0o755)
        found = await there.examine()

    assert there.bad == ["modes"]
    assert found["modes"].remedy == f"Run `chmod 700 {there.root}/.state`."


async def test_a_token_that_cannot_be_kept_is_a_warning(patient, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(TokenCache, "write", fail)
    async with patient() as there:
        found = await there.examine()

    assert there.bad == ["token main"]
    assert "Read-only file system" in found["token main"].text


async def test_who_is_not_the_archives_owner_leaves_no_token_behind(patient, monkeypatch):
    async with patient(archived=True) as there:
        kept = there.root / ".state" / "main.token"
        before = kept.read_bytes()
        monkeypatch.setattr("backupd.app.doctor.place.os.geteuid", lambda: 4321)
        found = await there.examine()

        assert kept.read_bytes() == before
    assert there.bad == ["user"]
    assert "backupd check" in found["user"].remedy


async def test_a_root_that_is_missing_is_78_and_the_rest_is_looked_at_all_the_same(patient):
    async with patient() as there:
        there.root.rename(there.root.with_name("gone"))
        found = await there.examine()

    assert (there.bad, there.status) == (["archive"], 78)
    assert found["vendor main"].result is Result.OK
    assert not there.root.exists()


async def test_a_root_that_should_be_a_mount_point_is_78(patient):
    async with patient() as there:
        there.archive = "require_mount = true"
        await there.examine()

    assert (there.bad, there.status) == (["archive"], 78)


async def test_too_little_space_is_73(patient):
    async with patient() as there:
        there.archive = 'min_free = "9000TB"'
        found = await there.examine()

    assert (there.bad, there.status) == (["space"], 73)
    assert "less than the 9.0 PB that archive.min_free wants" in found["space"].text


async def test_a_folder_on_another_disk_is_78(patient, monkeypatch):
    rename = Path.rename

    def across(self: Path, target: Path) -> Path:
        if target.parent.name == ".trash":
            raise OSError(18, "Invalid cross-device link")
        return rename(self, target)

    async with patient(archived=True) as there:
        monkeypatch.setattr(Path, "rename", across)
        found = await there.examine()

        assert list(there.root.rglob(".check-*")) == []
    assert (there.bad, there.status) == (["file system"], 78)
    assert ".trash (Invalid cross-device link)" in found["file system"].text


async def test_a_root_that_cannot_be_written_is_told(patient):
    async with patient() as there:
        (there.root / f".check-{os.getpid()}").mkdir()  # so that the file cannot be made
        found = await there.examine()

    assert (there.bad, there.status) == (["archive"], 73)
    assert ".check-" in found["archive"].text


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: path.unlink(), "it is missing"),
        (lambda path: path.write_bytes(b"damaged" * 1000), "it is damaged"),
        (lambda path: _of_version(path, 99), "its schema is version 99"),
    ],
)
async def test_a_catalog_that_must_be_rebuilt_is_a_warning(harm, words, patient):
    async with patient(archived=True) as there:
        catalog = there.root / "catalog.sqlite"
        harm(catalog)
        before = catalog.read_bytes() if catalog.exists() else None
        found = await there.examine()

        assert (catalog.read_bytes() if catalog.exists() else None) == before
    assert (there.bad, there.status) == (["catalog"], 0)
    assert words in found["catalog"].text


async def test_a_catalog_that_cannot_be_opened_is_73(patient):
    async with patient(archived=True) as there:
        catalog = there.root / "catalog.sqlite"
        catalog.unlink()
        catalog.mkdir()
        await there.examine()

    assert (there.bad, there.status) == (["catalog"], 73)


async def test_a_journal_that_was_changed_is_3_and_names_the_line(patient):
    async with patient(archived=True) as there:
        journal = there.root / "main" / "journal.jsonl"
        lines = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(b"".join([lines[0].replace(b"2022", b"2021", 1), *lines[1:]]))
        found = await there.examine()

    assert (there.bad, there.status) == (["journal main"], 3)
    assert "line 2" in found["journal main"].text


async def test_who_holds_the_lock_is_said_and_a_warning_after_a_day(patient):
    async with patient(archived=True) as there:
        state, clock = there.root / ".state", there.clock
        async with hold(state, "main", what="cycle", clock=clock):
            found = await there.examine()
            assert there.bad == []
            assert f"(cycle, process {os.getpid()}, since" in found["lock main"].text

            clock.pass_time(hours=30)
            found = await there.examine()
            assert there.bad == ["lock main"]


@pytest.mark.slow  # Apprise takes half a second to load
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Apprise's own, when it is loaded
async def test_addresses_that_lead_nowhere_are_a_warning(patient):
    async with patient() as there:
        there.more = '\n[notify]\nurls = ["nonsense://hunter2@example.org", "json://127.0.0.1:9/"]\n'
        found = await there.examine()

    assert there.bad == ["messages"]
    assert found["messages"].text == "notify.urls, entry 1 (nonsense): it is not an address that Apprise knows"


async def test_messages_without_apprise_are_a_warning_with_the_remedy(patient, monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    async with patient() as there:
        there.more = '\n[notify]\nurls = ["json://127.0.0.1:9/"]\n'
        found = await there.examine()

    assert there.bad == ["messages"]
    assert found["messages"].remedy == "Install it: `pip install 'backupd[notify]'`."


async def test_certificates_that_cannot_be_loaded_are_78(patient, monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    async with patient() as there:
        found = await there.examine()

    assert (there.bad, there.status) == (["certificates"], 78)
    assert "cannot be read (No such file or directory)" in found["certificates"].text


async def test_secrets_in_the_environment_are_named_without_their_values(patient, monkeypatch):
    monkeypatch.setenv("BACKUPD_ORGS__MAIN__REFRESH_TOKEN", "1000.hunter2")
    async with patient() as there:
        found = await there.examine()

    assert there.bad == ["secrets"]
    assert "BACKUPD_ORGS__MAIN__REFRESH_TOKEN" in found["secrets"].text
    assert "hunter2" not in json.dumps([str(finding) for finding in there.findings])


# --- the facts ----------------------------------------------------------------------------------------------------


def test_the_file_and_the_places_of_secrets_are_known(tmp_path):
    secrets, config = tmp_path / "secrets", tmp_path / "backupd.toml"
    secrets.mkdir()
    (secrets / "BACKUPD_ORGS__MAIN__CLIENT_SECRET").write_text("x")
    (secrets / "other").write_text("x")
    config.write_text('notify.urls = ["json://x"]\n[orgs.main]\nclient_id = "1"\nheartbeat = "https://a/b"\n')
    environment = {"CREDENTIALS_DIRECTORY": str(secrets), "BACKUPD_WEB__TOKEN": "x", "BACKUPD_POLL__EVERY": "1h"}

    found = provenance(None, environment=environment, run_secrets=tmp_path / "none", usual_file=config)

    assert found.file == config
    assert found.secrets_in_file == ("notify.urls", "orgs.main.heartbeat")
    assert found.secret_files == (secrets / "BACKUPD_ORGS__MAIN__CLIENT_SECRET",)
    assert found.process.secret_variables == ("BACKUPD_WEB__TOKEN",)
    assert (found.process.under_systemd, found.process.has_credentials, found.process.in_container) == (
        True,
        True,
        False,
    )


def test_a_container_and_a_unit_are_known_by_their_marks(tmp_path, monkeypatch):
    monkeypatch.setattr("backupd.settings.provenance._IN_CONTAINERS", (str(tmp_path),))

    found = provenance(None, environment={"INVOCATION_ID": "0"}, run_secrets=tmp_path, usual_file=tmp_path / "none")

    assert (found.file, found.process.under_systemd, found.process.in_container) == (None, True, True)


@pytest.mark.parametrize(
    ("environment", "scheme", "address"),
    [
        ({"HTTPS_PROXY": "http://user:hunter2@proxy.example:3128"}, "http", "proxy.example:3128"),
        ({"https_proxy": "http://one:1", "HTTPS_PROXY": "http://two:2"}, "http", "one:1"),
        ({"HTTPS_PROXY": "proxy.example:3128"}, "proxy.example", ""),
        ({"HTTPS_PROXY": "http://proxy:99999999"}, "", ""),
    ],
)
def test_a_proxy_is_read_without_its_password(environment, scheme, address):
    found = proxies(environment).https

    assert found is not None
    assert (found.scheme, found.address) == (scheme, address)


def test_no_proxy_is_none():
    assert proxies({"HTTPS_PROXY": "", "NO_PROXY": "a,b"}).https is None
    assert proxies({"no_proxy": "a,b"}).exceptions == "a,b"


def test_certificates_are_loaded_to_see_that_they_can_be(tmp_path):
    good, empty, text = tmp_path / "good.pem", tmp_path / "empty", tmp_path / "text.pem"
    trustme.CA().cert_pem.write_to_path(good)
    empty.mkdir()
    text.write_text("nothing\n")

    assert unusable_certificates({"SSL_CERT_FILE": str(good), "SSL_CERT_DIR": str(tmp_path)}) == {}
    assert unusable_certificates({"a": str(text), "b": str(empty)}) == {
        "a": "holds no certificates",
        "b": "is an empty folder",
    }
    assert certificate_places({"SSL_CERT_FILE": str(good), "SSL_CERT_DIR": ""}) == {"SSL_CERT_FILE": str(good)}


class _Here(AbstractResolver):
    """Every name is this machine."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=family or 2, proto=0, flags=0)]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(("trusted", "problem"), [(True, None), (False, "is not trusted")])
async def test_a_host_elsewhere_is_reached_by_verified_tls(trusted, problem):
    ca, served = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("files.example").configure_cert(served)
    ours = ssl.create_default_context()
    if trusted:
        ca.configure_trust(ours)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=401)

    connector = aiohttp.TCPConnector(resolver=_Here(), ssl=ours)
    async with _serving(answer, served) as port, aiohttp.ClientSession(connector=connector) as calls:
        found = await reach(calls, f"files.example:{port}", within=5)

    assert (found.problem is None) == (problem is None)
    assert problem is None or problem in str(found.problem)
    assert (found.date is not None) == trusted


async def test_a_host_that_is_silent_is_given_up():
    async def answer(_: web.Request) -> web.Response:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    async with _serving(answer) as port, aiohttp.ClientSession() as calls:
        found = await reach(calls, f"127.0.0.1:{port}", within=0.05)

    assert found.problem == f"127.0.0.1:{port}: no answer within 0.05 s"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_the_kind_of_file_system_is_that_of_the_deepest_mount(tmp_path, order):
    mounts = tmp_path / "mountinfo"
    lines = (
        "21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n",
        f"22 21 0:40 / {tmp_path} rw,relatime shared:1 - nfs4 server:/a rw\n",
        f"23 22 0:41 / {tmp_path}/a\\040b rw - tmpfs tmpfs rw\n",
    )
    mounts.write_text("".join(lines[at] for at in order))

    assert trial.kind_of_file_system(tmp_path / "x", mounts) == "nfs4"
    assert trial.kind_of_file_system(tmp_path / "a b" / "c", mounts) == "tmpfs"
    assert trial.kind_of_file_system(Path("/usr"), mounts) == "ext4"
    assert trial.kind_of_file_system(Path("/usr"), tmp_path / "none") == ""
    mounts.write_bytes(mounts.read_bytes() + b"24 22 0:42 / /media/\xff rw - vfat /dev/sdb1 rw\n")  # no UTF-8
    assert trial.kind_of_file_system(Path("/usr"), mounts) == "ext4"


def test_a_file_is_moved_through_every_folder_that_is_there_and_nothing_is_left_of_it(tmp_path, monkeypatch):
    for name in (".staging", "main", "other", ".state", "lost+found"):
        (tmp_path / name).mkdir()
    (tmp_path / "a_file").touch()
    (tmp_path / f".check-{os.getpid()}").write_text("left by one that was killed")
    way, real = [], os.rename

    def move(source, target) -> None:
        way.append(Path(target).parent.name)
        if "other" in str(target):
            raise OSError(18, os.strerror(18))
        real(source, target)

    monkeypatch.setattr(os, "rename", move)

    assert trial.try_renames(tmp_path) == ("other (Invalid cross-device link)",)
    assert way == [".staging", "main", "other", ".state"]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a_file"]


def test_folders_of_orgs_and_private_places_are_told_with_owner_and_mode(tmp_path):
    for name, mode in (("main", 0o750), ("lost+found", 0o700), (".state", 0o700)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    (tmp_path / "notes").touch()
    for name in ("main.token", "main.lock"):
        (tmp_path / ".state" / name).touch()
        (tmp_path / ".state" / name).chmod(0o640)
    owner, group = os.getuid(), os.getgid()

    assert trial.org_folders(tmp_path) == (Access(tmp_path / "main", 0o750, owner, group),)
    assert trial.private_places(tmp_path) == (
        Access(tmp_path / ".state", 0o700, owner, group),
        Access(tmp_path / ".state/main.token", 0o640, owner, group),
    )
    assert trial.org_folders(tmp_path / "none") == trial.private_places(tmp_path / "none") == ()


@pytest.mark.parametrize("kind", ["overlay", "ext4", "btrfs"])
def test_an_archive_in_a_containers_own_root_is_on_no_volume(kind, tmp_path):
    """Whatever kind of file system the root is of, and though a volume may be of the same disk."""
    mounts = tmp_path / "mounts"
    volume = f"31 30 8:1 /srv {tmp_path}/volume rw - {kind} /dev/sda1 rw\n"
    mounts.write_text(f"30 1 8:1 / / rw - {kind} /dev/sda1 rw\n{volume}32 30 0:5 / /proc rw - proc proc rw\n")

    assert trial.lies_on_root_mount(tmp_path / "plain", mounts)
    assert not trial.lies_on_root_mount(tmp_path / "volume" / "archive", mounts)
    assert not trial.lies_on_root_mount(tmp_path / "plain", tmp_path / "none")


async def test_an_archive_in_a_container_without_a_volume_is_a_warning(patient, monkeypatch, tmp_path):
    monkeypatch.setattr("backupd.settings.provenance._IN_CONTAINERS", ("/",))
    mounts = tmp_path / "mounts"
    mounts.write_text("30 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
    monkeypatch.setattr("backupd.archive.trial.lies_on_root_mount.__defaults__", (mounts,))
    async with patient() as seen:
        assert "lies in the container itself" in (await seen.examine())["container"].text


@asynccontextmanager
async def _serving(answer, context=None):
    """Serve on a free port of this machine."""
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _of_version(path: Path, version: int) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version={version}")
    connection.close()
