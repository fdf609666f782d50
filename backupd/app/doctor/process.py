"""Looks at what surrounds the process, whether the page may be opened, and whether messages have a way."""

from backupd.archive.trial import lies_on_root_mount
from backupd.core.diagnosis import process as rules
from backupd.core.diagnosis.finding import Finding, refused
from backupd.core.errors import ConfigurationError
from backupd.settings import Settings
from backupd.settings.provenance import Provenance


def examine(settings: Settings, found: Provenance) -> list[Finding]:
    """Look. Blocking: Apprise, if there are addresses for it, takes half a second to load."""
    inside = lies_on_root_mount(settings.archive.root)
    in_file = bool(found.secrets_in_file)
    around = rules.surroundings(found.process, secrets_in_file=in_file, in_its_own_layer=inside)
    return [*around, *_page(settings), _messages(settings)]


def _page(settings: Settings) -> list[Finding]:
    try:
        settings.page()
    except ConfigurationError as error:
        return [refused("page", error)]
    return []


def _messages(settings: Settings) -> Finding:
    try:
        urls, heartbeats = settings.message_urls(), settings.heartbeats()
    except ConfigurationError as error:
        return refused("messages", error)
    if not urls:
        return rules.messages({}, urls=0, heartbeats=len(heartbeats))
    from backupd.notify.apprise_door import AppriseDoor

    return rules.messages(AppriseDoor(urls).examine(), urls=len(urls), heartbeats=len(heartbeats))
