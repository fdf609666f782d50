"""The forms that single values take: text from a file or the environment into a value, or a reason and a remedy.

Each raises ValueError with a text that goes on after the key ("is not a duration; write …") and never repeats the
value: it may be a secret in the wrong place.
"""

import json
import re
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, PlainValidator, SecretStr

from backupd.core.quantities import parse_duration, parse_size

_SCHEME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*://")  # Apprise knows some that begin with a digit
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = rf"(?P<host>{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])"
_PORT = r":(?P<port>[0-9]{1,5})"
_ORIGIN = re.compile(rf"(?P<scheme>https?)://{_HOST}(?:{_PORT})?/?")
_URL = re.compile(rf"(?P<scheme>https?)://{_HOST}(?:{_PORT})?(?:/[^?#\\]*)?(?:\?[^#\\]*)?", re.IGNORECASE)
_DOWNLOAD_HOST = re.compile(rf"{_HOST}(?:{_PORT})?")
_HOST_NAME = re.compile(_HOST)
_LISTEN = re.compile(rf"{_HOST}{_PORT}")
_LAST_PORT = 65535
_API_VERSION = re.compile(r"v[1-9][0-9]?(?:\.[0-9]{1,2})?")


class Listen(NamedTuple):
    """Where a server listens; an IPv6 host stands without brackets."""

    host: str
    port: int


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine and no other."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _text(value: object) -> str:
    if not isinstance(value, str):
        message = "is not text; put it in quotes"
        raise ValueError(message)  # noqa: TRY004  # pydantic collects ValueErrors only
    return value.strip()


def _fit(pattern: re.Pattern[str], value: object, problem: str) -> re.Match[str]:
    match = pattern.fullmatch(_text(value).lower())
    if match is None or int(match.groupdict().get("port") or 0) > _LAST_PORT:
        raise ValueError(problem)
    return match


def _duration(value: object) -> timedelta:
    if not isinstance(value, str):
        message = "has no unit; write it in quotes with one, such as '10s', '15m', '36h' or '7d'"
        raise ValueError(message)  # noqa: TRY004  # pydantic collects ValueErrors only
    return parse_duration(value)


def _some_duration(value: object) -> timedelta:
    duration = _duration(value)
    if not duration:
        message = "is no time at all; write a duration such as 10s or 15m"
        raise ValueError(message)
    return duration


def _no_yes_or_no(value: object) -> object:
    if isinstance(value, bool):
        message = "is not a whole number; write such as 4"
        raise ValueError(message)  # noqa: TRY004  # pydantic collects ValueErrors only
    return value


def _size(value: object) -> int:
    return parse_size(str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value))


def _some_size(value: object) -> int:
    size = _size(value)
    if not size:
        message = "is nothing at all; write a size such as 50MB"
        raise ValueError(message)
    return size


def _absolute_path(value: object) -> Path:
    text = _text(value)
    if not text.startswith("/") or "\0" in text:
        message = "is not an absolute path; begin it with /"
        raise ValueError(message)
    return Path(text)


def _origin(value: object) -> str:
    if "@" in _text(value):
        message = "holds a user name or password; write only https://HOST"
        raise ValueError(message)
    match = _fit(_ORIGIN, value, "is not an address of the form https://HOST, without path and query; write only that")
    if match["scheme"] == "http" and not is_loopback(match["host"]):
        message = "is plain http to another machine, and secrets travel over https only; write https://HOST"
        raise ValueError(message)
    return match[0].rstrip("/")


def _download_host(value: object) -> str:
    return _fit(_DOWNLOAD_HOST, value, "is not a host; write only HOST or HOST:PORT, without https:// and path")[0]


def _host_name(value: object) -> str:
    return _fit(_HOST_NAME, value, "is not a name of this machine; write only HOST, without https:// and port")[0]


def _listen(value: object) -> Listen | None:
    if value == "":
        return None
    match = _fit(_LISTEN, value, "is not HOST:PORT; write such as '127.0.0.1:8321', or '' for no page")
    return Listen(match["host"].strip("[]"), int(match["port"]))


def _api_version(value: object) -> str:
    return _fit(_API_VERSION, value, "is not a version of the vendor's API; write such as 'v8'")[0]


def _visible(value: object) -> str:
    text = _text(value)
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        message = "is empty or holds a blank or another character that does not belong there; copy it again"
        raise ValueError(message)
    return text


def _secret(value: object) -> SecretStr:
    return SecretStr(_visible(value.get_secret_value() if isinstance(value, SecretStr) else value))


def _secret_url(value: object) -> SecretStr:
    secret = _secret(value)
    match = _URL.fullmatch(secret.get_secret_value())
    if match is None or int(match["port"] or 0) > _LAST_PORT:
        message = "is not an address of the form https://HOST/PATH, without user and fragment; copy it again"
        raise ValueError(message)
    if match["scheme"].lower() == "http" and not is_loopback(match["host"].lower()):
        message = "is plain http to another machine, and secrets travel over https only; write https://HOST/PATH"
        raise ValueError(message)
    return secret


def _message_url(value: object) -> SecretStr:
    secret = _secret(value)
    if not _SCHEME.match(secret.get_secret_value()):
        message = "does not begin as a URL does; write such as mailtos://…"
        raise ValueError(message)
    return secret


def _list(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        items = json.loads(value)
    except (ValueError, RecursionError):
        items = None
    if not isinstance(items, list):
        message = """is not a list; write it as JSON, such as '["one", "two"]'"""
        raise ValueError(message)  # noqa: TRY004  # pydantic collects ValueErrors only
    return items


Duration = Annotated[timedelta, PlainValidator(_duration)]
SomeDuration = Annotated[timedelta, PlainValidator(_some_duration)]
WholeNumber = Annotated[int, BeforeValidator(_no_yes_or_no)]
Size = Annotated[int, PlainValidator(_size)]
SomeSize = Annotated[int, PlainValidator(_some_size)]
AbsolutePath = Annotated[Path, PlainValidator(_absolute_path)]
Origin = Annotated[str, PlainValidator(_origin)]
ListenAddress = Annotated[Listen | None, PlainValidator(_listen)]
ApiVersion = Annotated[str, PlainValidator(_api_version)]
Visible = Annotated[str, PlainValidator(_visible)]
Secret = Annotated[SecretStr, PlainValidator(_secret)]
DownloadHosts = Annotated[tuple[Annotated[str, PlainValidator(_download_host)], ...], BeforeValidator(_list)]
HostNames = Annotated[tuple[Annotated[str, PlainValidator(_host_name)], ...], BeforeValidator(_list)]
SecretUrl = Annotated[SecretStr, PlainValidator(_secret_url)]
MessageUrls = Annotated[tuple[Annotated[SecretStr, PlainValidator(_message_url)], ...], BeforeValidator(_list)]
