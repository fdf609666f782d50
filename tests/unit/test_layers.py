import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = sorted((ROOT / "backupd" / "core").glob("**/*.py"))
# Modules of the standard library by which a rule could wait, look at a clock, or touch the world.
WORLDLY = {
    *("asyncio", "concurrent", "ctypes", "fcntl", "glob", "http", "io", "logging", "mmap", "multiprocessing", "os"),
    *("random", "secrets", "select", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile"),
    *("threading", "time", "urllib", "zipfile"),
}
PURE_PARTS = {"urllib.parse"}
PURE = (sys.stdlib_module_names - WORLDLY) | {"backupd"}
WORLDLY_CALLS = {
    *("now", "utcnow", "today", "open", "read_text", "read_bytes", "write_text", "write_bytes", "exists", "stat"),
}


def test_imports_go_down_only():
    # in a process of its own: the linter switches all loggers off that exist
    linter = [sys.executable, "-c", "import importlinter.cli as cli; raise SystemExit(cli.lint_imports(no_cache=True))"]
    done = subprocess.run(linter, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 (our own words)

    assert done.returncode == 0, done.stdout + done.stderr


def imported(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_a_rule_knows_the_pure_standard_library_and_its_like_only(path):
    modules = imported(ast.parse(path.read_text()))

    assert not {name for name in modules if name not in PURE_PARTS and name.partition(".")[0] not in PURE}
    assert not {name for name in modules if name.startswith("backupd.") and not f"{name}.".startswith("backupd.core.")}


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_a_rule_neither_waits_nor_looks_at_clock_or_disk(path):
    tree = ast.parse(path.read_text())

    waits = [node for node in ast.walk(tree) if isinstance(node, (ast.Await, ast.AsyncFor, ast.AsyncWith))]
    names = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }
    assert not waits
    assert not names & WORLDLY_CALLS
