"""From what pydantic found wrong to one line a problem: the key, what is wrong with it, where it stands, what to do.

Pydantic's own texts are not used: some repeat the input.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from backupd.settings.sources import Key, Source, dotted, variable

ANY = "*"  # in a known key: the operator chooses this part
_UNKNOWN = "extra_forbidden"
_CONSEQUENCE = "default_factory_not_called"  # follows from another error, which is told


def known_keys(model: type[BaseModel], above: Key = ()) -> Iterator[Key]:
    """List every key that there is, `*` standing for the name of an org."""
    for name, info in model.model_fields.items():
        table = _table_in(info.annotation)
        if table is None:
            yield (*above, name)
        else:
            yield from known_keys(table, (*above, name, ANY) if name == "orgs" else (*above, name))


def general(key: Key) -> Key:
    """Give the known key that a key of one org is a case of: `*` in place of the org's name."""
    return tuple(ANY if place == 1 and key[0] == "orgs" else part for place, part in enumerate(key))


def told(errors: Iterable[ErrorDetails], sources: Sequence[Source], known: Sequence[Key]) -> Iterator[str]:
    """Tell each error in a line; `sources` come strongest first."""
    for error in errors:
        key = tuple(part for part in error["loc"] if isinstance(part, str) and part != "[key]")
        if error["type"] == _CONSEQUENCE:
            continue
        if error["type"] == _UNKNOWN:
            yield from _unknown(key, sources, known)
        else:
            yield f"{dotted(key)}{_entry(error)}: {_reason(error)}{_place(key, sources)}"


def _unknown(key: Key, sources: Sequence[Source], known: Sequence[Key]) -> Iterator[str]:
    for source in sources:
        for found, place in source.places.items():
            if found[: len(key)] == key:
                right = _nearest(found, known)
                remedy = (
                    f"did you mean {variable(right) if source.by_variable else dotted(right)}?"
                    if right
                    else "remove it"
                )
                yield f"{dotted(found)}: is not a setting ({place}); {remedy}"


def _nearest(key: Key, known: Sequence[Key]) -> Key | None:
    org = key[1] if len(key) > 2 else "NAME"  # noqa: PLR2004  # orgs, its name, the setting
    spelled = {dotted(full): full for full in (tuple(org if part == ANY else part for part in one) for one in known)}
    spelled |= {dotted(full[:-1]): full[:-1] for full in spelled.values() if len(full) > 1}
    same_name = [full for full in spelled.values() if full[-1] == key[-1]] if len(key) == 1 else []
    near = get_close_matches(dotted(key), spelled, n=1, cutoff=0.7)
    return spelled[near[0]] if near else same_name[0] if same_name else None


def _entry(error: ErrorDetails) -> str:
    """Say which entry of a list it is, from 1, if it is one."""
    return next((f", entry {part + 1}" for part in error["loc"] if isinstance(part, int)), "")


def _reason(error: ErrorDetails) -> str:
    """What is wrong and what to do, without the value."""
    context: Mapping[str, Any] = error.get("ctx", {})
    match error["type"]:
        case "value_error":
            return str(context["error"])
        case "model_type" | "model_attributes_type" | "dict_type":
            return "is a table; set the keys in it, one by one"
        case "tuple_type" | "list_type":
            return "is not a list; write such as ['one', 'two']"
        case "literal_error":
            return f"is none of its values; write one of {context['expected']}"
        case "greater_than_equal":
            return f"is too small; write at least {context['ge']}"
        case "less_than_equal":
            return f"is too large; write at most {context['le']}"
        case kind if kind.startswith("int_"):
            return "is not a whole number; write such as 4"
        case kind if kind.startswith("bool_"):
            return "is neither true nor false; write one of them"
        case kind:
            return f"is not what it should be ({kind}); see its example in backupd.example.toml"


def _place(key: Key, sources: Sequence[Source]) -> str:
    for source in sources:
        for found, place in source.places.items():
            if found == key or (found[: len(key)] == key):
                return f" ({place})"
    return ""


def _table_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a field's type holds: itself, an optional one, or the values of a dictionary."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((table for part in getattr(annotation, "__args__", ()) if (table := _table_in(part))), None)
