"""Stores as tests open them, and answers to keep in them."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from serving.gateway.feedback.answers import Asked, KeptAnswer
from serving.gateway.feedback.feedback import open_feedback
from serving.gateway.feedback.store import Store
from serving.gateway.inference.answer_rows import Labels
from serving.gateway.settings import Settings

ANSWER = KeptAnswer(
    model="pets",
    version=3,
    route="stable",
    request_id="a",
    api_key=None,
    release_key=None,
    at=0,
    num_rows=2,
    rows=Labels(["cat", "dog"], [0.75, None], ["cat", "dog"]),
)
ASKED = Asked("pets", None, request_id="a")


@asynccontextmanager
async def opened(store: str, *, kept_seconds: int = 3600) -> AsyncIterator[Store]:
    """Open a store as a gateway does; it may also keep nothing for longer than no time."""
    settings = Settings.model_construct(store=store, feedback_seconds=kept_seconds)
    feedback = open_feedback(settings)
    assert feedback is not None
    try:
        yield feedback.store
    finally:
        await feedback.store.close()


def answer(**changes: object) -> KeptAnswer:
    """Return an answer of this moment."""
    return replace(ANSWER, **{"at": time.time(), **changes})  # type: ignore[arg-type]
