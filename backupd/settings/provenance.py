"""Where the settings of this process came from, what it was started by, and how it gets out: facts for `backupd check`.

Says where secrets are, never what they are.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from backupd.core.diagnosis.line import Proxies, Proxy
from backupd.core.diagnosis.process import Process
from backupd.settings import sources
from backupd.settings.loading import RUN_SECRETS, USUAL_FILE
from backupd.settings.model import SECRET_KEYS
from backupd.settings.problems import general
from backupd.settings.sources import CONFIG_VARIABLE, PREFIX, Key, dotted

CERTIFICATE_VARIABLES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_CONFIDENTIAL = SECRET_KEYS - {("orgs", "*", "client_id")}  # that one is seen in every browser
_CREDENTIALS = "CREDENTIALS_DIRECTORY"
_IN_CONTAINERS = ("/.dockerenv", "/run/.containerenv")


@dataclass(frozen=True, slots=True)
class Provenance:
    """The places that settings were read from."""

    file: Path | None
    secrets_in_file: tuple[str, ...]  # keys, such as `orgs.main.client_secret`
    secret_files: tuple[Path, ...]
    process: Process


def provenance(
    config: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    run_secrets: Path = RUN_SECRETS,
    usual_file: Path = USUAL_FILE,
) -> Provenance:
    """Tell where `load` with the same arguments takes settings from."""
    given = os.environ if environment is None else environment
    named = config or (Path(given[CONFIG_VARIABLE]) if given.get(CONFIG_VARIABLE) else usual_file)
    file = named.absolute() if named.is_file() else None
    keys = sources.from_file(file).places if file else ()
    folders = [Path(given[_CREDENTIALS])] if given.get(_CREDENTIALS) else []
    variables = sources.from_environment(given).places
    process = Process(
        under_systemd=bool(given.get("INVOCATION_ID") or given.get(_CREDENTIALS)),
        has_credentials=bool(given.get(_CREDENTIALS)),
        in_container=bool(given.get("KUBERNETES_SERVICE_HOST")) or any(Path(mark).exists() for mark in _IN_CONTAINERS),
        secret_variables=tuple(sources.variable(key) for key in variables if _is_confidential(key)),
    )
    return Provenance(
        file,
        tuple(dotted(key) for key in keys if _is_confidential(key)),
        tuple(path for folder in (*folders, run_secrets) for path in _secret_files(folder)),
        process,
    )


def proxies(environment: Mapping[str, str] | None = None) -> Proxies:
    """Read the variables as HTTP clients do: small letters win, and an empty one is none."""
    given = os.environ if environment is None else environment
    return Proxies(_proxy(given, "https_proxy"), _proxy(given, "http_proxy"), _value(given, "no_proxy")[1])


def certificate_places(environment: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Return the variables that name certificates, and the paths that they name."""
    given = os.environ if environment is None else environment
    return {name: given[name] for name in CERTIFICATE_VARIABLES if given.get(name)}


def _is_confidential(key: Key) -> bool:
    return general(key) in _CONFIDENTIAL


def _secret_files(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(path for path in folder.iterdir() if path.name.upper().startswith(PREFIX) and path.is_file())
    except OSError:  # told by `load`, if it matters
        return


def _proxy(given: Mapping[str, str], name: str) -> Proxy | None:
    variable, value = _value(given, name)
    if not value:
        return None
    try:
        parts = urlsplit(value)
        address = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""
    except ValueError:
        return Proxy(variable, "", "")
    return Proxy(variable, parts.scheme, address)


def _value(given: Mapping[str, str], name: str) -> tuple[str, str]:
    return next(
        ((spelled, given[spelled]) for spelled in (name, name.upper()) if given.get(spelled)), (name.upper(), "")
    )
