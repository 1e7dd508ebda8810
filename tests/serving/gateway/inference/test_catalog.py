import asyncio

from serving.gateway.inference.catalog import Catalog
from serving.gateway.inference.client import ModelServerClient


def test_a_version_that_is_gone_has_no_card(model_server: str, gateway: str) -> None:
    """`gateway` is only waited for: its readiness is the model server's."""

    async def card_of_a_version_that_is_gone() -> object:
        async with ModelServerClient(model_server) as client:
            return await Catalog(client, timeout_seconds=5).card("housing", 4711)

    assert asyncio.run(card_of_a_version_that_is_gone()) is None
