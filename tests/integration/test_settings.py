import os
import traceback
from datetime import timedelta
from pathlib import Path

import pytest

from backupd.archive import require_root
from backupd.core.errors import ArchiveUnusable, ConfigurationError
from backupd.settings import Settings, load
from backupd.settings.forms import Listen
from backupd.settings.model import SECRET_KEYS
from backupd.settings.problems import known_keys

SECRET = "hunter2-hunter2"
MINIMAL = """
[orgs.main]
client_id = "1000.CLIENT"
"""


@pytest.fixture
def place(tmp_path):
    """The places that settings come from, all in a folder of the test."""
    return Places(tmp_path)


class Places:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "backupd.toml"
        self.run_secrets = folder / "run-secrets"
        self.credentials = folder / "credentials"
        self.environment: dict[str, str] = {}

    def toml(self, text: str) -> "Places":
        self.file.write_text(text)
        return self

    def variables(self, **variables: str) -> "Places":
        self.environment |= variables
        return self

    def secret_file(self, name: str, value: str, *, credential: bool = False) -> "Places":
        folder = self.credentials if credential else self.run_secrets
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(value)
        if credential:
            self.environment["CREDENTIALS_DIRECTORY"] = str(folder)
        return self

    def load(self, config: Path | None = None) -> Settings:
        return load(config, environment=self.environment, run_secrets=self.run_secrets, usual_file=self.file)

    def problems(self, config: Path | None = None) -> tuple[str, ...]:
        with pytest.raises(ConfigurationError) as raised:
            self.load(config)
        assert raised.value.exit_status == 78
        assert str(raised.value) == "\n".join(raised.value.problems)
        assert all("\n" not in problem for problem in raised.value.problems)
        assert SECRET not in "".join(traceback.format_exception(raised.value))
        return raised.value.problems

    def problem(self) -> str:
        (only,) = self.problems()
        return only


# --- where settings come from -------------------------------------------------------------------------------------


def test_one_org_is_all_it_takes(place):
    settings = place.toml(MINIMAL).load()

    assert settings.archive.root == Path("/var/lib/backupd")
    assert settings.poll.every == timedelta(minutes=30)
    assert settings.poll.jitter == timedelta(minutes=1)
    assert settings.web.listen == Listen("127.0.0.1", 8321)
    assert settings.orgs["main"].data_center == "us"


def test_nothing_but_the_environment_is_needed(place):
    settings = place.variables(
        BACKUPD_ARCHIVE__ROOT="/srv/backups",
        BACKUPD_ORGS__MAIN__CLIENT_ID="1000.CLIENT",
        BACKUPD_ORGS__MAIN__CLIENT_SECRET=SECRET,
        BACKUPD_ORGS__MAIN__REFRESH_TOKEN="1000.refresh",
        BACKUPD_ORGS__MAIN__DOWNLOAD_HOSTS='["files.example", "127.0.0.1:8320"]',
        BACKUPD_ORGS__MAIN__RETENTION__KEEP_LAST="3",
        BACKUPD_DOWNLOAD__FILES_AT_ONCE="2",
        BACKUPD_DOWNLOAD__BANDWIDTH="10MB",
        BACKUPD_ARCHIVE__REQUIRE_MOUNT="true",
    ).load()

    assert settings.archive.root == Path("/srv/backups")
    assert settings.archive.require_mount is True
    assert settings.download.files_at_once == 2
    assert settings.download.bandwidth == 10_000_000
    assert settings.orgs["main"].download_hosts == ("files.example", "127.0.0.1:8320")
    assert settings.retention_of("main").keep_last == 3
    credentials = settings.require_credentials("main")
    assert credentials.client_secret == SECRET
    assert SECRET not in repr(credentials)


