"""One org's account at the vendor, as plain values."""

from dataclasses import dataclass, field

from backupd.core.errors import ConfigurationError
from backupd.zoho.hosts import base_url_problem


@dataclass(frozen=True, slots=True)
class Account:
    """Who we are at the vendor and where it is reached. No repr shows the secrets.

    Raises ConfigurationError if a base URL is neither https nor on loopback, since secrets are sent there.
    """

    org: str
    accounts_url: str  # `https://accounts.zoho.eu`
    api_domain: str  # `https://www.zohoapis.eu`
    download_hosts: tuple[str, ...]
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    api_version: str = "v8"

    def __post_init__(self) -> None:
        for key, url in (("accounts_url", self.accounts_url), ("api_domain", self.api_domain)):
            problem = base_url_problem(url)
            if problem is not None:
                raise ConfigurationError(f"orgs.{self.org}.{key}: it {problem}")

    @property
    def token_url(self) -> str:
        """Where access tokens are asked for."""
        return f"{self.accounts_url.rstrip('/')}/oauth/v2/token"

    @property
    def bulk_url(self) -> str:
        """The base of the five calls."""
        return f"{self.api_domain.rstrip('/')}/crm/bulk/{self.api_version}"
