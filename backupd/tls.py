"""Whom connections trust, read once; and aiohttp without the certificates that it would read when it is imported."""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module

_PLACES = ("SSL_CERT_FILE", "SSL_CERT_DIR")  # where OpenSSL looks for certificates, if the environment says so


@cache
def context() -> ssl.SSLContext:
    """Give what all sessions verify servers with: the system's certificates, or those that the environment names."""
    trusted = ssl.create_default_context()
    trusted.set_alpn_protocols(("http/1.1",))
    return trusted


def import_aiohttp() -> None:
    """Import aiohttp where there are no certificates, before there are threads, for it changes the environment.

    While it is imported aiohttp makes two contexts of its own and reads the system's certificates into each, which is a
    quarter of the import. Ours is given to every session; a session without would trust nobody.
    """
    with _no_certificates():
        import_module("aiohttp")


@contextmanager
def _no_certificates() -> Iterator[None]:
    kept = {name: os.environ[name] for name in _PLACES if name in os.environ}
    try:
        os.environ.update(dict.fromkeys(_PLACES, os.devnull))
        yield
    finally:
        for name in _PLACES:
            os.environ.pop(name, None)
        os.environ.update(kept)
