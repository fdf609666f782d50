"""The places that settings come from, read but not yet checked: the file, the secret files, the environment.

Each place becomes one `Source`: nested values, and for every key the words that lead a person there.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

Key = tuple[str, ...]  # ("orgs", "main", "client_id")

PREFIX: Final = "BACKUPD_"
CONFIG_VARIABLE: Final = "BACKUPD_CONFIG"
_BETWEEN_LEVELS = "__"
# Kubernetes puts these into every container near a service called "backupd"; they are no settings.
_NOT_OURS = re.compile(r"BACKUPD_(SERVICE_(HOST|PORT\w*)|PORT(_\d+_(TCP|UDP)\w*)?)")
_LARGEST_FILE = 1_048_576  # bytes of the configuration, and
_LARGEST_SECRET = 65_536  # of one value: nothing is longer, and a device or a wrong mount must not fill the memory
_DEEPEST = 10  # levels of a key; no setting lies deeper than four
_OPAQUE = re.compile(r"(?=[A-Za-z+/=-]*[0-9])[0-9A-Za-z+/=-]{20,}")  # no word is like this, but a token is


@dataclass(frozen=True, slots=True)
class Source:
    """What one place says."""

    values: dict[str, Any] = field(repr=False)  # nested, as pydantic takes them
    places: Mapping[Key, str]  # each key that is set here, and where, in words
    by_variable: bool = False  # keys are spelled as variables here: BACKUPD_ARCHIVE__ROOT
    problems: tuple[str, ...] = ()  # must be mended
    unread: Mapping[Key, str] = field(default_factory=dict)  # matter only to those who need the value


def dotted(key: Key) -> str:
    """Spell a key as messages do: `orgs.main.client_id`. What looks like a token in a key's place is not spelled."""
    return shown(".".join(key))


def shown(name: str) -> str:
    """Leave out what looks like a token: it may stand where a name should."""
    return _OPAQUE.sub("…", name)


def variable(key: Key) -> str:
    """Spell a key as an environment variable or secret file: `BACKUPD_ORGS__MAIN__CLIENT_ID`."""
    return PREFIX + _BETWEEN_LEVELS.join(key).upper()


def from_file(path: Path) -> Source:
    """Read a TOML file. What is wrong with it is a problem in the answer, with the line if there is one."""
    try:
        content = _start_of(path, _LARGEST_FILE)
        values = tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        return _only_problem(f"{path}: cannot be read ({error.strerror}); name a file that is there and readable")
    except UnicodeDecodeError:
        return _only_problem(f"{path}: is not UTF-8 text; save it as such")
    except tomllib.TOMLDecodeError as error:
        return _only_problem(f"{path}: is not TOML: {shown(str(error))}; mend that line (texts stand in quotes)")
    except (RecursionError, ValueError):  # brackets or a number without end
        return _only_problem(f"{path}: holds what no setting needs, nested or long beyond reason; remove it")
    if len(content) > _LARGEST_FILE:
        return _only_problem(f"{path}: is too large for settings; name another file")
    return Source(values, dict(_places(values, path)))


def from_environment(environment: Mapping[str, str]) -> Source:
    """Take what begins with BACKUPD_ out of the environment."""
    found = {
        _key(name): (value, f"environment variable {shown(name)}")
        for name, value in sorted(environment.items())
        if name.upper().startswith(PREFIX) and name.upper() != CONFIG_VARIABLE and not _NOT_OURS.fullmatch(name)
    }
    return _from_variables(found)


def from_secret_files(folder: Path, *, must_exist: bool) -> Source:
    """Read the files of a folder whose names begin with BACKUPD_, each one value; a folder that is not there is empty.

    A file that cannot be read is a problem only to those who need its value (`unread`).
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.name.upper().startswith(PREFIX) and not path.is_dir())
    except FileNotFoundError:
        problem = f"{folder}: the folder of secret files does not exist; correct CREDENTIALS_DIRECTORY"
        return _only_problem(problem) if must_exist else Source({}, {})
    except OSError as error:
        return Source({}, {}, unread={(): f"{folder}: cannot be listed ({error.strerror}); let backupd's user read it"})
    found: dict[Key, tuple[str, str]] = {}
    unread: dict[Key, str] = {}
    for path in files:
        key = _key(_named_after(path))
        try:
            found[key] = (_value_in(path), f"secret file {path}")
        except OSError as error:
            unread[key] = (
                f"{dotted(key)}: secret file {path} cannot be read ({error.strerror}); let backupd's user read it"
            )
        except ValueError as error:
            unread[key] = f"{dotted(key)}: secret file {path} {error}"
    return _from_variables(found, unread)


def _named_after(path: Path) -> str:
    """Return the variable that a secret file is named after.

    systemd puts a credential's id before the name of each file of a folder: `backupd_BACKUPD_ORGS__MAIN__CLIENT_ID`.
    """
    bare = path.name[len(PREFIX) :]
    return bare if bare.upper().startswith(PREFIX) else path.name


def _start_of(path: Path, largest: int) -> bytes:
    """Read a file up to one byte more than it may have, so that too large a one does not fill the memory."""
    with path.open("rb") as file:
        return file.read(largest + 1)


def _value_in(path: Path) -> str:
    content = _start_of(path, _LARGEST_SECRET)
    if len(content) > _LARGEST_SECRET:
        message = "is too large; put one value into it and nothing else"
        raise ValueError(message)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = ""
    if not text.strip():
        message = "is empty or not text; put one value into it and nothing else"
        raise ValueError(message)
    return text.strip()


def _key(name: str) -> Key:
    parts = name[len(PREFIX) :].lower().encode("utf-8", "backslashreplace").decode().split(_BETWEEN_LEVELS)
    return tuple(parts[:_DEEPEST])


def _from_variables(found: Mapping[Key, tuple[str, str]], unread: Mapping[Key, str] | None = None) -> Source:
    values: dict[str, Any] = {}
    for key, (value, _) in sorted(found.items()):
        table: Any = values
        for part in key[:-1]:
            table = table.setdefault(part, {}) if isinstance(table, dict) else None
        if isinstance(table, dict):  # else the table itself was given as a text, which is told as its problem
            table[key[-1]] = value
    return Source(values, {key: place for key, (_, place) in found.items()}, by_variable=True, unread=unread or {})


def _places(values: Mapping[str, Any], path: Path, above: Key = ()) -> Iterator[tuple[Key, str]]:
    for name, value in values.items():
        if isinstance(value, dict) and value and len(above) < _DEEPEST:
            yield from _places(value, path, (*above, name))
        else:
            yield (*above, name), f"{path}, table [{dotted(above)}]" if above else f"{path}, before the first table"


def _only_problem(problem: str) -> Source:
    return Source({}, {}, problems=(problem,))
