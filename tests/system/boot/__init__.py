"""A machine that is really booted with systemd, and what is tried inside it.

`machine` boots it from outside; the modules that `tried` lists are tests that run inside, with help by `conftest`.
Nothing that happens inside is left on the disk.
"""
