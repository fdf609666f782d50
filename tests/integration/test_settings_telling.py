"""Settings that are wrong: what is right of how and whom to tell of that is read all the same."""

import pytest

from backupd.settings import load_telling

RIGHT = """
archive.root = 7
[log]
format = "json"
colour = "red"
[notify]
urls = ["json://ops.example/hook"]
success = "perhaps"
[orgs.main]
heartbeat = "https://hc.example/ping/1"
refresh_token = "hunter2"
[orgs.second]
heartbeat = "nonsense"
[orgs.Third]
heartbeat = "https://hc.example/ping/3"
"""


def telling(tmp_path, text: str, **environment: str):
    (tmp_path / "backupd.toml").write_text(text)
    return load_telling(tmp_path / "backupd.toml", environment=environment, run_secrets=tmp_path / "none")


def test_what_is_right_stands_beside_what_is_wrong(tmp_path):
    found = telling(tmp_path, RIGHT)

    assert found.log.format == "json"
    assert found.message_urls() == ("json://ops.example/hook",)
    assert found.heartbeats() == {"main": "https://hc.example/ping/1"}
    assert "hunter2" in set(found.secrets())


@pytest.mark.parametrize("text", ["[", "log = 1\nnotify = 2\norgs = 3", "[orgs]\nmain = 4"])
def test_of_what_is_no_settings_at_all_the_environment_is_left(text, tmp_path):
    found = telling(tmp_path, text, BACKUPD_NOTIFY__URLS='["json://ops.example/hook"]')

    assert found.message_urls() == ("json://ops.example/hook",)


def test_a_wrong_list_of_places_is_none(tmp_path):
    assert telling(tmp_path, "", BACKUPD_NOTIFY__URLS="nonsense").message_urls() == ()
