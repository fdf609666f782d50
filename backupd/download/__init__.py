"""Bytes from a link into staging: resume, ranges, retry, the pace of all downloads together."""

from backupd.download.downloader import Downloader, Limits
from backupd.download.requests import Authorizer

__all__ = ["Authorizer", "Downloader", "Limits"]
