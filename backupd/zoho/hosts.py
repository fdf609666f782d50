"""Where the vendor lives, and the one rule that says which URLs may be asked with a token.

The rule reads a URL by a narrow pattern of its own, so that no two URL parsers can disagree about its host: what does
not fit the pattern is refused. Resolves no names and opens nothing.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class DataCenter:
    """One of the vendor's data centres: base URLs for tokens and API calls, and the hosts that serve downloads."""

    name: str
    accounts_url: str
    api_domain: str
    download_hosts: tuple[str, ...]


def _data_center(name: str, *, accounts: str, api: str, files: str) -> DataCenter:
    hosts = (f"download-accl.{files}", f"download.{files}")
    return DataCenter(name, f"https://{accounts}", f"https://{api}", hosts)


DATA_CENTERS: Mapping[str, DataCenter] = MappingProxyType(
    {
        place.name: place
        for place in (
            _data_center("us", accounts="accounts.zoho.com", api="www.zohoapis.com", files="zoho.com"),
            _data_center("eu", accounts="accounts.zoho.eu", api="www.zohoapis.eu", files="zoho.eu"),
            _data_center("in", accounts="accounts.zoho.in", api="www.zohoapis.in", files="zoho.in"),
            _data_center("au", accounts="accounts.zoho.com.au", api="www.zohoapis.com.au", files="zoho.com.au"),
            _data_center("jp", accounts="accounts.zoho.jp", api="www.zohoapis.jp", files="zoho.jp"),
            _data_center("ca", accounts="accounts.zohocloud.ca", api="www.zohoapis.ca", files="zohocloud.ca"),
            _data_center("sa", accounts="accounts.zoho.sa", api="www.zohoapis.sa", files="zoho.sa"),
            _data_center("cn", accounts="accounts.zoho.com.cn", api="www.zohoapis.com.cn", files="zoho.com.cn"),
            _data_center("uk", accounts="accounts.zoho.uk", api="www.zohoapis.uk", files="zoho.uk"),
        )
    }
)

_HOST_AND_PORT = r"(?P<host>[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?"
_ENTRY = re.compile(_HOST_AND_PORT)
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://" + _HOST_AND_PORT + r"(?P<path>/[^?#\\]*)?"
    r"(?P<query>\?[^#\\]*)?"
    r"(?P<fragment>#[^\\]*)?"
)
_USER_INFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^/?#]*@")
_DEFAULT_PORTS = {"https": 443, "http": 80}
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Place:
    """Scheme, host and port of a URL, and its path as it was written (not decoded)."""

    scheme: str
    host: str  # lower case; IPv6 without brackets
    port: int
    path: str

    @property
    def address(self) -> str:
        """Host, and port if it is not the scheme's usual one."""
        return self.host if self.port == _DEFAULT_PORTS.get(self.scheme) else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Tell whether the host is this machine: 127.0.0.0/8, ::1 or `localhost`, in their plain spellings."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def data_center_of(api_address: str) -> str | None:
    """Name the data centre whose API is at this host, if one's is."""
    return next((name for name, one in DATA_CENTERS.items() if one.api_domain == f"https://{api_address}"), None)


def place_of(url: str) -> Place | None:
    """Take a URL apart, or return None if there is anything about it that two readers could understand differently."""
    if not url.isprintable() or any(char.isspace() for char in url):
        return None
    match = _URL.fullmatch(url)
    if match is None:
        return None
    scheme = match["scheme"].lower()
    port = int(match["port"]) if match["port"] else _DEFAULT_PORTS.get(scheme, 0)
    if port > _HIGHEST_PORT:
        return None
    return Place(scheme, match["host"].lower().strip("[]"), port, match["path"] or "/")


def place_behind(url: str) -> Place | None:
    """Take a URL apart as `place_of` does, but for user information before its host, which is passed over."""
    match = _USER_INFO.match(url)
    return place_of(match["scheme"] + url[match.end() :] if match else url)


def refusal(url: str, allowed: Iterable[str]) -> str | None:
    """Say why a URL must not be asked, or return None if it may: https, an allowed host to the letter, its usual port.

    `allowed` holds host names, each with a port if it is an unusual one (`files.example:8443`). On loopback, http and
    any port will do, unless the allowed entry names one. The reason holds nothing of the URL but host and port.
    """
    place = place_of(url)
    if place is None:
        return "has user information in it" if _USER_INFO.match(url) else "is not a plain URL"
    if place.scheme not in _DEFAULT_PORTS:
        return "is not https"
    if place.scheme == "http" and not place.is_loopback:
        return "is not https, which only this machine itself may do without"
    ports = [port for host, port in map(_host_and_port, allowed) if host == place.host]
    if not ports:
        return f"leads to {place.host}, which is not an allowed host"
    usual = _DEFAULT_PORTS[place.scheme]
    if any(place.port == (port or usual) or (port is None and place.is_loopback) for port in ports):
        return None
    return f"leads to port {place.port} of {place.host}, which is not an allowed one"


def allows_any_port(entry: str) -> bool:
    """Tell whether an allowed host stands for every port of it, as this machine does unless a port is named."""
    host, port = _host_and_port(entry)
    place = place_of(f"https://{entry.strip()}/")
    return bool(host) and port is None and place is not None and place.is_loopback


def base_url_problem(url: str) -> str | None:
    """Say why a configured base URL (accounts, API) cannot be used, or return None."""
    place = place_of(url)
    if place is None:
        return "is not a plain URL such as https://www.zohoapis.eu"
    return refusal(url, [f"[{place.host}]:{place.port}" if ":" in place.host else f"{place.host}:{place.port}"])


def _host_and_port(entry: str) -> tuple[str, int | None]:
    match = _ENTRY.fullmatch(entry.strip())
    if match is None:
        return ("", None)
    return (match["host"].lower().strip("[]"), int(match["port"]) if match["port"] else None)
