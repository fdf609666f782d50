"""The vendor's own SDK as one user. It takes most of a second to import, so that only its tests import it."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store import TokenStore
from zohocrmsdk.src.com.zoho.crm.api.backup import (
    APIException,
    Backup,
    BackupOperations,
    BodyWrapper,
    HISTORYParam,
    SuccessResponse,
)
from zohocrmsdk.src.com.zoho.crm.api.dc import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.exception import SDKException
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.parameter_map import ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig

from backupd.simulator import Vendor

__all__ = [
    "APIException",
    "Backup",
    "BodyWrapper",
    "HISTORYParam",
    "Initializer",
    "ParameterMap",
    "SDKException",
    "Sdk",
    "SuccessResponse",
]

T = TypeVar("T")


class Forgetful(TokenStore):  # type: ignore[misc]  # the SDK has no types
    """Keeps nothing, so that the SDK asks for a token whenever it starts."""

    def find_token(self, token): ...
    def save_token(self, token): ...
    def delete_token(self, id): ...  # noqa: A002  # the SDK's name
    def get_tokens(self): ...
    def delete_tokens(self): ...
    def find_token_by_id(self, id): ...  # noqa: A002  # the SDK's name


class Sdk:
    """The SDK pointed at a simulator."""

    def __init__(self, vendor: Vendor, folder: str) -> None:
        self._vendor = vendor
        self._folder = folder

    async def call(self, work: Callable[[BackupOperations], T], **token: str) -> T:
        """Start the SDK anew in a thread, and do something with it."""
        return await asyncio.to_thread(self._start_and, work, token)

    def _start_and(self, work: Callable[[BackupOperations], T], token: dict[str, str]) -> T:
        url = self._vendor.url
        given = {"refresh_token": "1000.simulated", **token}
        Initializer.initialize(
            DataCenter.Environment(url, url + "/oauth/v2/token", url),
            OAuthToken(client_id="1000.SIMULATED", client_secret="simulated", find_user=False, **given),
            store=Forgetful(),
            sdk_config=SDKConfig(update_api_domain=False, read_timeout=20, connect_timeout=20),
            resource_path=self._folder,
        )
        return work(BackupOperations())
