"""Bytes from a link into staging: resume, ranges, retry, the pace of all downloads together."""

from backupd.download.downloader import Downloader, Limits
from backupd.download.for_org import OrgDownloads
from backupd.download.requests import Authorizer

__all__ = ["Authorizer", "Downloader", "Limits", "OrgDownloads"]
