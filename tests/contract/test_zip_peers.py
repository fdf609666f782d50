"""The corpus against the standard library's zipfile: no disagreement without an explanation."""

import io
import warnings
import zipfile

import pytest

from tests.fakes.corpus import Case, cases
from tests.fakes.peers import ACCEPTED_BY_OTHERS, REFUSED_BY_OTHERS, unexplained

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_zipfile_does_not_disagree_without_an_explanation(case: Case):
    assert not unexplained(case.name, "zipfile", ours=case.reason, theirs=_accepts(case.data))


def test_every_explanation_explains_a_case():
    assert set(REFUSED_BY_OTHERS) <= {case.name for case in CASES if case.reason is None}
    assert set(ACCEPTED_BY_OTHERS) == {case.reason for case in CASES if case.reason is not None}


def _accepts(data: bytes) -> bool:
    """Tell whether zipfile finds nothing wrong; it raises far more than BadZipFile."""
    with warnings.catch_warnings(action="ignore"):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as opened:
                return opened.testzip() is None
        except Exception:  # noqa: BLE001 — whatever it raises, it does not accept
            return False
