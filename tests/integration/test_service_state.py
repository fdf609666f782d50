import json
from datetime import UTC, datetime

from backupd.notify import ServiceWatcher, Systemd, read_state

POLLS = {"main": datetime(2022, 6, 24, 12, 0, tzinfo=UTC)}


async def test_what_a_daemon_says_is_there_until_it_ends_and_never_after(tmp_path):
    path = tmp_path / "service.json"
    watcher = ServiceWatcher(Systemd(None))
    watcher.keep_state_in(path)
    await watcher.planned(POLLS)
    state = read_state(path)
    assert state is not None
    assert state.next_polls == POLLS

    await watcher.stopping()
    await watcher.planned(POLLS)  # of a cycle that ends a moment later

    assert list(tmp_path.iterdir()) == []


async def test_a_daemon_that_was_killed_is_not_mistaken_for_a_later_process_of_its_number(tmp_path):
    path = tmp_path / "service.json"
    watcher = ServiceWatcher(Systemd(None))
    watcher.keep_state_in(path)
    await watcher.planned(POLLS)
    left = json.loads(path.read_text())

    path.write_text(json.dumps(left | {"started": left["started"] - 1}))
    assert read_state(path) is None

    del left["started"]  # as an older version wrote it
    path.write_text(json.dumps(left))
    assert read_state(path) is not None


async def test_a_state_that_is_kept_elsewhere_after_a_reload_is_gone_where_it_was(tmp_path):
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    watcher = ServiceWatcher(Systemd(None))
    watcher.keep_state_in(old)
    await watcher.planned(POLLS)

    watcher.keep_state_in(new)
    await watcher.planned(POLLS)

    assert list(tmp_path.iterdir()) == [new]