def test_a_file_is_outdone_by_a_secret_file_and_that_by_the_environment(place):
    place.toml('[orgs.main]\nclient_id = "file"\nclient_secret = "file"\nrefresh_token = "file"\ndata_center = "eu"')
    place.secret_file("BACKUPD_ORGS__MAIN__CLIENT_SECRET", "run")
    place.secret_file("BACKUPD_ORGS__MAIN__REFRESH_TOKEN", "run")
    place.secret_file("BACKUPD_ORGS__MAIN__REFRESH_TOKEN", "credential", credential=True)
    place.secret_file("BACKUPD_ORGS__MAIN__CLIENT_ID", "credential", credential=True)
    place.variables(BACKUPD_ORGS__MAIN__CLIENT_ID="environment")

    settings = place.load()

    credentials = settings.require_credentials("main")
    assert credentials.client_id == "environment"
    assert credentials.client_secret == "run"
    assert credentials.refresh_token == "credential"
    assert settings.orgs["main"].data_center == "eu"


def test_several_orgs_and_their_own_retention(place):
    settings = place.toml('retention.keep_last = 5\n[orgs.one]\n[orgs.two.retention]\nkeep_within = "90d"').load()

    assert list(settings.orgs) == ["one", "two"]
    assert settings.retention_of("one").keep_last == 5
    assert settings.retention_of("two").keep_last is None
    assert settings.retention_of("two").keep_within == timedelta(days=90)


def test_a_secret_file_holds_one_value_and_its_end_of_line_does_not_count(place):
    place.toml(MINIMAL).secret_file("BACKUPD_ORGS__MAIN__REFRESH_TOKEN", "1000.refresh\n")

    assert place.load().orgs["main"].refresh_token.get_secret_value() == "1000.refresh"


def test_only_our_files_are_read_among_the_secrets_of_a_container(place):
    place.toml(MINIMAL).secret_file("database_password", "x")
    (place.run_secrets / "BACKUPD_FOLDER").mkdir()

    assert place.load().orgs


def test_secret_files_may_bear_their_names_in_small_letters(place):
    place.toml(MINIMAL).secret_file("backupd_orgs__main__refresh_token", "1000.refresh")

    assert place.load().orgs["main"].refresh_token is not None


def test_a_folder_of_credentials_may_bear_the_id_that_systemd_puts_before_each_name(place):
    place.toml(MINIMAL).secret_file("backupd_BACKUPD_ORGS__MAIN__REFRESH_TOKEN", "1000.refresh", credential=True)

    assert place.load().orgs["main"].refresh_token.get_secret_value() == "1000.refresh"


def test_the_file_is_the_one_named_on_the_command_line_then_by_a_variable_then_the_usual_one(place, tmp_path):
    place.toml("[orgs.usual]")
    (tmp_path / "by-variable.toml").write_text("[orgs.by_variable]")
    (tmp_path / "by-option.toml").write_text("[orgs.by_option]")

    assert list(place.load().orgs) == ["usual"]
    place.variables(BACKUPD_CONFIG=str(tmp_path / "by-variable.toml"))
    assert list(place.load().orgs) == ["by_variable"]
    assert list(place.load(tmp_path / "by-option.toml").orgs) == ["by_option"]


def test_variables_that_kubernetes_makes_of_a_service_called_backupd_are_no_settings(place):
    place.toml(MINIMAL).variables(
        BACKUPD_SERVICE_HOST="10.0.0.1",
        BACKUPD_SERVICE_PORT="8321",
        BACKUPD_SERVICE_PORT_HTTP="8321",
        BACKUPD_PORT="tcp://10.0.0.1:8321",
        BACKUPD_PORT_8321_TCP_ADDR="10.0.0.1",
    )

    assert place.load().orgs


def test_a_page_is_switched_off_by_an_empty_value(place):
    assert place.toml(MINIMAL + '[web]\nlisten = ""').load().web.listen is None
    assert place.variables(BACKUPD_WEB__LISTEN="[::1]:80").load().web.listen == Listen("::1", 80)


def test_the_usual_jitter_stays_small_beside_the_interval(place):
    assert place.toml(MINIMAL + '[poll]\nevery = "10s"').load().poll.jitter == timedelta(seconds=1)
    assert place.toml(MINIMAL + '[poll]\nevery = "10s"\njitter = "0s"').load().poll.jitter == timedelta()


