"""Implementations of the ports that work, in memory."""
