import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from backupd.settings import Settings, load
from backupd.settings.tables import DataCenterName, Org
from backupd.verify import ZipLimits
from backupd.zoho.hosts import DATA_CENTERS

EXAMPLE = Path(__file__).parents[2] / "config" / "backupd.example.toml"
NO_DEFAULT = "Not set by default."


@pytest.fixture
def loaded(tmp_path):
    """Load a text as the only configuration there is."""

    def loaded(text: str) -> Settings:
        file = tmp_path / "backupd.toml"
        file.write_text(text)
        return load(file, environment={}, run_secrets=tmp_path / "none")

    return loaded


def blocks() -> dict[str, str]:
    """The comments before each key of the example, by the key's dotted name."""
    found: dict[str, str] = {}
    table, comment = "", ""
    for line in EXAMPLE.read_text().splitlines():
        header, key = re.fullmatch(r"(?:# )?\[([\w.]+)\]", line), re.fullmatch(r"# (\w+) = .*", line)
        if header:
            table = header[1]
            found[table] = comment
        elif key:
            found[f"{table}.{key[1]}"] = comment
        comment = "" if header or key or not line else f"{comment} {line.removeprefix('# ')}"
    return found


def uncommented(*, with_examples: bool) -> str:
    """The example with its keys set; those that have no default only `with_examples`."""
    lines: list[str] = []
    example = False
    for line in EXAMPLE.read_text().splitlines():
        key = re.fullmatch(r"# (\w+ = .*|\[[\w.]+\])", line)
        if key and (with_examples or not example):
            lines.append(key[1])
        elif not line.startswith("#"):
            lines.append(line)
        example = (example and bool(line)) or line.endswith(NO_DEFAULT)
    return "\n".join(lines)


def fields() -> dict[str, tuple[str, object]]:
    """Meaning and default of every key, by its dotted name in the example."""
    models: dict[str, type[BaseModel]] = {"orgs.main": Org}
    for name, info in Settings.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            models[name] = info.annotation
    return {
        f"{table}.{name}": (info.description or "", info.get_default())
        for table, model in models.items()
        for name, info in model.model_fields.items()
    }


@pytest.mark.parametrize("key", fields())
def test_the_example_tells_every_key_with_its_meaning(key):
    meaning, default = fields()[key]

    assert meaning in blocks()[key]
    assert (NO_DEFAULT in blocks()[key]) == (default is None)


def test_the_example_tells_no_key_that_is_none():
    assert set(blocks()) - set(fields()) == {
        *Settings.model_fields, "orgs.main", "orgs.main.retention.keep_last"
    } - {"orgs"}  # fmt: skip


def test_the_defaults_of_the_example_are_the_defaults(loaded):
    assert (
        loaded(uncommented(with_examples=False)).model_dump() == loaded("[orgs.main]").model_dump()
    )  # not where they are set


def test_every_key_of_the_example_can_be_set_as_it_is_shown(loaded):
    settings = loaded(uncommented(with_examples=True))

    assert settings.require_credentials("main")
    assert settings.retention_of("main").keep_last == 5
    assert settings.orgs["main"].download_hosts == DATA_CENTERS["us"].download_hosts


def test_the_example_works_as_it_is(loaded):
    assert list(loaded(EXAMPLE.read_text()).orgs) == ["main"]


def test_the_data_centers_are_those_that_the_vendor_has():
    assert set(get_args(DataCenterName)) == set(DATA_CENTERS)


def test_the_limits_of_a_zip_are_those_that_the_check_is_made_for(loaded):
    limits = loaded("[orgs.main]").verify

    assert ZipLimits(limits.max_ratio, limits.max_total, limits.max_members) == ZipLimits()
