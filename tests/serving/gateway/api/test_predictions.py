"""What holds for every model: one instance, several, in their order, and who answered."""

import httpx
import pytest
from pydantic import TypeAdapter

from serving.models import MODELS
from tests.compare import assert_same
from tests.example_bodies import EXAMPLES, HOUSE

EVERY_MODEL = pytest.mark.parametrize("name", MODELS)


@EVERY_MODEL
def test_one_instance_gets_one_prediction(http: httpx.Client, name: str) -> None:
    answer = http.post(f"/predict/{name}", json=EXAMPLES[name])

    assert answer.status_code == 200
    document = answer.json()
    assert (document["model"], document["version"]) == (name, 1)
    TypeAdapter(MODELS[name].response).validate_python(document["prediction"], strict=True)


@EVERY_MODEL
def test_a_batch_is_answered_like_single_instances(http: httpx.Client, name: str) -> None:
    single = http.post(f"/predict/{name}", json=EXAMPLES[name]).json()

    batch = http.post(f"/predict/{name}/batch", json={"instances": [EXAMPLES[name]] * 5}).json()

    assert (batch["model"], batch["version"]) == (name, single["version"])
    assert_same(batch["predictions"], [single["prediction"]] * 5)


def test_the_largest_batch_is_answered_in_its_order(http: httpx.Client) -> None:
    houses = [{**HOUSE, "median_income": 1 + number / 20} for number in range(128)]

    answer = http.post("/predict/housing/batch", json={"instances": houses})

    assert answer.status_code == 200
    alone = [http.post("/predict/housing", json=house).json()["prediction"] for house in houses]
    assert answer.json()["predictions"] == alone
    assert len({each["price_usd"] for each in alone}) == 128, "a mix-up would not be noticed"


@EVERY_MODEL
def test_who_answered_stands_in_the_headers(http: httpx.Client, name: str) -> None:
    answer = http.post(f"/predict/{name}", json=EXAMPLES[name], headers={"X-Request-ID": "mine-1"})

    assert answer.headers["X-Request-ID"] == answer.json()["request_id"] == "mine-1"
    assert answer.headers["X-Model-Name"] == name
    assert answer.headers["X-Model-Version"] == str(answer.json()["version"])


def test_a_request_id_that_could_do_harm_is_replaced(http: httpx.Client) -> None:
    for given in ("", "a b", "x" * 129, "ü", "a\tb", "<script>"):
        headers = [(b"X-Request-ID", given.encode())]

        answer = http.post("/predict/housing", json=HOUSE, headers=headers)

        assert answer.headers["X-Request-ID"] == answer.json()["request_id"], given
        assert len(answer.headers["X-Request-ID"]) == 32, given
