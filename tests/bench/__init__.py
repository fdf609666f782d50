"""Measures downloads against what an operator would put together; `make bench` runs it."""
