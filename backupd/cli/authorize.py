"""`backupd authorize`: a self-client code into a refresh token, which goes into a file of 0600 or into a pipe.

No secret is an option and none is shown: the client secret comes from the settings or a prompt, the code from a prompt.
Where the token goes is made sure of before the code is used, since a code works only once.
"""

import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, get_args

from cyclopts import Parameter

from backupd.app import authorize as exchange
from backupd.cli import asking
from backupd.cli.keepsake import Keepsake, keepsake
from backupd.cli.options import Handed
from backupd.cli.schedule import the_org
from backupd.cli.session import Session
from backupd.core.errors import AccessRefused, ConfigurationError, UsageError, VendorUnavailable
from backupd.settings import Settings
from backupd.settings.sources import variable
from backupd.settings.tables import DataCenterName
from backupd.zoho.hosts import DATA_CENTERS

_SCOPES = "ZohoCRM.bulk.backup.READ,ZohoFiles.files.ALL"
_SCOPES_AND_SCHEDULES = "ZohoCRM.bulk.backup.ALL,ZohoFiles.files.ALL"
_KNOWN = ", ".join(get_args(DataCenterName))
_NEW_CODE = "Generate a new code and paste it at once; it must come from this data center's console and this client."
_WHERE = "The data center is the ending of CRM's address in your browser; choose it with --data-center."

_To = Annotated[Path | None, Parameter(metavar="FILE", help="Write the token there, readable by its owner only.")]
_Print = Annotated[bool, Parameter(name="--print", help="Print the token, even on a terminal.")]
_DataCenter = Annotated[
    str | None, Parameter(metavar="NAME", help=f"{_KNOWN} (default: as in the settings, which this makes needless).")
]
_Org = Annotated[str | None, Parameter(metavar="NAME", help="The org; needed if there are several.")]
_Schedules = Annotated[bool, Parameter(help="A token that may also create and cancel schedules.")]
_Yes = Annotated[bool, Parameter(help="Replace a file that exists without asking.")]


@dataclass(frozen=True, slots=True)
class _Client:
    """Who asks, and where; what the settings do not hold is asked for."""

    org: str
    data_center: str
    accounts_url: str
    client_id: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)


_AGAIN = "Check the network and the proxy settings, and run this again; if the code is used or too old, with a new one."


async def authorize(
    *,
    to: _To = None,
    print_: _Print = False,
    org: _Org = None,
    data_center: _DataCenter = None,
    schedules: _Schedules = False,
    yes: _Yes = False,
    invocation: Handed,
) -> int:
    """Turn a self-client code into a refresh token."""
    if to is None and not print_ and sys.stdout.isatty():
        advice = "Name a file with --to FILE, pipe it into a credential store, or show it here with --print."
        raise UsageError("authorize: it is not said where the refresh token goes", advice=advice)
    session = Session(invocation)
    client = _client(session, org, data_center)
    with _place(to, yes=yes) as kept:
        sys.stderr.write(_instructions(client, _SCOPES_AND_SCHEDULES if schedules else _SCOPES))
        try:
            token = await _exchange(session, client)
        except VendorUnavailable as error:
            raise type(error)(str(error), advice=_AGAIN) from error
        if kept is not None:
            kept.write(token)
        else:
            sys.stdout.write(f"{token}\n")
    name = variable(("orgs", client.org, "refresh_token"))
    where = f"{to} holds" if to is not None else "Printed was"
    if not invocation.quiet:
        sys.stderr.write(
            f"{where} the refresh token. Let backupd find it as a secret file named {name}; then run `backupd check`.\n"
        )
    return 0


def _client(session: Session, org: str | None, data_center: str | None) -> _Client:
    """Put together what is known. Settings are needless once the data center is named. Raises ConfigurationError."""
    if data_center is not None and data_center not in DATA_CENTERS:
        raise UsageError(f"there is no data center {data_center!r}", advice=f"Write one of {_KNOWN}.")
    try:
        settings = session.load()
    except ConfigurationError:
        if data_center is None or session.invocation.config is not None:
            raise
        return _Client(org or "main", data_center, DATA_CENTERS[data_center].accounts_url)
    return _configured(settings, the_org(settings, org), data_center)


def _configured(settings: Settings, org: str, data_center: str | None) -> _Client:
    found = settings.orgs[org]
    place = DATA_CENTERS[data_center or found.data_center]
    own = found.accounts_url if data_center in (None, found.data_center) else None
    secret = found.client_secret.get_secret_value() if found.client_secret else None
    return _Client(org, place.name, own or place.accounts_url, found.client_id, secret)


def _place(to: Path | None, *, yes: bool) -> AbstractContextManager[Keepsake | None]:
    if to is None:
        return nullcontext()
    asked = f"{to} exists. Replace it?"
    if to.exists() and not yes and not asking.confirm(asked, otherwise="Add --yes to replace the file."):
        raise UsageError(f"{to} exists, and was left as it is", advice="Name another file with --to.")
    return keepsake(to)


def _instructions(client: _Client, scopes: str) -> str:
    console = DATA_CENTERS[client.data_center].accounts_url.replace("//accounts.", "//api-console.")
    return f"""\
This makes a refresh token for {client.org}, in the data center {client.data_center}.

1. Sign in at {console} as a user with the Administrator profile in CRM.
2. Open your Self Client (add one if there is none), then Generate Code, with this scope:

     {scopes}

   the longest duration there is, any description, and the organisation's production portal.
3. Paste the code here. It lives for minutes and works once.

"""


async def _exchange(session: Session, client: _Client) -> str:
    client_id = client.client_id or asking.secret("client id")
    client_secret = client.client_secret or asking.secret("client secret")
    code = asking.secret("code")
    for secret in (client_secret, code):
        session.redactor.learn(secret)
    try:
        return await exchange(
            session.around(), client.accounts_url, client_id=client_id, client_secret=client_secret, code=code
        )
    except AccessRefused as error:
        raise _in_words(error, client) from error


def _in_words(error: AccessRefused, client: _Client) -> AccessRefused:
    """Say in the person's words what went wrong; the vendor's own word stays in it."""
    match error.code:
        case "invalid_code" | "invalid_grant":
            what = "the vendor does not take this code: it was used before, is too old, or was made for another client"
            advice = _NEW_CODE
        case "invalid_client":
            what = f"the vendor knows no such client id in the data center {client.data_center}"
            advice = _WHERE
        case "invalid_client_secret":
            what = "the client secret is not the one of this client id"
            advice = "Copy it again from the console's page of the Self Client."
        case _:
            return error
    return AccessRefused(f"{what} (it says {error.code})", code=error.code, advice=advice)