# --- what can be wrong --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "table", "right"),
    [
        ('archive.rot = "/x"', "table [archive]", "archive.root"),
        ('root = "/x"', "before the first table", "archive.root"),
        ('archve.root = "/x"', "table [archve]", "archive.root"),
        ('orgs.main.refresh_tokn = "x"', "table [orgs.main]", "orgs.main.refresh_token"),
        ("orgs.main.retention.keep_days = 1", "table [orgs.main.retention]", "orgs.main.retention.keep_daily"),
    ],
)
def test_a_key_that_is_none_is_told_with_its_table_and_the_nearest_right_one(place, line, table, right):
    place.toml(line)

    key = line.partition(" ")[0]
    assert place.problem() == f"{key}: is not a setting ({place.file}, {table}); did you mean {right}?"


def test_a_key_that_resembles_none_is_to_be_removed(place):
    assert place.toml("xyzzy = 1").problem().endswith("; remove it")


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("poll.every", '"often"', "is not a duration; write a number and a unit, such as 10s, 15m, 36h or 7d"),
        ("poll.every", "900", "has no unit; write it in quotes with one, such as '10s', '15m', '36h' or '7d'"),
        ("poll.every", '"0s"', "is no time at all; write a duration such as 10s or 15m"),
        ("download.bandwidth", '"fast"', "is not a size; write a number and a unit, such as 512KiB, 50MB or 2GB"),
        ("download.bandwidth", "0", "is nothing at all; write a size such as 50MB"),
        ("archive.min_free", "true", "is not text; put it in quotes"),
        ("download.files_at_once", "0", "is too small; write at least 1"),
        ("download.files_at_once", "99", "is too large; write at most 32"),
        ("download.files_at_once", '"many"', "is not a whole number; write such as 4"),
        ("archive.require_mount", '"perhaps"', "is neither true nor false; write one of them"),
        ("archive.root", '"backups"', "is not an absolute path; begin it with /"),
        ("archive.root", "5", "is not text; put it in quotes"),
        ("notify.urls", "5", "is not a list; write such as ['one', 'two']"),
        ("log.level", '"loud"', "is none of its values; write one of 'debug', 'info', 'warning' or 'error'"),
        ("web.listen", '"8321"', "is not HOST:PORT; write such as '127.0.0.1:8321', or '' for no page"),
        ("web.listen", '"localhost:65536"', "is not HOST:PORT; write such as '127.0.0.1:8321', or '' for no page"),
        ("orgs.main.api_version", '"latest"', "is not a version of the vendor's API; write such as 'v8'"),
        (
            "orgs.main.data_center",
            '"mars"',
            "is none of its values; write one of 'us', 'eu', 'in', 'au', 'jp', 'ca', 'sa', 'cn' or 'uk'",
        ),
    ],
)
def test_a_wrong_value_is_told_with_its_key_place_and_remedy(place, key, value, told):
    place.toml(f"{key} = {value}")

    assert place.problem() == f"{key}: {told} ({place.file}, table [{key.rpartition('.')[0]}])"


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        (
            "orgs.main.download_hosts",
            '["files.example", "https://files.example"]',
            "is not a host; write only HOST or HOST:PORT, without https:// and path",
        ),
        ("notify.urls", f'["json://h", "{SECRET}"]', "does not begin as a URL does; write such as mailtos://…"),
        ("notify.urls", f'["json://h", "://{SECRET}"]', "does not begin as a URL does; write such as mailtos://…"),
    ],
)
def test_a_wrong_entry_of_a_list_is_told_by_its_number(place, key, value, told):
    place.toml(f"{key} = {value}")

    assert place.problem() == f"{key}, entry 2: {told} ({place.file}, table [{key.rpartition('.')[0]}])"


@pytest.mark.parametrize(
    "url", ["json://host/path", "46elks://user:pass@host/1,2", "dbus://", "https://hooks.example/x"]
)
def test_addresses_of_messages_begin_with_any_scheme(place, url):
    place.toml(f'{MINIMAL}\n[notify]\nurls = ["{url}"]')

    assert place.load().message_urls() == (url,)


