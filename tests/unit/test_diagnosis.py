"""What the doctor says of what was found: every form of every finding, with its remedy."""

from datetime import UTC, datetime, timedelta
from pathlib import PurePath

import pytest

from backupd.core.diagnosis import line, modes, place, process
from backupd.core.diagnosis.finding import Result
from backupd.core.diagnosis.line import Proxies, Proxy
from backupd.core.diagnosis.modes import Access, Holdings, User
from backupd.core.diagnosis.process import Process
from backupd.core.exits import Exit
from backupd.core.scopes import missing_scopes

OK, WARNING, FAILED = Result.OK, Result.WARNING, Result.FAILED
NOW = datetime(2022, 6, 24, 12, 0, tzinfo=UTC)
ROOT = PurePath("/srv/archive")
SERVICE = User(uid=998, gid=998)


def file(mode, *, uid=998, gid=998, path="/etc/backupd/backupd.toml"):
    return Access(PurePath(path), mode, uid, gid)


def holdings(**fields):
    nothing = {"settings_file": None, "secrets_in_it": (), "secret_files": (), "org_folders": (), "private": ()}
    return Holdings(**{**nothing, "root": file(0o750, path="/srv/archive"), **fields})


def told(finding):
    return finding.result, finding.text, finding.remedy


@pytest.mark.parametrize(
    ("found", "text", "remedy"),
    [
        (
            holdings(settings_file=file(0o644), secrets_in_it=["orgs.main.client_secret"]),
            "/etc/backupd/backupd.toml holds orgs.main.client_secret and can be read by every user",
            "Run `chmod 600 /etc/backupd/backupd.toml`.",
        ),
        (
            holdings(settings_file=file(0o640), secrets_in_it=["web.token"]),
            "/etc/backupd/backupd.toml holds web.token and can be read by its group",
            "Run `chmod 600 /etc/backupd/backupd.toml`.",
        ),
        (
            holdings(settings_file=file(0o644, uid=0), secrets_in_it=["web.token"]),
            "/etc/backupd/backupd.toml holds web.token and can be read by every user",
            "Run `chmod 640 /etc/backupd/backupd.toml`.",
        ),
        (
            holdings(settings_file=file(0o666)),
            "/etc/backupd/backupd.toml can be changed by every user",
            "Run `chmod 644 /etc/backupd/backupd.toml`.",
        ),
        (
            holdings(settings_file=file(0o664)),
            "/etc/backupd/backupd.toml can be changed by its group",
            "Run `chmod 644 /etc/backupd/backupd.toml`.",
        ),
        (
            holdings(secret_files=[file(0o444, uid=0, gid=0, path="/run/secrets/A")]),
            "/run/secrets/A holds a secret and can be read by every user",
            "Run `chmod 400 /run/secrets/A`.",
        ),
        (
            holdings(root=file(0o777, path="/srv/archive")),
            "/srv/archive can be changed by every user",
            "Run `chmod 755 /srv/archive`.",
        ),
        (
            holdings(root=file(0o755, path="/srv/archive"), org_folders=[file(0o755, path="/srv/archive/main")]),
            "/srv/archive/main holds personal data and can be looked into by every user",
            "Run `chmod 750 /srv/archive/main`.",
        ),
        (
            holdings(private=[file(0o700, path="/a/.state"), file(0o640, path="/a/.state/main.token")]),
            "/a/.state/main.token holds access tokens and is open to other users",
            "Run `chmod 600 /a/.state/main.token`.",
        ),
    ],
)
def test_what_is_too_open_is_a_warning_with_the_chmod_to_run(found, text, remedy):
    (finding,) = modes.examine(found, SERVICE)

    assert told(finding) == (WARNING, text, remedy)


@pytest.mark.parametrize(
    "found",
    [
        holdings(settings_file=file(0o644), root=file(0o755)),  # there is no secret in it
        holdings(settings_file=file(0o640, uid=0), secrets_in_it=["web.token"]),  # as the service's group reads it
        holdings(secret_files=[file(0o600)], private=[file(0o700)]),
        holdings(org_folders=[file(0o755)]),  # nobody gets there: the root is closed
    ],
)
def test_what_is_closed_is_well(found):
    assert [finding.result for finding in modes.examine(found, SERVICE)] == [OK]


