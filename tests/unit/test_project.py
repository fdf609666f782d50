import re
import tomllib
from pathlib import Path

import pytest

import backupd

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def name_of(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-")


def locked(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / lock).read_text()
    return {name_of(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_a_lock_has_a_hash_for_everything_and_names_no_host(lock):
    text = lock.read_text()

    requirements = [entry for entry in re.split(r"\n(?=\S)", text) if not entry.startswith("#")]
    assert requirements
    assert all("--hash=sha256:" in entry for entry in requirements)
    assert not re.search(r"://|index-url|find-links", text)


def test_everything_the_program_depends_on_is_locked():
    wanted = {name_of(requirement) for requirement in PROJECT["project"]["dependencies"]}

    assert wanted <= locked("runtime.txt").keys()


def test_everything_the_developers_depend_on_is_locked():
    wanted = {name_of(entry) for entry in PROJECT["dependency-groups"]["dev"] if isinstance(entry, str)}

    assert wanted <= locked("dev.txt").keys()


def test_with_messages_or_without_all_else_is_the_same():
    more = {name_of(requirement) for requirement in PROJECT["project"]["optional-dependencies"]["notify"]}

    assert locked("runtime.txt").items() <= locked("notify.txt").items()
    assert more <= locked("notify.txt").keys()


@pytest.mark.parametrize("lock", ["runtime.txt", "notify.txt", "build.txt"])
def test_tests_run_with_the_versions_that_users_get(lock):
    assert locked(lock).items() <= locked("dev.txt").items()


def test_the_version_has_one_place():
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", backupd.__version__)
    assert f"## {backupd.__version__}" in (ROOT / "CHANGELOG.md").read_text()