def test_a_table_that_is_given_as_a_value_is_told(place):
    told = "archive: is a table; set the keys in it, one by one"

    assert place.toml("archive = 5").problem() == f"{told} ({place.file}, before the first table)"
    place.variables(BACKUPD_ARCHIVE=SECRET)
    assert place.problem() == f"{told} (environment variable BACKUPD_ARCHIVE)"


def test_the_name_of_an_org_is_told_its_form(place):
    assert place.toml('[orgs."Main Org"]\ndata_center = "eu"').problem() == (
        "orgs.Main Org: is not the name of an org; write small letters, digits and _ only, such as [orgs.main] "
        f"({place.file}, table [orgs.Main Org])"
    )


@pytest.mark.parametrize(
    ("name", "key", "right"),
    [
        ("BACKUPD_ARCHIVE__ROT", "archive.rot", "BACKUPD_ARCHIVE__ROOT"),
        ("BACKUPD_ARCHIVE_ROOT", "archive_root", "BACKUPD_ARCHIVE__ROOT"),
        ("BACKUPD_ORG__MAIN__REFRESH_TOKEN", "org.main.refresh_token", "BACKUPD_ORGS__MAIN__REFRESH_TOKEN"),
        ("BACKUPD_ORGS__MAIN__SECRET", "orgs.main.secret", "BACKUPD_ORGS__MAIN__CLIENT_SECRET"),
    ],
)
def test_a_variable_that_is_no_setting_is_told_with_the_nearest_right_one(place, name, key, right):
    place.toml(MINIMAL).variables(**{name: SECRET})

    assert place.problem() == f"{key}: is not a setting (environment variable {name}); did you mean {right}?"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("BACKUPD_POLL__EVERY", SECRET, "poll.every: is not a duration; "),
        ("BACKUPD_DOWNLOAD__BANDWIDTH", SECRET, "download.bandwidth: is not a size; "),
        ("BACKUPD_DOWNLOAD__CONNECTIONS", SECRET, "download.connections: is not a whole number; "),
        ("BACKUPD_NOTIFY__URLS", f"json://user:{SECRET}@host", "notify.urls: is not a list; write it as JSON"),
        ("BACKUPD_NOTIFY__URLS", f'["json://user:{SECRET}@host x"]', "notify.urls, entry 1: is empty or holds"),
        ("BACKUPD_ORGS__MAIN__REFRESH_TOKEN", f"{SECRET} x", "orgs.main.refresh_token: is empty or holds a blank"),
        ("BACKUPD_ORGS__MAIN__DATA_CENTER", SECRET, "orgs.main.data_center: is none of its values; "),
    ],
)
def test_a_wrong_value_in_a_variable_is_told_by_its_name_and_never_shown(place, name, value, told):
    place.toml(MINIMAL).variables(**{name: value})

    assert place.problem().startswith(told)
    assert place.problem().endswith(f" (environment variable {name})")


def test_a_misspelt_secret_file_names_the_right_one(place):
    place.toml(MINIMAL).secret_file("BACKUPD_ORGS__MAIN__REFRESHTOKEN", SECRET, credential=True)

    assert place.problem() == (
        f"orgs.main.refreshtoken: is not a setting (secret file {place.credentials}/BACKUPD_ORGS__MAIN__REFRESHTOKEN); "
        "did you mean BACKUPD_ORGS__MAIN__REFRESH_TOKEN?"
    )


def test_a_table_and_keys_in_it_at_once_are_one_problem(place):
    place.toml(MINIMAL).variables(BACKUPD_ARCHIVE="x", BACKUPD_ARCHIVE__ROOT="/x")

    assert place.problem().startswith("archive: is a table; set the keys in it")


