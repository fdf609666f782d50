import subprocess
import sys
import venv
from pathlib import Path

import pytest

import backupd

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
IMPORT_ALL = """
import importlib, pkgutil, backupd
for module in pkgutil.walk_packages(backupd.__path__, "backupd."):
    importlib.import_module(module.name)
    print(module.name)
"""


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The program as a user has it: the wheel and what it needs, nothing else. Returns its folder of programs."""
    folder = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    into = (*pip, "--python", folder / "venv", "install")
    run(*into, "--require-hashes", "--only-binary", ":all:", "--requirement", ROOT / "requirements" / "runtime.txt")
    run(*into, "--no-deps", "--no-index", wheel)
    return folder / "venv" / "bin"


def test_a_package_is_the_program(installed):
    assert run(installed / "backupd", "--version") == f"backupd {backupd.__version__}\n"
    assert "--run-once" in run(installed / "backupd", "--help")


def test_every_part_finds_what_it_imports_among_what_users_have(installed):
    found = run(installed / "python", "-W", "error", "-c", IMPORT_ALL).split()

    assert {"backupd.app", "backupd.cycle", "backupd.settings.loading"} <= set(found)


def test_the_page_comes_with_all_its_files(installed):
    found = run(installed / "python", "-c", "import backupd.web as web; print(web.__path__[0])").strip()
    theirs = {str(path.relative_to(found)) for path in Path(found).rglob("*.*") if "__pycache__" not in path.parts}
    ours = ROOT / "backupd" / "web"

    assert theirs >= {
        str(path.relative_to(ours)) for folder in ("templates", "static") for path in (ours / folder).iterdir()
    }
