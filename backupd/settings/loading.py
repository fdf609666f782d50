"""From places to checked settings: the file, under the secret files, under the environment."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from backupd.core.errors import ConfigurationError
from backupd.settings import sources
from backupd.settings.model import SECRET_KEYS, Settings
from backupd.settings.problems import general, known_keys, told
from backupd.settings.sources import CONFIG_VARIABLE, Key, Source

USUAL_FILE: Final = Path("/etc/backupd/backupd.toml")
RUN_SECRETS: Final = Path("/run/secrets")

_TELLING = ("log", "metrics", "notify")  # tables that say how and whom to tell, as do these keys of an org
_OF_ORGS = ("heartbeat", "client_secret", "refresh_token")
_EVERY_TABLE = Source({name: {} for name in Settings.model_fields}, {})


def load(
    config: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    run_secrets: Path = RUN_SECRETS,
    usual_file: Path = USUAL_FILE,
) -> Settings:
    """Read and check all settings. `config` is the file that the command line names, which must be there.

    Secrets that are missing or cannot be read are no problem here, but to `Settings.require_credentials`.
    Raises ConfigurationError with every problem found, one line each.
    """
    given = os.environ if environment is None else environment
    strongest_first = _strongest_first(config, given, run_secrets, usual_file)
    known = tuple(known_keys(Settings))
    unread = {key: problem for source in strongest_first for key, problem in source.unread.items()}
    problems = [problem for source in strongest_first for problem in source.problems]
    problems += [problem for key, problem in unread.items() if not _is_secret(key)]
    places = {key: place for source in reversed(strongest_first) for key, place in source.places.items()}
    settings = None
    try:
        settings = Settings.out_of([source.values for source in strongest_first], unread=unread, set_in=places)
    except ValidationError as error:
        problems += told(error.errors(include_url=False, include_input=False), strongest_first, known)
    if settings is not None and not settings.orgs and not problems:
        problems.append(_no_orgs(config or Path(given.get(CONFIG_VARIABLE) or usual_file)))
    if settings is None or problems:
        raise ConfigurationError("\n".join(problems), problems=tuple(problems)) from None
    return settings


def load_telling(
    config: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    run_secrets: Path = RUN_SECRETS,
    usual_file: Path = USUAL_FILE,
) -> Settings:
    """Read, out of settings that are wrong, what is right of how and whom to tell of that; all else is by default."""
    given = os.environ if environment is None else environment
    places = _strongest_first(config, given, run_secrets, usual_file)
    unread = {key: problem for source in places for key, problem in source.unread.items()}
    values = [_telling(source.values) for source in places]
    try:
        return Settings.out_of(values, unread=unread, set_in={})
    except ValidationError as error:
        wrong = [found["loc"] for found in error.errors(include_url=False, include_input=False)]
    for one in values:
        for loc in wrong:
            _remove(one, loc)
    try:
        return Settings.out_of(values, unread=unread, set_in={})
    except ValidationError:
        return Settings.out_of([_EVERY_TABLE.values], unread=unread, set_in={})


def _telling(values: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the tables that say whom to tell, and how, and the secrets that are not to be told."""
    orgs = values.get("orgs")
    found: dict[str, Any] = {name: {} for name in Settings.model_fields}
    found |= {name: dict(values[name]) for name in _TELLING if isinstance(values.get(name), Mapping)}
    found["orgs"] = {
        org: {key: table[key] for key in _OF_ORGS if key in table}
        for org, table in (orgs.items() if isinstance(orgs, Mapping) else ())
        if isinstance(table, Mapping)
    }
    return found


def _remove(values: dict[str, Any], loc: Sequence[int | str]) -> None:
    """Take away what is wrong there: a key, or an org whose name is."""
    match loc:
        case ["orgs", str() as org, str() as key, *_] if key in _OF_ORGS:
            values["orgs"].get(org, {}).pop(key, None)
        case ["orgs", str() as org, *_]:
            values["orgs"].pop(org, None)
        case [str() as table, str() as key, *_]:
            values[table].pop(key, None)
        case _:
            pass


def _strongest_first(
    config: Path | None, environment: Mapping[str, str], run_secrets: Path, usual_file: Path
) -> tuple[Source, ...]:
    return (
        sources.from_environment(environment),
        *_secret_files(environment, run_secrets),
        *_file(config, environment, usual_file),
        _EVERY_TABLE,
    )


def _file(config: Path | None, environment: Mapping[str, str], usual: Path) -> tuple[Source, ...]:
    named = environment.get(CONFIG_VARIABLE)
    if config is not None:
        return (sources.from_file(config),)
    if named:
        return (sources.from_file(Path(named)),)
    return (sources.from_file(usual),) if _is_there(usual) else ()


def _secret_files(environment: Mapping[str, str], run_secrets: Path) -> tuple[Source, ...]:
    credentials = environment.get("CREDENTIALS_DIRECTORY")
    ours = (sources.from_secret_files(Path(credentials), must_exist=True),) if credentials else ()
    return (*ours, sources.from_secret_files(run_secrets, must_exist=False))


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # there, but not for us: reading it says why
    return True


def _is_secret(key: Key) -> bool:
    return not key or general(key) in SECRET_KEYS


def _no_orgs(file: Path) -> str:
    name = sources.variable(("orgs", "main", "client_id"))
    return f"orgs: no organisation is set up; add a table [orgs.main] to {file}, or set {name} and its like"
