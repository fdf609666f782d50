"""A configuration that leads to a simulated vendor: what `simulate` shows and what `demo` works with."""

from collections.abc import Iterable
from pathlib import Path

from backupd.simulator import OrgSpec, Vendor


def configuration(vendor: Vendor, root: Path, *, orgs: Iterable[OrgSpec] | None = None) -> str:
    """Write the settings file with which backupd archives from `vendor` into `root`."""
    parts = [f'[archive]\nroot = "{root}"\nmin_free = "100MB"\n\n[poll]\nevery = "10s"\njitter = "0s"\n']
    parts += [_org(org, vendor.url) for org in orgs or (org.spec for org in vendor.orgs)]
    return "\n".join(parts)


def _org(org: OrgSpec, url: str) -> str:
    return f"""\
[orgs.{org.name}]
client_id = "{org.client_id}"
client_secret = "{org.client_secret}"
refresh_token = "{org.refresh_token}"
accounts_url = "{url}"
api_domain = "{url}"
download_hosts = ["{url.partition("//")[2]}"]
"""
