"""backupd archives Zoho CRM backups before their links die: verified, recorded, and told."""

__version__ = "0.1.0"
