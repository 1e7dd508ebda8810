"""The tiny recipes, and a model server that fails when told to, in front of the shared one."""

from collections.abc import Iterator

import pytest

from tests.scripted_server import ScriptedServer, scripted_server
from tests.tiny_recipes import data_folder, tiny_recipes

__all__ = ["data_folder", "scripted", "scripted_session", "tiny_recipes"]


@pytest.fixture(scope="session")
def scripted_session(model_server: str) -> Iterator[ScriptedServer]:
    with scripted_server(model_server) as scripted:
        yield scripted


@pytest.fixture
def scripted(scripted_session: ScriptedServer) -> Iterator[ScriptedServer]:
    """The server, with no faults and no calls so far."""
    scripted_session.forget()
    yield scripted_session
    scripted_session.forget()