@pytest.mark.parametrize("key", ["accounts_url", "api_domain"])
@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://accounts.zoho.eu", "plain http to another machine"),
        ("http://127.0.0.1.example.com", "plain http to another machine"),
        ("http://localhost.example.com", "plain http to another machine"),
        (f"https://user:{SECRET}@accounts.zoho.eu", "holds a user name or password"),
        ("https://accounts.zoho.eu/oauth", "not an address of the form https://HOST"),
        (f"https://accounts.zoho.eu?token={SECRET}", "not an address of the form https://HOST"),
        ("https://accounts.zoho.eu#x", "not an address of the form https://HOST"),
        ("accounts.zoho.eu", "not an address of the form https://HOST"),
        ("ftp://accounts.zoho.eu", "not an address of the form https://HOST"),
        ("https://accounts.zoho.eu\\.example.com", "not an address of the form https://HOST"),
        ("https://accounts.zohо.eu", "not an address of the form https://HOST"),  # noqa: RUF001  # a Cyrillic letter
        ("https://accounts zoho.eu", "not an address of the form https://HOST"),
        ("https://accounts.zoho.eu:99999", "not an address of the form https://HOST"),
        ("https://", "not an address of the form https://HOST"),
    ],
)
def test_an_address_that_could_leak_secrets_is_refused(place, key, url, told):
    place.variables(**{f"BACKUPD_ORGS__MAIN__{key.upper()}": url})

    assert told in place.problem()
    assert f"BACKUPD_ORGS__MAIN__{key.upper()}" in place.problem()


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://accounts.zoho.eu", "https://accounts.zoho.eu"),
        ("https://Accounts.Zoho.EU/", "https://accounts.zoho.eu"),
        ("https://proxy.example:8443", "https://proxy.example:8443"),
        ("http://127.0.0.1:8320", "http://127.0.0.1:8320"),
        ("http://127.1.2.3:1", "http://127.1.2.3:1"),
        ("http://[::1]:8320", "http://[::1]:8320"),
        ("http://localhost:8320/", "http://localhost:8320"),
    ],
)
def test_https_anywhere_and_http_on_this_machine_are_good_addresses(place, url, origin):
    assert place.variables(BACKUPD_ORGS__MAIN__API_DOMAIN=url).load().orgs["main"].api_domain == origin


def test_all_problems_are_told_at_once(place):
    place.toml('[archive]\nroot = "x"\nrot = 1\n[poll]\nevery = "x"\n[orgs.main]\ndata_center = "x"')
    place.variables(BACKUPD_LOG__LEVEL="x", BACKUPD_NONSENSE="x")

    keys = {problem.partition(":")[0] for problem in place.problems()}

    assert keys == {"archive.root", "archive.rot", "poll.every", "orgs.main.data_center", "log.level", "nonsense"}


def test_toml_that_is_none_is_told_with_its_line(place):
    place.toml(f'[orgs.main]\nclient_id = "x"\nclient_secret = {SECRET}\n')

    assert place.problem().startswith(f"{place.file}: is not TOML: ")
    assert "line 3" in place.problem()


def test_a_file_that_is_not_text_is_told(place):
    place.file.write_bytes(b"[orgs.main]\nclient_id = '\xff'")

    assert place.problem() == f"{place.file}: is not UTF-8 text; save it as such"


def test_a_named_file_must_be_there(place, tmp_path):
    place.variables(BACKUPD_ORGS__MAIN__CLIENT_ID="x")
    missing = tmp_path / "missing.toml"
    told = f"{missing}: cannot be read (No such file or directory); name a file that is there and readable"

    assert place.load().orgs
    assert place.problems(missing) == (told,)
    assert place.variables(BACKUPD_CONFIG=str(missing)).problem() == told


def test_no_org_at_all_is_told_with_what_to_do(place):
    assert place.problem() == (
        f"orgs: no organisation is set up; add a table [orgs.main] to {place.file}, "
        "or set BACKUPD_ORGS__MAIN__CLIENT_ID and its like"
    )


def test_a_credentials_folder_that_is_not_there_is_told(place):
    place.toml(MINIMAL).variables(CREDENTIALS_DIRECTORY="/nonexistent/credentials")

    assert place.problem().startswith("/nonexistent/credentials: the folder of secret files does not exist")


# --- secrets ------------------------------------------------------------------------------------------------------


