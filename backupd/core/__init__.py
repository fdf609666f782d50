"""The rules: pure values and functions on the standard library; no await, clock, file, socket or log."""
