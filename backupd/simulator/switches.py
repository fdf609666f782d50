"""How the vendor may behave: everything about it that is unknown, or was seen in more than one way.

The defaults are the documented or most likely behaviour. What happens only now and then is a fault (`faults`).
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from backupd.simulator.reading import Size


@dataclass(frozen=True, slots=True)
class Switches:
    """The standing behaviour of one organisation's schedule, links and tokens."""

    backup_id: Literal["constant", "changing"] = "constant"  # over the runs of one recurring schedule
    status: str | None = None  # said by GET /backup whatever the runs are; None: told by the runs
    status_after_run: str = "SCHEDULED"  # of a recurring schedule, once a run has finished
    nothing_scheduled: Literal["204", "empty-200"] = "204"

    links_during_run: Literal["old", "none", "partial"] = "old"
    links_after_expiry: Literal["204", "stale"] = "204"
    old_links: Literal["alive", "gone"] = "alive"  # the links of an older run, once a newer one has finished
    expired_link: Literal["401", "403", "404", "html"] = "403"
    empty_list: Literal["empty", "null", "missing"] = "empty"
    links_of: Literal["latest", "all"] = "latest"  # "all": every run whose links still live, in one answer
    link_path: Literal["documented", "opaque"] = "documented"  # "opaque": neither organisation nor job can be told
    link_base: str = ""  # scheme://host:port of the links; empty: this server's own address

    scope_error: Literal["clear", "like-stale-token"] = "clear"
    limit_code: Literal["LIMIT_EXCEEDED", "LIMIT_REACHED"] = "LIMIT_EXCEEDED"
    immediate_run: timedelta = timedelta(minutes=10)  # how long a run asked for by POST /backup takes

    token_lifetime: timedelta = timedelta(hours=1)
    token_throttle: int = 10  # access tokens for one refresh token in 10 minutes
    token_throttle_status: Literal[200, 400] = 200
    legacy_expires_in: bool = False  # milliseconds in expires_in, beside expires_in_sec
    api_domain: str = ""  # in the token answer; empty: this server's own address

    date_offset: timedelta = timedelta()  # added to the Date header of every answer


@dataclass(frozen=True, slots=True)
class Serving:
    """How one zip is served; faults can change it for some requests."""

    range: Literal["206", "ignored", "200-with-content-range", "416", "wrong-content-range", "other-range"] = "206"
    etag: Literal["strong", "weak", "changing", "none"] = "strong"
    last_modified: Literal["yes", "changing", "none"] = "yes"
    length: bool = True  # False: chunked, without Content-Length
    accept_ranges: bool = True
    gzip: bool = False  # compress the body although identity was asked for
    redirect: str = ""  # another scheme://host:port that is answered with first, or "localhost", or "127.0.0.1"
    redirect_status: Literal[301, 302, 303, 307, 308] = 302


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast downloads are, in bytes a second; 0 is unlimited."""

    per_connection: Size = 0
    total: Size = 0
