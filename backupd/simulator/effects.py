"""What can go wrong with an answer; `faults` says when.

The first ones take the place of an answer, the others spoil the body of a download.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer with an error instead of doing what was asked."""

    status: int = 500
    code: str = "INTERNAL_ERROR"
    message: str = "Internal Server Error"
    form: Literal["flat", "wrapped", "html", "empty", "oauth"] = "flat"
    reason: str | None = None  # the HTTP reason phrase, where the file server puts its codes
    retry_after: timedelta | None = None
    retry_after_in: Literal["header", "details", "neither"] = "header"
    www_authenticate: str | None = None


@dataclass(frozen=True, slots=True)
class Say:
    """Answer with exactly this text, whatever was asked."""

    text: str
    status: int = 200
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Throttle:
    """Refuse with 429 for so long; whoever comes back too early waits for as long again from then on."""

    wait: timedelta = timedelta(seconds=299)
    retry_after_in: Literal["header", "details", "neither"] = "header"


@dataclass(frozen=True, slots=True)
class Lose:
    """Do what the API call asks for, then end the connection without an answer."""


@dataclass(frozen=True, slots=True)
class Revoke:
    """End every live access token of the organisation just before this request is looked at."""


@dataclass(frozen=True, slots=True)
class Hang:
    """Do not answer for so long, or never."""

    seconds: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Lists:
    """Write both lists of links so, whatever they hold."""

    form: Literal["null", "missing", "empty"] = "null"


@dataclass(frozen=True, slots=True)
class Drop:
    """End the connection after so many bytes of this answer's body: orderly, or with a reset that may lose some."""

    after: int
    how: Literal["close", "reset"] = "close"


@dataclass(frozen=True, slots=True)
class Stall:
    """Send so many bytes of the body, then nothing for so long, or until the client goes away."""

    after: int
    seconds: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Trickle:
    """Send the body in pieces of `piece` bytes with a pause after each."""

    piece: int = 1000
    pause: timedelta = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Flip:
    """Turn over one bit of the byte at this offset of the file; a negative one counts from the end."""

    offset: int
    bit: int = 0


@dataclass(frozen=True, slots=True)
class Shorten:
    """Serve the file without its last bytes, all headers agreeing with that."""

    by: int


@dataclass(frozen=True, slots=True)
class Lengthen:
    """Serve the file with bytes after its end, all headers agreeing with that."""

    by: int


@dataclass(frozen=True, slots=True)
class Misstate:
    """Announce a Content-Length that is off by so much: more than is sent, or (negative) less than is sent."""

    by: int


@dataclass(frozen=True, slots=True)
class Instead:
    """Serve something else as the file, with status 200."""

    what: Literal["html", "json", "empty-zip", "nothing"] = "html"


@dataclass(frozen=True, slots=True)
class Serve:
    """Serve the file in another way: the fields of `Serving`; None leaves one as it is."""

    range: Literal["206", "ignored", "200-with-content-range", "416", "wrong-content-range", "other-range"] | None = (
        None
    )
    etag: Literal["strong", "weak", "changing", "none"] | None = None
    last_modified: Literal["yes", "changing", "none"] | None = None
    length: bool | None = None
    accept_ranges: bool | None = None
    gzip: bool | None = None
    redirect: str | None = None
    redirect_status: Literal[301, 302, 303, 307, 308] | None = None


Effect = (
    Refuse | Say | Throttle | Lose | Revoke | Hang | Lists
    | Drop | Stall | Trickle | Flip | Shorten | Lengthen | Misstate | Instead | Serve
)  # fmt: skip
EFFECTS: dict[str, type[Any]] = {kind.__name__.lower(): kind for kind in Effect.__args__}
