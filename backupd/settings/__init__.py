"""The only reader of environment, configuration and secret files: checked values, or every problem in a line each."""

from backupd.settings.loading import load, load_telling
from backupd.settings.model import Credentials, Settings
from backupd.settings.tables import Org, Retention

__all__ = ["Credentials", "Org", "Retention", "Settings", "load", "load_telling"]
