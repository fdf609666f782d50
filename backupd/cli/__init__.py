"""The command line: commands, one file a group; an error becomes one line on stderr and an exit status.

Read `entry` first: it goes the short way for the daemon, `--run-once` and `--help`, and leaves the rest to `commands`.
"""