@pytest.mark.parametrize(
    ("finding", "result", "text", "remedy"),
    [
        (line.proxy(Proxies()), OK, "none: the vendor is asked directly", ""),
        (
            line.proxy(Proxies(Proxy("https_proxy", "http", "proxy.example:3128"), exceptions="10.0.0.1")),
            OK,
            "https_proxy: the vendor is asked over proxy.example:3128, but not to 10.0.0.1",
            "",
        ),
        (
            line.proxy(Proxies(http=Proxy("HTTP_PROXY", "http", "proxy.example:3128"))),
            WARNING,
            "HTTP_PROXY is set and HTTPS_PROXY is not: the vendor is asked over https, so directly",
            "Set HTTPS_PROXY as well, or remove HTTP_PROXY.",
        ),
        (
            line.proxy(Proxies(Proxy("HTTPS_PROXY", "https", "proxy.example:3128"))),
            FAILED,
            "HTTPS_PROXY is not of the form http://HOST:PORT, and nothing else is understood",
            "Write http:// there: what goes to the vendor is encrypted all the same.",
        ),
        (line.certificates({}, {}), OK, "the system's own are trusted", ""),
        (line.certificates({"SSL_CERT_FILE": "/ca.pem"}, {}), OK, "SSL_CERT_FILE: /ca.pem can be used", ""),
        (
            line.certificates({"SSL_CERT_FILE": "/ca.pem"}, {"SSL_CERT_FILE": "holds no certificates"}),
            FAILED,
            "SSL_CERT_FILE: /ca.pem holds no certificates",
            "Name a readable PEM file (or a folder of them), or remove the variable to trust the system's own.",
        ),
        (line.link_hosts("main", {"a": None, "b": None}), OK, "reachable: a, b", ""),
        (
            line.link_hosts("main", {"a": None}, untried=["localhost"]),
            OK,
            "reachable: a; not tried: localhost, as links may lead to any port of this machine",
            "",
        ),
        (
            line.link_hosts("main", {"a": "a: no connection"}, untried=["localhost"]),
            WARNING,
            "a: no connection; not tried: localhost, as links may lead to any port of this machine",
            "Let the firewall or proxy pass connections to port 443 of them.",
        ),
        (
            line.link_hosts("main", {"a": None, "b": "b: no connection"}),
            WARNING,
            "b: no connection",
            "Let the firewall or proxy pass connections to port 443 of them.",
        ),
        (
            line.link_hosts("main", {"a": "a: no connection", "b": "b: no connection"}),
            FAILED,
            "a: no connection; b: no connection",
            "Let the firewall or proxy pass connections to port 443 of them.",
        ),
        (
            line.clock("main", -timedelta(seconds=299)),
            OK,
            "the vendor's clock differs from ours by 4 minutes",
            "",
        ),
        (
            line.clock("main", timedelta(minutes=-6)),
            WARNING,
            "the vendor's clock differs from ours by 6 minutes",
            "Let this machine keep its time by NTP.",
        ),
        (
            line.clock("main", timedelta(days=3)),
            FAILED,
            "the vendor's clock differs from ours by 3 days",
            "Let this machine keep its time by NTP.",
        ),
        (
            line.clock("main", None),
            WARNING,
            "the vendor's time is not known: nothing of it answered",
            "Look again when it can be reached.",
        ),
        (line.scopes("main", "a", []), OK, "the token may read backups and download files", ""),
        (
            line.scopes("main", None, ["A"]),
            WARNING,
            "what the token allows was not told; downloads need ZohoFiles.files.ALL",
            "Look at a first download: `backupd --run-once`.",
        ),
        (
            line.scopes("main", "a", ["ZohoCRM.bulk.backup.READ", "ZohoFiles.files.ALL"]),
            FAILED,
            "the refresh token lacks 2 scopes: ZohoCRM.bulk.backup.READ, ZohoFiles.files.ALL",
            "Make a new one with `backupd authorize`, with all of: ZohoCRM.bulk.backup.READ,ZohoFiles.files.ALL.",
        ),
        (line.data_center("main", "eu", "www.zohoapis.eu", None, None), OK, "eu: www.zohoapis.eu", ""),
        (
            line.data_center("main", "us", "www.zohoapis.com", "www.zohoapis.eu", "eu"),
            WARNING,
            "the vendor's token is for www.zohoapis.eu, and www.zohoapis.com is asked",
            "Set `data_center` to 'eu'.",
        ),
        (
            line.data_center("main", None, "127.0.0.1", "elsewhere.example", None),
            WARNING,
            "the vendor's token is for elsewhere.example, and 127.0.0.1 is asked",
            "Correct `data_center` or `api_domain` of the org.",
        ),
    ],
)
def test_the_way_to_the_vendor(finding, result, text, remedy):
    assert told(finding) == (result, text, remedy)