def test_missing_secrets_matter_only_to_who_needs_them(place):
    settings = place.toml(MINIMAL).load()

    with pytest.raises(ConfigurationError) as raised:
        settings.require_credentials("main")

    assert raised.value.exit_status == 78
    assert [problem.partition(":")[0] for problem in raised.value.problems] == [
        "orgs.main.client_secret",
        "orgs.main.refresh_token",
    ]
    assert all("secret file named BACKUPD_ORGS__MAIN__" in problem for problem in raised.value.problems)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty or not text; put one value into it and nothing else"),
        (b" \n", "is empty or not text; put one value into it and nothing else"),
        (b"\xff\xfe", "is empty or not text; put one value into it and nothing else"),
        (b"x" * 70_000, "is too large; put one value into it and nothing else"),
    ],
)
def test_a_secret_file_without_a_value_is_told_to_who_needs_it(place, content, told):
    place.toml(MINIMAL).secret_file("BACKUPD_ORGS__MAIN__CLIENT_SECRET", SECRET)
    path = place.run_secrets / "BACKUPD_ORGS__MAIN__REFRESH_TOKEN"
    path.write_bytes(content)

    with pytest.raises(ConfigurationError) as raised:
        place.load().require_credentials("main")

    assert raised.value.problems == (f"orgs.main.refresh_token: secret file {path} {told}",)


def test_a_secret_file_that_cannot_be_read_is_told_to_who_needs_it(place):
    place.toml(MINIMAL).secret_file("BACKUPD_ORGS__MAIN__CLIENT_SECRET", SECRET)
    path = place.run_secrets / "BACKUPD_ORGS__MAIN__REFRESH_TOKEN"
    path.symlink_to(path)  # unreadable to root, too

    with pytest.raises(ConfigurationError) as raised:
        place.load().require_credentials("main")

    (problem,) = raised.value.problems
    assert problem.startswith(f"orgs.main.refresh_token: secret file {path} cannot be read (")


def test_a_setting_in_a_file_that_cannot_be_read_matters_to_all(place):
    place.toml(MINIMAL).secret_file("BACKUPD_ARCHIVE__MIN_FREE", "1GB")
    path = place.run_secrets / "BACKUPD_ARCHIVE__ROOT"
    path.symlink_to(path)

    assert place.problem().startswith(f"archive.root: secret file {path} cannot be read (")


def test_no_text_of_the_settings_shows_a_secret(place):
    place.variables(
        BACKUPD_ORGS__MAIN__CLIENT_SECRET=SECRET,
        BACKUPD_ORGS__MAIN__REFRESH_TOKEN=SECRET,
        BACKUPD_WEB__TOKEN=SECRET,
        BACKUPD_NOTIFY__URLS=f'["json://user:{SECRET}@host/"]',
    )

    settings = place.load()

    shown = [
        repr(settings),
        str(settings),
        f"{settings.orgs!r}",
        str(settings.model_dump()),
    ]
    assert SECRET not in "".join(shown)
    assert set(settings.secrets()) == {SECRET, f"json://user:{SECRET}@host/"}


def test_the_list_of_secret_keys_has_every_secret(place):
    secret_fields = {
        key
        for key in known_keys(Settings)
        if key[-1] in {"client_secret", "refresh_token", "token", "urls", "client_id", "heartbeat"}
    }

    assert secret_fields == SECRET_KEYS


# --- the root -----------------------------------------------------------------------------------------------------


def test_a_root_that_can_be_used_is_accepted(tmp_path):
    require_root(tmp_path, "somewhere", require_mount=False, writable=True)


@pytest.mark.parametrize("wanted", [{}, {"writable": True}, {"require_mount": True}])
def test_a_root_that_is_not_there_is_told_whatever_else_is_wanted_of_it(tmp_path, wanted):
    with pytest.raises(ArchiveUnusable, match=r"archive\.root: .*/missing does not exist \(somewhere\)$") as raised:
        require_root(tmp_path / "missing", "somewhere", **{"require_mount": False, "writable": False, **wanted})
    assert raised.value.exit_status == 78
    assert raised.value.advice == "Create the folder, or correct the key."


