"""All settings as one checked value. The rest of the program gets plain values out of it, never the object itself."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Self

from pydantic import PlainValidator, PrivateAttr
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from backupd.core.errors import ConfigurationError
from backupd.core.names import ORG_NAME
from backupd.settings.forms import Listen, is_loopback
from backupd.settings.sources import Key, dotted, variable
from backupd.settings.tables import (
    Archive,
    Catalog,
    Download,
    Log,
    Metrics,
    Notify,
    Org,
    Poll,
    Retention,
    Verify,
    Web,
)

SECRET_KEYS: Final[frozenset[Key]] = frozenset(
    {
        ("orgs", "*", "client_id"),
        ("orgs", "*", "client_secret"),
        ("orgs", "*", "refresh_token"),
        ("orgs", "*", "heartbeat"),
        ("web", "token"),
        ("notify", "urls"),
    }
)
_CREDENTIALS = ("client_id", "client_secret", "refresh_token")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the vendor asks of an organisation; a repr shows none of it."""

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


def _org_name(value: object) -> str:
    if not isinstance(value, str) or not ORG_NAME.fullmatch(value):
        message = "is not the name of an org; write small letters, digits and _ only, such as [orgs.main]"
        raise ValueError(message)
    return value


class Settings(BaseSettings):
    """All settings, checked. Made by `load` only."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    archive: Archive
    catalog: Catalog
    poll: Poll
    download: Download
    verify: Verify
    retention: Retention
    web: Web
    metrics: Metrics
    log: Log
    notify: Notify
    orgs: dict[Annotated[str, PlainValidator(_org_name)], Org]

    _unread: Mapping[Key, str] = PrivateAttr(default_factory=dict)
    _places: Mapping[Key, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def out_of(
        cls, values: Sequence[Mapping[str, Any]], *, unread: Mapping[Key, str], set_in: Mapping[Key, str]
    ) -> Self:
        """Make settings of what the places say, strongest first. Raises ValidationError.

        `unread` tells, for keys whose secret files could not be read, why; `set_in`, for keys that are set, where.
        """
        places: dict[str, Any] = {"strongest_first": values}
        settings = cls(**places)
        settings._unread, settings._places = unread, set_in
        return settings

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the library's signature
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the library's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `out_of` hands over, and nothing that this library would look for by itself."""
        return tuple(InitSettingsSource(settings_cls, values) for values in init_settings()["strongest_first"])

    def require_credentials(self, org: str) -> Credentials:
        """Return what the vendor asks of an org. Raises ConfigurationError, one line for each part that is missing."""
        found = self.orgs[org]
        if found.client_id and found.client_secret and found.refresh_token:
            return Credentials(
                found.client_id, found.client_secret.get_secret_value(), found.refresh_token.get_secret_value()
            )
        missing = [("orgs", org, name) for name in _CREDENTIALS if getattr(found, name) is None]
        problems = tuple(self._unread.get(key) or _missing(key) for key in missing)
        if () in self._unread:
            problems = (*problems, self._unread[()])
        raise ConfigurationError("\n".join(problems), problems=problems)

    def root_set_in(self) -> str:
        """Say where the archive's root was set, in words."""
        return self._places.get(("archive", "root"), "by default, as it is not set")

    def retention_of(self, org: str) -> Retention:
        """Return the rules for an org: its own, else those for all."""
        return self.orgs[org].retention or self.retention

    def message_urls(self) -> tuple[str, ...]:
        """Return where messages go. Raises ConfigurationError if that cannot be read: else nobody would be told."""
        self._require_readable([("notify", "urls")])
        return tuple(url.get_secret_value() for url in self.notify.urls)

    def heartbeats(self) -> Mapping[str, str]:
        """Return the heartbeat's address of each org that has one. Raises ConfigurationError as `message_urls` does."""
        self._require_readable([("orgs", org, "heartbeat") for org in self.orgs])
        return {org: found.heartbeat.get_secret_value() for org, found in self.orgs.items() if found.heartbeat}

    def page(self) -> tuple[Listen, str | None] | None:
        """Return where the page listens, and its token if there is one; None: there is no page.

        Raises ConfigurationError if others could read it without a token, or if the token cannot be read.
        """
        listen, token = self.web.listen, self.web.token
        self._require_readable([("web", "token")])
        if listen is None:
            return None
        if token is None and not is_loopback(listen.host):
            key = ("web", "listen")
            place = self._places.get(key, "")
            problem = (
                f"{dotted(key)}: is an address that other machines reach, and the page has no token"
                f"{f' ({place})' if place else ''}; set {dotted(('web', 'token'))}, or listen on 127.0.0.1"
            )
            raise ConfigurationError(problem, problems=(problem,))
        return listen, token.get_secret_value() if token else None

    def _require_readable(self, keys: Sequence[Key]) -> None:
        problems = tuple(self._unread[key] for key in keys if key in self._unread)
        if problems:
            raise ConfigurationError("\n".join(problems), problems=problems)

    def secrets(self) -> Iterator[str]:
        """Yield every secret there is, so that none is ever shown."""
        orgs = self.orgs.values()
        own = (secret for org in orgs for secret in (org.client_secret, org.refresh_token, org.heartbeat))
        for secret in (*own, self.web.token, *self.notify.urls):
            if secret is not None:
                yield secret.get_secret_value()


def _missing(key: Key) -> str:
    name = variable(key)
    return f"{dotted(key)}: is missing; set it in the configuration, a secret file named {name}, or the variable {name}"
