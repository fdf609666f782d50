"""How secrets look and what they are called. Each form takes one away and keeps its group 1, which stands before it."""

import re
from typing import Final

_NAMES = (
    r"(?:(?:access|refresh|id|auth|oauth|bearer|api|web|session|csrf)[-_]?)?token|(?:client[-_]?)?secret|password|passwd"
    r"|passphrase|(?:api|private|secret|access)[-_]?key|credentials?"
)

SECRET_NAME: Final = re.compile(
    rf"(?i)(?:.*[-_.])?(?:{_NAMES})s?|.*authorization|(?:set-)?cookie2?|grant[-_]?token",
)
"""The names of fields and headers whose values are never shown."""

CERTAIN_START: Final = "1000."
CERTAIN: Final = (
    re.compile(rf"\b{re.escape(CERTAIN_START)}[0-9A-Za-z]{{16,}}\.[0-9A-Za-z]{{16,}}"),
    re.compile(rf"\b{re.escape(CERTAIN_START)}[0-9a-f]{{24,}}"),
)
"""The vendor's tokens and codes, wherever they stand, and how each begins."""

_QUOTED = r"(?:\\?b?(?P<quote>['\"]))?"
_UP_TO_THE_QUOTE = r"(?(quote)(?:\\.|(?!(?P=quote))[^\r\n])*"

FORMS: Final = (
    # https://user:password@host
    re.compile(r"(?i)(\b[a-z][a-z0-9+.-]{0,20}://)[^\s/?#'\"<>]*(?=@)"),
    # Authorization: … and cookies, up to the end of the value; also as a pair or with quotes, as reprs have them
    re.compile(
        rf"(?i)((?:authorization|\b(?:set-)?cookie2?)\\?['\"]?\s*[:=,]\s*{_QUOTED}){_UP_TO_THE_QUOTE}|[^\r\n]*)"
    ),
    # Zoho-oauthtoken …, Bearer …
    re.compile(r"(?i)(\b(?:zoho-oauthtoken|bearer)(?:\s|%20|\+)+)[^\s'\",;)}\]>\\]+"),
    # access_token=…, "client_secret": "…"
    re.compile(
        rf"(?i)((?<![a-z])(?:{_NAMES})\\?['\"]?\s*(?:=\s*{_QUOTED})){_UP_TO_THE_QUOTE}|[^\s'\"&,;)}}\]>]+)",
    ),
    re.compile(
        rf"(?i)((?<![a-z])(?:{_NAMES})\\?['\"]?\s*(?::\s*{_QUOTED})){_UP_TO_THE_QUOTE}|(?=\S*\d)[^\s'\"&,;)}}\]>]{{6,}})",
    ),
    # ?code=…&…, as the OAuth exchange has it; a bare `code=` is an error's name and stays
    re.compile(r"(?i)([?&]code=)[^\s'\"&]+"),
)
"""What is a secret by the name or the scheme before it. A `name: word` without a digit is prose, and stays."""
