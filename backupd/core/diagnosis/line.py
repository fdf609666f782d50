"""The way to the vendor: proxies, certificates, the hosts of the links, the clocks at both ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from backupd.core.diagnosis.finding import Finding, failed, ok, warning
from backupd.core.exits import Exit
from backupd.core.figures import counted, span

_DOUBTFUL_SKEW = timedelta(minutes=5)  # beyond it, expiry dates begin to mislead us
_HARMFUL_SKEW = timedelta(days=1)  # beyond it, links are given up that live, or trusted that are dead


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy variable, and what its value names; never the user or password in it."""

    variable: str
    scheme: str
    address: str  # HOST:PORT; empty if there is none in it


@dataclass(frozen=True, slots=True)
class Proxies:
    """The variables that send us over proxies, or past them."""

    https: Proxy | None = None
    http: Proxy | None = None
    exceptions: str = ""  # NO_PROXY


def proxy(found: Proxies) -> Finding:
    """Say over which proxy the vendor is asked."""
    if found.https is None:
        if found.http is None:
            return ok("proxy", "none: the vendor is asked directly")
        text = f"{found.http.variable} is set and HTTPS_PROXY is not: the vendor is asked over https, so directly"
        return warning("proxy", text, f"Set HTTPS_PROXY as well, or remove {found.http.variable}.")
    variable, scheme, address = found.https.variable, found.https.scheme, found.https.address
    if scheme != "http" or not address:
        text = f"{variable} is not of the form http://HOST:PORT, and nothing else is understood"
        return failed(
            "proxy", text, "Write http:// there: what goes to the vendor is encrypted all the same.", Exit.CONFIG
        )
    but = f", but not to {found.exceptions}" if found.exceptions else ""
    return ok("proxy", f"{variable}: the vendor is asked over {address}{but}")


def certificates(variables: Mapping[str, str], problems: Mapping[str, str]) -> Finding:
    """Say which certificates are trusted; `problems` tells, by variable, why what it names cannot be used."""
    if problems:
        text = "; ".join(f"{name}: {variables[name]} {problem}" for name, problem in problems.items())
        remedy = "Name a readable PEM file (or a folder of them), or remove the variable to trust the system's own."
        return failed("certificates", text, remedy, Exit.CONFIG)
    if variables:
        return ok("certificates", "; ".join(f"{name}: {path} can be used" for name, path in variables.items()))
    return ok("certificates", "the system's own are trusted")


def link_hosts(org: str, problems: Mapping[str, str | None], *, untried: Sequence[str] = ()) -> Finding:
    """Say which hosts of links can be reached; `problems` tells for each why not, or None, but for the `untried`."""
    bad = [problem for problem in problems.values() if problem is not None]
    left = [f"not tried: {', '.join(untried)}, as links may lead to any port of this machine"] if untried else []
    if not bad:
        reachable = [f"reachable: {', '.join(problems)}"] if problems else []
        return ok("link hosts", "; ".join([*reachable, *left]), org=org)
    remedy = "Let the firewall or proxy pass connections to port 443 of them."
    if len(bad) < len(problems) or untried:
        return warning("link hosts", "; ".join([*bad, *left]), remedy, org=org)
    return failed("link hosts", "; ".join(bad), remedy, Exit.UNAVAILABLE, org=org)


def clock(org: str, skew: timedelta | None) -> Finding:
    """Compare the vendor's clock with ours, since expiry dates are its own."""
    remedy = "Let this machine keep its time by NTP."
    if skew is None:
        return warning(
            "clock",
            "the vendor's time is not known: nothing of it answered",
            "Look again when it can be reached.",
            org=org,
        )
    text = f"the vendor's clock differs from ours by {span(abs(skew))}"
    if abs(skew) > _HARMFUL_SKEW:
        return failed("clock", text, remedy, Exit.CONFIG, org=org)
    if abs(skew) > _DOUBTFUL_SKEW:
        return warning("clock", text, remedy, org=org)
    return ok("clock", text, org=org)


def scopes(org: str, granted: str | None, missing: Sequence[str]) -> Finding:
    """Say whether the token allows what is needed; `granted` is what the token's answer told."""
    if granted is None:
        text = "what the token allows was not told; downloads need ZohoFiles.files.ALL"
        return warning("scopes", text, "Look at a first download: `backupd --run-once`.", org=org)
    if missing:
        text = f"the refresh token lacks {counted(len(missing), 'scope')}: {', '.join(missing)}"
        remedy = "Make a new one with `backupd authorize`, with all of: ZohoCRM.bulk.backup.READ,ZohoFiles.files.ALL."
        return failed("scopes", text, remedy, Exit.REFUSED, org=org)
    return ok("scopes", "the token may read backups and download files", org=org)


def data_center(org: str, name: str | None, in_use: str, answered: str | None, right: str | None) -> Finding:
    """Say whether the data centre is right: `answered` is the other API host that a token's answer named, if it did."""
    what = f"{name}: {in_use}" if name else in_use
    if answered is None:
        return ok("data centre", what, org=org)
    text = f"the vendor's token is for {answered}, and {in_use} is asked"
    remedy = f"Set `data_center` to {right!r}." if right else "Correct `data_center` or `api_domain` of the org."
    return warning("data centre", text, remedy, org=org)
