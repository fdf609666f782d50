"""The documents say what is there: the map of the package, the README's tables."""

import re
from pathlib import Path

import backupd
from backupd.cli import help as help_page
from backupd.core.exits import Exit

ROOT = Path(backupd.__file__).parents[1]
PACKAGE = Path(backupd.__file__).parent


def test_the_map_names_every_part_and_no_other():
    parts = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    mapped = re.findall(r"^- `(\w+)` — ", backupd.__doc__ or "", flags=re.MULTILINE)

    assert len(mapped) == len(set(mapped))
    assert set(mapped) == parts - {"__init__", "__main__"}


def test_the_readme_lists_every_command_and_no_other():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `backupd ([a-z][a-z-]*)", readme, flags=re.MULTILINE))

    assert listed == set(re.findall(r"^  ([a-z][a-z-]*)  ", help_page.TEXT, flags=re.MULTILINE))


def test_the_readme_lists_every_exit_status_and_no_other():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.partition("## Exit statuses")[2].partition("##")[0]

    assert {int(number) for number in re.findall(r"^\| (\d+) \|", table, flags=re.MULTILINE)} == {int(s) for s in Exit}


def test_the_readme_opens_with_the_two_commands():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert "make demo\nmake test\n" in readme.partition("##")[0]


def test_every_document_the_readme_points_to_is_there():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    for target in re.findall(r"\]\(([^)#:]+)\)", readme):
        assert (ROOT / target).exists(), target


def test_the_readme_builds_an_image_that_says_its_version():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    arguments = set(re.findall(r"^ARG (\w+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    given = set(re.findall(r"--build-arg (\w+)=", readme))

    assert given == {"VERSION", "REVISION"}  # the address of an origin may hold a password
    assert given <= arguments
    (spelled,) = re.findall(r"sed -n 's/(.*)/\\1/p' backupd/__init__\.py", readme)
    text = (PACKAGE / "__init__.py").read_text(encoding="utf-8")
    pattern = spelled.replace(r"\(", "(").replace(r"\)", ")")
    assert re.findall(pattern, text, flags=re.MULTILINE) == [backupd.__version__]
