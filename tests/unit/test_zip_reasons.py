"""The reasons for refusing a zip: in the code, in the corpus and in the document, the same."""

import re
from pathlib import Path

from tests.fakes.corpus import cases

ROOT = Path(__file__).parents[2]


def test_every_reason_is_documented_and_has_a_case():
    sources = [ROOT / "backupd/core/zipformat.py", *(ROOT / "backupd/verify").glob("*.py")]
    in_code = set(re.findall(r'ZipFault\(\s*"(\w+)"', "\n".join(source.read_text() for source in sources)))
    documented = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/zip-checks.md").read_text(), re.MULTILINE))
    in_corpus = {case.reason for case in cases() if case.reason} | {case.on_disk for case in cases() if case.on_disk}

    assert in_code == documented == in_corpus