@pytest.mark.parametrize(
    ("finding", "result", "text", "remedy"),
    [
        (place.user(ROOT, "backupd", us=1, owners=1), OK, "/srv/archive belongs to backupd, who is asking", ""),
        (
            place.user(ROOT, "backupd", us=0, owners=1),
            WARNING,
            "/srv/archive belongs to backupd, and somebody else is asking: what backupd itself may do was not seen",
            "Ask as that user: `sudo -u backupd backupd check`.",
        ),
        (
            place.mount(ROOT, is_mount=False, required=False),
            OK,
            "/srv/archive is no mount point, and need not be",
            "",
        ),
        (
            place.mount(ROOT, is_mount=True, required=False),
            OK,
            "/srv/archive is a mount point",
            "With `require_mount = true` under [archive], a disk that is not mounted would be noticed.",
        ),
        (
            place.mount(ROOT, is_mount=True, required=True),
            OK,
            "/srv/archive is a mount point, as archive.require_mount wants",
            "",
        ),
        (
            place.file_system(ROOT, (), "ext4", catalog_apart=False),
            OK,
            "one for all of the archive (ext4); a rename works",
            "",
        ),
        (place.file_system(ROOT, (), "", catalog_apart=True), OK, "one for all of the archive; a rename works", ""),
        (
            place.file_system(ROOT, (), "nfs4", catalog_apart=False),
            WARNING,
            "/srv/archive lies on nfs4, where the catalog cannot be shared safely",
            "Set `path` under [catalog] to a place on a local disk.",
        ),
        (
            place.file_system(ROOT, (), "nfs4", catalog_apart=True),
            OK,
            "one for all of the archive (nfs4); a rename works",
            "",
        ),
        (
            place.file_system(ROOT, [".trash"], "ext4", catalog_apart=False),
            FAILED,
            ".trash: cannot be reached from /srv/archive by one rename",
            "Keep the whole archive on one file system.",
        ),
        (place.space(2 * 10**9, 10**9), OK, "2.0 GB free, of which 1.0 GB stay free", ""),
        (
            place.space(11 * 10**8, 10**9),
            WARNING,
            "1.1 GB free, hardly more than the 1.0 GB that stay free",
            "Free some space before the next backup comes.",
        ),
        (
            place.space(10**8, 10**9),
            FAILED,
            "100.0 MB free, less than the 1.0 GB that archive.min_free wants",
            "Free some space, or lower archive.min_free.",
        ),
        (place.catalog(ROOT, None, 4, is_new=False), OK, "opens, and holds 4 snapshots", ""),
        (
            place.catalog(ROOT, "it is missing", 0, is_new=True),
            OK,
            "there is none yet; the first cycle makes it",
            "",
        ),
        (
            place.catalog(ROOT, "it is damaged", 0, is_new=False),
            WARNING,
            "/srv/archive: it is damaged",
            "Nothing to do: the next cycle rebuilds it. At once: `backupd rebuild-catalog`.",
        ),
        (place.journal("main", 0, ""), OK, "there is none yet; the first cycle begins it", ""),
        (
            place.journal("main", 3, "0123456789abcdef" * 4),
            OK,
            "3 lines, each follows the one before it; head 0123456789abcdef",
            "",
        ),
        (place.lock("main", None, None, NOW), OK, "nobody holds it", ""),
        (
            place.lock("main", "another backupd", NOW - timedelta(hours=1), NOW),
            OK,
            "another backupd holds it",
            "",
        ),
        (
            place.lock("main", "another backupd (cycle, process 7)", NOW - timedelta(hours=30), NOW),
            WARNING,
            "another backupd (cycle, process 7) has held it for 30 hours",
            "See by `backupd status` whether it gets on; end that process if not.",
        ),
    ],
)
def test_where_the_archive_lies(finding, result, text, remedy):
    assert told(finding) == (result, text, remedy)


