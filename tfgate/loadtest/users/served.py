"""Which models a gateway serves, and what can be asked of each: made of what it tells of them."""

import json
import random
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from tfgate.loadtest.users.houses import house
from tfgate.loadtest.users.pictures import SMALL_PICTURES, picture
from tfgate.loadtest.users.questions import Instance, Model, TypedModel
from tfgate.loadtest.users.reviews import review
from tfgate.loadtest.users.tensors import GenericModel

TIMEOUT_SECONDS = 30
# Of so many users, this many ask a model.
SHARES = {"sentiment": 5, "image": 2}
SHARE = 3


class CannotTell(Exception):
    """A gateway does not say what can be asked."""


def served_models(
    url: str, key: str, wanted: list[str], source: random.Random
) -> dict[str, Model | CannotTell]:
    """Return the models that are wanted, or all that are served if none is; or why one cannot be.

    Raises:
        CannotTell: the gateway does not list its models.
    """

    def ask(path: str) -> Any:
        return _document(url.rstrip("/") + path, key)

    names = wanted or [each["name"] for each in ask("/models")["models"] if each["versions"]]
    found: dict[str, Model | CannotTell] = {}
    for name in names:
        try:
            found[name] = _model(name, ask, source)
        except CannotTell as error:
            found[name] = error
    return found


def taking_turns(models: list[Model]) -> list[Model]:
    """Put models in an order in which the first users meet them all, and all as many as is due."""
    shares = {model.name: SHARES.get(model.name, SHARE) for model in models}
    turns = [
        ((turn + 0.5) / shares[model.name], model.name, model)
        for model in models
        for turn in range(shares[model.name])
    ]
    return [model for _, _, model in sorted(turns, key=lambda each: each[:2])]


def _model(name: str, ask: Callable[[str], Any], source: random.Random) -> Model:
    if name in _VARIED:
        return _VARIED[name]
    encoded = quote(name, safe="")
    example: Instance | None = ask(f"/models/{encoded}").get("example")
    if example is not None:
        return TypedModel(name, lambda _: example)
    try:
        return GenericModel(ask(f"/v2/models/{encoded}"), source)
    except (KeyError, TypeError, ValueError) as error:
        message = f"{name} cannot be asked: {error}"
        raise CannotTell(message) from error


def _document(url: str, key: str) -> Any:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  # locust's own --host
    # The users go past any proxy of the environment, and so does this.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.load(answer)
    except (OSError, ValueError) as error:  # URLError and HTTPError are the former
        message = f"GET {url}: {error}"
        raise CannotTell(message) from error


def _upload(source: random.Random) -> tuple[str, bytes]:
    taken = picture(source)
    return taken.media_type, taken.content


# What people would ask the models that come with tfgate, and not one example again and again.
_VARIED: Mapping[str, Model] = {
    model.name: model
    for model in (
        TypedModel("housing", house),
        TypedModel("sentiment", lambda source: {"text": review(source)}),
        TypedModel(
            "image",
            # Who writes JSON has scaled the picture down.
            lambda source: {"image": picture(source, SMALL_PICTURES).base64},
            _upload,
        ),
    )
}
