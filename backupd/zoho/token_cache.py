"""The access token on disk: one small file an org, 0600, replaced in one step, useless to other credentials.

It also remembers a throttle, so that a later run does not prolong it by asking. Whatever cannot be read is as good as
nothing; blocking, so that callers use a thread.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from backupd.core.times import from_text, to_text
from backupd.zoho.account import Account

_FORMAT = "backupd.token/1"


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, and from when to when it lives."""

    value: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime
    scope: str | None = None  # what it allows, as the answer told


@dataclass(frozen=True, slots=True)
class Kept:
    """What is remembered of the token endpoint: the last token, and until when it must not be asked."""

    token: Token | None = None
    throttled_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class TokenCache:
    """The file that keeps an org's token."""

    path: Path
    bound_to: str  # a digest of the credentials: with others, what the file says does not count
    writable: bool = True  # False: the file is another user's, and nothing is kept

    def read(self) -> Kept:
        """Return what is kept for these credentials; nothing if there is no file, or none that can be understood."""
        try:
            fields = json.loads(self.path.read_bytes())
            if fields["format"] != _FORMAT or fields["bound_to"] != self.bound_to:
                return Kept()
            until = fields["throttled_until"]
            return Kept(_token_from(fields["token"]), from_text(until) if until else None)
        except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
            return Kept()

    def write(self, kept: Kept) -> None:
        """Replace the file in one step. Raises OSError; never makes the archive's root."""
        if not self.writable:
            return
        token, until = kept.token, kept.throttled_until
        fields = {
            "format": _FORMAT,
            "bound_to": self.bound_to,
            "token": _token_to(token) if token else None,
            "throttled_until": to_text(until) if until else None,
        }
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        self._drop_leftovers()
        growing = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        try:
            with open(growing, "wb", opener=_open_private) as file:
                file.write(json.dumps(fields).encode())
                file.flush()
                os.fsync(file.fileno())
            growing.replace(self.path)
        finally:
            with suppress(OSError):
                growing.unlink()

    def _drop_leftovers(self) -> None:
        """Drop what processes left that were killed while they wrote: there are tokens in it."""
        for leftover in self.path.parent.glob(f"{self.path.name}.*.new"):
            writer = leftover.name.removeprefix(f"{self.path.name}.").removesuffix(".new")
            if writer.isdecimal() and not _runs(int(writer)):
                leftover.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:  # as another user
        return True
    except (OSError, OverflowError):
        return False
    return True


def bound_to(account: Account) -> str:
    """Digest the credentials that a token belongs to; with others, a kept token is not used."""
    parts = (account.accounts_url, account.client_id, account.client_secret, account.refresh_token)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _token_to(token: Token) -> dict[str, str | None]:
    times = {"issued_at": to_text(token.issued_at), "expires_at": to_text(token.expires_at)}
    return {"access_token": token.value, "scope": token.scope} | times


def _token_from(fields: Mapping[str, Any] | None) -> Token | None:
    if fields is None:
        return None
    value, scope = fields["access_token"], fields.get("scope")
    if not isinstance(value, str) or not is_token(value):
        return None
    times = from_text(fields["issued_at"]), from_text(fields["expires_at"])
    return Token(value, *times, scope if isinstance(scope, str) else None)


def is_token(text: str) -> bool:
    """Tell whether a text can be a token: printable ASCII without spaces, so that it fits a header and nothing else."""
    return 0 < len(text) <= 2048 and text.isascii() and text.isprintable() and " " not in text  # noqa: PLR2004
