"""Answers to aiohttp clients without a network, mended to work with today's aiohttp."""

from typing import Any
from unittest.mock import Mock

from aiohttp import ClientResponse
from aioresponses import aioresponses
from aioresponses.core import RequestCall


class MendedResponse(ClientResponse):
    """A response made without a connection: aiohttp 3.14 wants a writer, which aioresponses does not know of."""

    def __init__(self, *args: Any, **fields: Any) -> None:
        fields.setdefault("stream_writer", Mock(output_size=0))
        super().__init__(*args, **fields)


class HttpAnswers(aioresponses):
    """Answers in the order they were added, once each; whatever is not foreseen is a refused connection."""

    def add(self, *args: Any, **fields: Any) -> None:
        """Foresee a request and its answer."""
        fields.setdefault("response_class", MendedResponse)
        super().add(*args, **fields)

    def calls(self) -> list[tuple[str, str, RequestCall]]:
        """Return all requests as (method, URL, call); those to one URL in their order."""
        return [(method, str(url), call) for (method, url), calls in self.requests.items() for call in calls]
