"""Every setting: its key, its meaning, its form, its default. `config/backupd.example.toml` says the same to users."""

from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from backupd.settings.forms import (
    AbsolutePath,
    ApiVersion,
    DownloadHosts,
    Duration,
    HostNames,
    Listen,
    ListenAddress,
    MessageUrls,
    Origin,
    Secret,
    SecretUrl,
    Size,
    SomeDuration,
    SomeSize,
    Visible,
    WholeNumber,
)

DataCenterName = Literal["us", "eu", "in", "au", "jp", "ca", "sa", "cn", "uk"]

_TABLE = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class Archive(BaseModel):
    """Where snapshots are kept."""

    model_config = _TABLE

    root: AbsolutePath = Field(Path("/var/lib/backupd"), description="The folder that holds everything. It must exist.")
    min_free: Size = Field(10**9, description="So much of the disk stays free; downloads wait rather than use it.")
    require_mount: bool = Field(
        default=False, description="Refuse to work unless the root is a mount point, so that a missing disk is noticed."
    )
    keep_partial: bool = Field(
        default=False, description="Publish what was saved of a job whose links expired, marked as partial."
    )


class Catalog(BaseModel):
    """The index over the archive."""

    model_config = _TABLE

    path: AbsolutePath | None = Field(
        None, description="Where the index lies, if not in the archive's root: a local disk, for a root on NFS."
    )


def _usual_jitter(poll: dict[str, Any]) -> timedelta:
    every: timedelta = poll["every"]
    return min(every / 10, timedelta(minutes=1))


class Poll(BaseModel):
    """When the vendor is asked."""

    model_config = _TABLE

    every: SomeDuration = Field(timedelta(minutes=30), description="The daemon asks the vendor so often.")
    jitter: Duration = Field(
        default_factory=_usual_jitter,
        description="Each poll comes up to so much later, by chance; a tenth of `every` if not set, at most 1m.",
    )
    expect_every: SomeDuration | None = Field(
        None, description="Tell when no new backup came for so long, if not what the vendor's own schedule suggests."
    )

    @field_validator("jitter")
    @classmethod
    def _within_every(cls, jitter: timedelta, info: ValidationInfo) -> timedelta:
        if jitter > info.data.get("every", jitter):
            message = "is longer than poll.every; write a tenth of that, or 0s"
            raise ValueError(message)
        return jitter


class Download(BaseModel):
    """How files are fetched."""

    model_config = _TABLE

    files_at_once: WholeNumber = Field(4, ge=1, le=32, description="So many files are fetched at the same time.")
    connections: WholeNumber = Field(
        4, ge=1, le=64, description="So many connections are open at the same time, in all."
    )
    timeout: SomeDuration = Field(
        timedelta(seconds=60), description="A connection that brings no byte for so long is given up and replaced."
    )
    bandwidth: SomeSize | None = Field(
        None, description="All downloads together take at most so many bytes a second; without it, what the line gives."
    )


class Verify(BaseModel):
    """How files are checked, and checked again. The limits are for zips that were made to do harm."""

    model_config = _TABLE

    scrub_every: SomeDuration = Field(timedelta(days=30), description="Each archived file is read again so often.")
    max_ratio: WholeNumber = Field(
        1100, ge=1, description="A member of a zip may unpack to so many times its size; the usual method ends at 1032."
    )
    max_total: SomeSize = Field(2 * 1024**4, description="The members of one zip may unpack to so much in all.")
    max_members: WholeNumber = Field(1_000_000, ge=1, description="One zip may have so many members.")


class Retention(BaseModel):
    """Which snapshots `backupd prune` keeps; without any rule, all of them."""

    model_config = _TABLE

    keep_last: WholeNumber | None = Field(None, ge=1, description="Keep so many of the newest snapshots.")
    keep_daily: WholeNumber | None = Field(None, ge=1, description="Keep the newest snapshot of each of so many days.")
    keep_weekly: WholeNumber | None = Field(
        None, ge=1, description="Keep the newest snapshot of each of so many weeks."
    )
    keep_monthly: WholeNumber | None = Field(
        None, ge=1, description="Keep the newest snapshot of each of so many months."
    )
    keep_yearly: WholeNumber | None = Field(
        None, ge=1, description="Keep the newest snapshot of each of so many years."
    )
    keep_within: SomeDuration | None = Field(None, description="Keep every snapshot younger than this.")
    trash_for: Duration = Field(
        timedelta(days=7),
        description=(
            "What is dropped lies in `.trash` for so long before it is removed for good; what was received of a missed "
            "job, in `.staging`, too."
        ),
    )


class Web(BaseModel):
    """The status page."""

    model_config = _TABLE

    listen: ListenAddress = Field(Listen("127.0.0.1", 8321), description="HOST:PORT of the status page; '' for none.")
    token: Secret | None = Field(
        None, description="The page asks for this as a bearer token; needed to listen on anything but this machine."
    )
    hosts: HostNames = Field(
        (), description="Names by which browsers may reach the page, besides this machine's own, such as a proxy's."
    )


class Metrics(BaseModel):
    """Metrics of `backupd --run-once`; the daemon has them at /metrics of the status page."""

    model_config = _TABLE

    textfile: AbsolutePath | None = Field(
        None, description="Each `backupd --run-once` writes its metrics there, for node_exporter (so: NAME.prom)."
    )


class Log(BaseModel):
    """What is said on standard error."""

    model_config = _TABLE

    format: Literal["console", "json"] = Field("console", description="For people (console) or for machines (json).")
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Less than this is not said.")


class Notify(BaseModel):
    """Who is told."""

    model_config = _TABLE

    urls: MessageUrls = Field((), description="Where messages go, as Apprise URLs. They hold passwords: secrets.")
    success: bool = Field(default=False, description="Tell of each archived backup, too; else of what is wrong only.")


class Org(BaseModel):
    """One Zoho CRM organisation."""

    model_config = _TABLE

    data_center: DataCenterName = Field("us", description="The data centre that the organisation lives in.")
    client_id: Visible | None = Field(None, description="The client id of the API console.")
    client_secret: Secret | None = Field(None, description="The client secret of the API console.")
    refresh_token: Secret | None = Field(None, description="The refresh token: `backupd authorize` gets one.")
    api_version: ApiVersion = Field("v8", description="The version of the vendor's API.")
    accounts_url: Origin | None = Field(None, description="Where tokens come from, if not the data centre's server.")
    api_domain: Origin | None = Field(
        None, description="Where the API is, if not at the data centre's; it wins over what the token answer says."
    )
    download_hosts: DownloadHosts | None = Field(
        None, description="The hosts that files may come from, in place of the data centre's: HOST or HOST:PORT."
    )
    heartbeat: SecretUrl | None = Field(
        None, description="Each cycle tells this address how it went, as healthchecks.io has it. It is a secret."
    )
    retention: Retention | None = Field(None, description="This organisation's own rules, in place of [retention].")
