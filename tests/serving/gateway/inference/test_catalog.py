import asyncio

from serving.gateway.inference.catalog import Catalog
from serving.gateway.inference.client import ModelServerClient
from tests.fake_models import declared_models


def test_a_version_that_is_gone_has_no_card() -> None:
    async def card_of_a_version_that_is_gone() -> object:
        async with ModelServerClient("nowhere", None, declared_models().open_channel) as client:
            return await Catalog(client, timeout_seconds=5).card("housing", 4711)

    assert asyncio.run(card_of_a_version_that_is_gone()) is None
