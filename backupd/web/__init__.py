"""The page, /healthz and /metrics: what operators and their machines look at. Read-only.

Nothing of the web server is loaded until `Front.show` is told where to listen.
"""

from backupd.web.front import Front, Place

__all__ = ["Front", "Place"]