def test_where_the_root_was_set_is_known(place):
    place.toml(MINIMAL)
    assert place.load().root_set_in() == "by default, as it is not set"

    place.toml(f'{MINIMAL}\n[archive]\nroot = "/srv/one"')
    assert place.load().root_set_in() == f"{place.file}, table [archive]"

    place.secret_file("BACKUPD_ARCHIVE__ROOT", "/srv/two")
    assert place.load().root_set_in() == f"secret file {place.run_secrets / 'BACKUPD_ARCHIVE__ROOT'}"

    place.variables(BACKUPD_ARCHIVE__ROOT="/srv/three")
    assert place.load().root_set_in() == "environment variable BACKUPD_ARCHIVE__ROOT"


def test_a_root_that_is_no_folder_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ArchiveUnusable, match="is not a folder"):
        require_root(tmp_path / "file", "somewhere", require_mount=False, writable=False)


def test_a_root_that_must_be_a_mount_point_is_one(tmp_path):
    with pytest.raises(ArchiveUnusable, match="is not a mount point"):
        require_root(tmp_path, "somewhere", require_mount=True, writable=False)
    require_root(Path("/proc"), "somewhere", require_mount=True, writable=False)


def test_a_part_of_the_same_disk_that_is_mounted_at_the_root_is_a_mount_point(tmp_path, monkeypatch):
    table = f"36 22 254:0 /srv/one {tmp_path.resolve()} rw - ext4 /dev/vda rw\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: table)

    require_root(tmp_path, "somewhere", require_mount=True, writable=False)


def test_a_root_that_cannot_be_written_serves_for_reading_only(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda _path, mode: mode & os.W_OK == 0)

    require_root(tmp_path, "somewhere", require_mount=False, writable=False)
    with pytest.raises(ArchiveUnusable, match="cannot be written"):
        require_root(tmp_path, "somewhere", require_mount=False, writable=True)


@pytest.mark.parametrize("closed", [os.R_OK, os.X_OK], ids=["its names", "its files"])
def test_a_root_that_cannot_be_read_serves_for_nothing(tmp_path, monkeypatch, closed):
    monkeypatch.setattr(os, "access", lambda _path, mode: mode & closed == 0)

    with pytest.raises(ArchiveUnusable, match="cannot be read by this user"):
        require_root(tmp_path, "somewhere", require_mount=False, writable=False)


def test_where_the_kernel_shows_no_table_a_mount_point_is_known_by_its_device(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "read_text", refuse)

    require_root(Path("/proc"), "somewhere", require_mount=True, writable=False)
    with pytest.raises(ArchiveUnusable, match="is not a mount point"):
        require_root(tmp_path, "somewhere", require_mount=True, writable=False)


# --- settings that were made to do harm, or by accident -------------------------------------------------------------

TOKEN = "1000.0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210"


@pytest.mark.parametrize(
    "text",
    [
        f'"{TOKEN}" = "x"',
        f'{TOKEN} = "x"',
        f'[orgs."{TOKEN}"]',
        f"[orgs.{TOKEN}]\nclient_id = 'x'",
        f'[a."{TOKEN}"]\n[a."{TOKEN}"]',
        f"[orgs.main.retention]\n{TOKEN} = 1",
    ],
)
def test_a_token_in_the_place_of_a_name_is_not_repeated(place, text):
    problems = "\n".join(place.toml(MINIMAL + text).problems())

    assert not any(part in problems for part in TOKEN.split(".")[1:])
    assert str(place.file) in problems


def test_a_token_in_the_name_of_a_variable_is_not_repeated(place):
    place.toml(MINIMAL).variables(**{f"BACKUPD_{TOKEN.replace('.', '_')}": "x"})

    assert place.problem() == ("1000_…_…: is not a setting (environment variable BACKUPD_1000_…_…); remove it")


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 20_000,
        "x = " + "{a = " * 20_000,
        ".".join("a" * 1_500) + " = 1",
        "[verify]\nmax_members = " + "9" * 5_000,
        "# " + "x" * 2_000_000,
    ],
)
def test_a_file_beyond_reason_is_a_problem_like_any_other(place, text):
    assert "fault" not in place.toml(MINIMAL + text).problem()


