"""In every dialect: who names no version is split, who names one gets it, and answers say so."""

from collections.abc import Iterator

import pytest

from serving.gateway.inference.model_ref import ModelRef
from tests.in_process import Gateway, gateway
from tests.serving.gateway.releases.asking import (
    ASKS,
    MODEL,
    WITH_LABELS,
    ask,
    key_at,
    release,
    served,
    write,
)

IN, OUT = key_at(0, 0.1), key_at(0.1, 1)


def wait_until_split(tfgate: Gateway) -> None:
    tfgate.wait_until(lambda: ask(tfgate, key=IN).route == "candidate", "the candidate")


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Version 1 is stable, version 2 has ten percent, and 3 is there."""
    server = served(1, 2, 3)
    server.labels[MODEL] = {"old": 1, "tried": 2, "new": 3}
    file = write(tmp_path_factory.mktemp("split"), release(1, 2))
    with gateway(server, releases=file) as tfgate:
        tfgate.wait_until_ready()
        wait_until_split(tfgate)
        yield tfgate


@pytest.mark.parametrize("how", ASKS)
def test_callers_are_split_and_stay_where_they_are(split: Gateway, how: str) -> None:
    for _ in range(2):
        inside, outside = ask(split, how, key=IN), ask(split, how, key=OUT)

        assert (inside.version, inside.route) == (2, "candidate")
        assert (outside.version, outside.route) == (1, "stable")


@pytest.mark.parametrize("how", ASKS)
@pytest.mark.parametrize("version", [1, 2, 3])
def test_who_names_a_version_gets_it(split: Gateway, how: str, version: int) -> None:
    for key in (IN, OUT):
        told = ask(split, how, ModelRef(MODEL, version), key)

        assert (told.version, told.route) == (version, "pinned")


@pytest.mark.parametrize("how", WITH_LABELS)
@pytest.mark.parametrize(("label", "version"), [("old", 1), ("tried", 2), ("new", 3)])
def test_who_names_a_label_gets_its_version(
    split: Gateway, how: str, label: str, version: int
) -> None:
    for key in (IN, OUT):
        told = ask(split, how, ModelRef(MODEL, label=label), key)

        assert (told.version, told.route) == (version, "pinned")


def test_without_a_release_answers_say_that_they_are_the_default_or_pinned() -> None:
    with gateway(served(1, 2)) as tfgate:
        tfgate.wait_until_ready()
        for how in ASKS:
            told = ask(tfgate, how, key=IN)
            assert (told.version, told.route) == (2, "stable")
            pinned = ask(tfgate, how, ModelRef(MODEL, 1))
            assert (pinned.version, pinned.route) == (1, "pinned")


def test_pages_of_allowed_origins_may_send_the_key_and_read_the_route() -> None:
    with gateway(served(1), cors_origins=("https://shop.example",)) as tfgate:
        origin = {"Origin": "https://shop.example"}
        asked = {"Access-Control-Request-Method": "POST"}
        asked["Access-Control-Request-Headers"] = "x-release-key"

        preflight = tfgate.client.options(f"/predict/{MODEL}", headers=origin | asked)
        answer = tfgate.client.get("/models", headers=origin)

    assert preflight.status_code == 200
    assert "X-Release-Key" in preflight.headers["Access-Control-Allow-Headers"]
    assert "X-Model-Route" in answer.headers["Access-Control-Expose-Headers"]
