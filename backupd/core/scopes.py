"""Which scopes of the vendor's are needed, and which of them a token lacks. Does not ask anybody."""

import re
from collections.abc import Sequence

# Each with what else allows the same.
_NEEDED = {
    "ZohoCRM.bulk.backup.READ": ("ZohoCRM.bulk.backup.READ", "ZohoCRM.bulk.backup.ALL", "ZohoCRM.bulk.ALL"),
    "ZohoFiles.files.ALL": ("ZohoFiles.files.ALL",),
}
_BETWEEN = re.compile(r"[\s,]+")


def missing_scopes(granted: str) -> Sequence[str]:
    """Name the needed scopes that are not among those granted, which stand in one text as the vendor writes them."""
    given = {scope.lower() for scope in _BETWEEN.split(granted) if scope}
    return [needed for needed, enough in _NEEDED.items() if given.isdisjoint(scope.lower() for scope in enough)]