def test_a_device_instead_of_a_file_does_not_fill_the_memory(place):
    (problem,) = place.problems(Path("/dev/zero"))

    assert problem.startswith("/dev/zero: ")


def test_a_list_beyond_reason_is_no_list(place):
    place.toml(MINIMAL).variables(BACKUPD_ORGS__MAIN__DOWNLOAD_HOSTS="[" * 60_000)

    assert place.problem().startswith("orgs.main.download_hosts: is not a list")


@pytest.mark.parametrize("name", ["BACKUPD_\udcff", "BACKUPD_" + "A__" * 5_000 + "B"])
def test_a_variable_with_an_odd_name_is_told_by_its_own_name(place, name):
    place.toml(MINIMAL).variables(**{name: "x"})

    assert f"(environment variable {name})" in place.problem()


def test_a_number_is_not_yes(place):
    problem = place.toml(MINIMAL + "[download]\nfiles_at_once = true").problem()

    assert problem.startswith("download.files_at_once: is not a whole number")


def test_polls_are_not_put_off_for_longer_than_their_interval(place):
    problem = place.toml(MINIMAL + '[poll]\nevery = "1h"\njitter = "61m"').problem()

    assert problem.startswith("poll.jitter: is longer than poll.every")
    assert "poll.every" in place.toml(MINIMAL + '[poll]\nevery = "1"\njitter = "61m"').problem()


@pytest.mark.parametrize("host", ["a..b", f"{'a' * 64}.example", "-a.example", "a-.example", ".example"])
def test_a_host_whose_name_no_resolver_takes_is_refused(place, host):
    problem = place.toml(MINIMAL + f'api_domain = "https://{host}"').problem()

    assert problem.startswith("orgs.main.api_domain: is not an address")


def test_a_file_that_begins_with_a_mark_of_its_encoding_is_read(place):
    place.file.write_text(MINIMAL, encoding="utf-8-sig")

    assert place.load().orgs


def test_the_file_that_lacks_an_org_is_named(place, tmp_path):
    other = tmp_path / "other.toml"
    other.touch()
    place.variables(BACKUPD_CONFIG=str(other))

    assert f"to {other}," in place.problem()


@pytest.mark.parametrize("length", [300, 6_000])
def test_a_root_with_too_long_a_name_cannot_be_reached(length):
    with pytest.raises(ArchiveUnusable, match="cannot be reached"):
        require_root(Path("/" + "a" * length), "somewhere", require_mount=False, writable=False)


@pytest.mark.parametrize("listen", ["0.0.0.0:8321", "[::]:8321", "0:8321", "[::ffff:0.0.0.0]:8321", "backups:8321"])
def test_a_page_that_others_reach_wants_a_token(place, listen):
    place.toml(MINIMAL + f'[web]\nlisten = "{listen}"')

    with pytest.raises(ConfigurationError, match=r"web\.listen: is an address that other machines reach") as caught:
        place.load().page()
    assert str(caught.value).endswith(f"({place.file}, table [web]); set web.token, or listen on 127.0.0.1")
    assert place.variables(BACKUPD_WEB__TOKEN="hidden").load().page() == (place.load().web.listen, "hidden")


@pytest.mark.parametrize("listen", ["127.0.0.1:8321", "127.1.2.3:8321", "[::1]:8321", "localhost:8321"])
def test_a_page_for_this_machine_alone_needs_no_token(place, listen):
    settings = place.toml(MINIMAL + f'[web]\nlisten = "{listen}"').load()

    assert settings.page() == (settings.web.listen, None)


def test_a_page_whose_token_cannot_be_read_is_opened_to_nobody(place):
    place.toml(MINIMAL + '[web]\nlisten = "0.0.0.0:8321"')
    path = place.run_secrets / "BACKUPD_WEB__TOKEN"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(path)  # unreadable to root, too

    with pytest.raises(ConfigurationError, match=r"web\.token: secret file .* cannot be read"):
        place.load().page()


def test_no_page_needs_no_token(place):
    assert place.toml(MINIMAL + '[web]\nlisten = ""').load().page() is None
