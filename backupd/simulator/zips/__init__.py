"""Realistic backup zips of any size, made as a stream from a seed."""

from backupd.simulator.zips.anatomy import zip_stream

__all__ = ["zip_stream"]