@pytest.mark.parametrize(
    ("found", "result", "words"),
    [
        (Process(under_systemd=False, has_credentials=False, in_container=False), OK, "a process of its own"),
        (Process(under_systemd=True, has_credentials=True, in_container=False), OK, "systemd, with its credentials"),
        (Process(under_systemd=False, has_credentials=False, in_container=True), OK, "a container, with the archive"),
    ],
)
def test_surroundings_that_are_well(found, result, words):
    (finding,) = process.surroundings(found, secrets_in_file=False, in_its_own_layer=False)

    assert finding.result is result
    assert finding.text.startswith(words)


@pytest.mark.parametrize(
    ("found", "remedy"),
    [
        (Process(under_systemd=False, has_credentials=False, in_container=False), "name their folder in CREDENTIALS_"),
        (Process(under_systemd=True, has_credentials=True, in_container=False), "by LoadCredential="),
        (Process(under_systemd=False, has_credentials=False, in_container=True), "as files in /run/secrets"),
    ],
)
def test_secrets_in_the_environment_are_a_warning_with_the_better_place(found, remedy):
    seen = Process(found.under_systemd, found.has_credentials, found.in_container, ["BACKUPD_WEB__TOKEN"])
    (finding,) = process.surroundings(seen, secrets_in_file=False, in_its_own_layer=False)

    assert finding.result is WARNING
    assert finding.text.endswith("where others may see them: BACKUPD_WEB__TOKEN")
    assert remedy in finding.remedy


def test_a_unit_without_credentials_is_a_warning_if_the_secrets_are_in_the_file():
    unit = Process(under_systemd=True, has_credentials=False, in_container=False)
    (finding,) = process.surroundings(unit, secrets_in_file=True, in_its_own_layer=False)

    assert (finding.result, "LoadCredential=" in finding.remedy) == (WARNING, True)
    assert [one.result for one in process.surroundings(unit, secrets_in_file=False, in_its_own_layer=False)] == [OK]


def test_an_archive_in_the_container_itself_is_a_warning():
    inside = Process(under_systemd=False, has_credentials=False, in_container=True)
    (finding,) = process.surroundings(inside, secrets_in_file=True, in_its_own_layer=True)

    assert told(finding) == (
        WARNING,
        "the archive lies in the container itself, and goes when that goes",
        "Mount a volume at archive.root.",
    )


@pytest.mark.parametrize(
    ("problems", "urls", "heartbeats", "result", "text"),
    [
        ({}, 0, 0, OK, "nobody is told"),
        ({}, 2, 1, OK, "go to 2 addresses and 1 heartbeat"),
        ({}, 1, 0, OK, "go to 1 address"),
        ({0: "entry 1: no"}, 1, 0, WARNING, "entry 1: no"),
    ],
)
def test_whether_anybody_is_told(problems, urls, heartbeats, result, text):
    finding = process.messages(problems, urls=urls, heartbeats=heartbeats)

    assert (finding.result, finding.text) == (result, text)


def test_a_missing_apprise_comes_with_the_command_that_installs_it():
    finding = process.messages({0: "Apprise is not installed; …"}, urls=1, heartbeats=0)

    assert finding.remedy == "Install it: `pip install 'backupd[notify]'`."


@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        ("ZohoCRM.bulk.backup.READ ZohoFiles.files.ALL", []),
        ("ZohoFiles.files.ALL,ZohoCRM.bulk.backup.ALL", []),
        ("zohofiles.files.all, ZohoCRM.bulk.ALL", []),
        ("ZohoCRM.bulk.backup.READ", ["ZohoFiles.files.ALL"]),
        ("ZohoFiles.files.READ ZohoCRM.bulk.backup.CREATE", ["ZohoCRM.bulk.backup.READ", "ZohoFiles.files.ALL"]),
        ("", ["ZohoCRM.bulk.backup.READ", "ZohoFiles.files.ALL"]),
    ],
)
def test_the_scopes_that_a_token_lacks_are_named(granted, missing):
    assert missing_scopes(granted) == missing


def test_only_what_fails_has_an_exit_status():
    assert line.clock("main", timedelta(days=3)).exit_status is Exit.CONFIG
    assert line.scopes("main", "a", ["A"]).exit_status is Exit.REFUSED
    assert line.link_hosts("main", {"a": "no"}).exit_status is Exit.UNAVAILABLE
    assert place.space(0, 1).exit_status is Exit.ARCHIVE
    assert place.file_system(ROOT, ["a"], "", catalog_apart=False).exit_status is Exit.CONFIG
    assert line.clock("main", timedelta(hours=3)).exit_status is Exit.OK
