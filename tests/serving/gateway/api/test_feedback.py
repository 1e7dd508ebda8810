"""POST /feedback/{model}: truths are joined to answers, each once, and add up to figures."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.contract import Signature, Tensors, TensorSpec
from tests.example_bodies import EXAMPLES, HOUSE
from tests.fake_model_server import DEFAULT_SIGNATURE, FakeModelServer, FakeSignature, FakeVersion
from tests.fake_models import declared_models
from tests.in_process import Gateway, gateway, growth, reading
from tfgate.keys import create

GOOD, BAD = {"text": "good"}, {"text": "bad"}
# As the fake answers it: 0.909 for the label, 302,500 with a fifth to either side for the house.
SCORE = float(np.float32(10 / 11))
PRICE = 302_500.0


@pytest.fixture
def tfgate(store: str) -> Iterator[Gateway]:
    with gateway(store=store) as tfgate:
        tfgate.wait_until_ready()
        yield tfgate


@pytest.fixture(scope="module")
def asked() -> Iterator[Gateway]:
    """A gateway that has answered a text (a), two texts (b) and a house (h), and stays as it is."""
    with gateway() as tfgate:
        tfgate.wait_until_ready()
        ask(tfgate, "a")
        ask(tfgate, "b", {"instances": [GOOD, BAD]}, "sentiment/batch")
        ask(tfgate, "h", HOUSE, "housing")
        yield tfgate


def ask(
    tfgate: Gateway,
    request_id: str,
    document: Any = GOOD,
    path: str = "sentiment",
    headers: Mapping[str, str | bytes] | None = None,
) -> Any:
    named = {"X-Request-Id": request_id, **(headers or {})}
    encoded = {
        name.encode(): value if isinstance(value, bytes) else value.encode()
        for name, value in named.items()
    }
    answer = tfgate.client.post(f"/predict/{path}", json=document, headers=encoded)
    assert answer.status_code == 200, answer.text
    return answer.json()


def tell(
    tfgate: Gateway,
    document: Any,
    model: str = "sentiment",
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Any:
    answer = tfgate.client.post(f"/feedback/{model}", json=document, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def figures(tfgate: Gateway, model: str = "sentiment") -> dict[tuple[int, str], dict[str, Any]]:
    answer = tfgate.client.get(f"/feedback/{model}/figures")
    assert answer.status_code == 200, answer.text
    return {(each["version"], each["route"]): each for each in answer.json()["figures"]}


def outcomes(answer: Any) -> list[tuple[str, int]]:
    return [(each["outcome"], each["rows"]) for each in answer["results"]]


def test_a_label_is_joined_to_its_answer_once(tfgate: Gateway) -> None:
    ask(tfgate, "a")

    answer = tell(tfgate, {"request_id": "a", "label": "positive"})

    assert answer == {
        "model": "sentiment",
        "joined": 1,
        "results": [
            {
                "outcome": "joined",
                "rows": 1,
                "request_id": "a",
                "version": 1,
                "route": "stable",
                "message": None,
            }
        ],
    }
    again = tell(tfgate, {"request_id": "a", "label": "negative"})
    assert outcomes(again) == [("already-given", 0)]
    assert again["joined"] == 0
    assert figures(tfgate) == {
        (1, "stable"): {
            "version": 1,
            "route": "stable",
            "num_labels": 1,
            "accuracy": 1.0,
            "calibration_error": pytest.approx(1 - SCORE),
            "num_numbers": 0,
            "rmse": None,
            "mean_error": None,
            "coverage": None,
            "promised_coverage": None,
        }
    }


def test_prices_give_errors_and_the_share_within_their_intervals(tfgate: Gateway) -> None:
    ask(tfgate, "a", HOUSE, "housing")
    ask(tfgate, "b", {"instances": [HOUSE] * 2}, "housing/batch")

    joined = tell(tfgate, {"request_id": "a", "price_usd": PRICE - 3000}, "housing")["joined"]
    joined += tell(tfgate, {"request_id": "b", "value": [PRICE + 4000, 1e6]}, "housing")["joined"]

    assert joined == 3
    errors = np.array([3000, -4000, PRICE - 1e6])
    [found] = figures(tfgate, "housing").values()
    assert found["num_numbers"] == 3
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)))
    assert found["mean_error"] == pytest.approx(np.mean(errors))
    assert found["coverage"] == pytest.approx(2 / 3)
    assert found["promised_coverage"] == 0.9
    assert (found["num_labels"], found["accuracy"]) == (0, None)


def test_a_batch_is_told_row_by_row_or_as_a_whole(tfgate: Gateway) -> None:
    ask(tfgate, "a", {"instances": [GOOD, BAD, GOOD]}, "sentiment/batch")

    second = tell(tfgate, {"request_id": "a", "index": 1.0, "label": "negative"})
    whole = tell(tfgate, {"request_id": "a", "label": ["positive", "positive", "negative"]})
    again = tell(tfgate, {"request_id": "a", "index": 2, "label": "negative"})

    assert outcomes(second) == [("joined", 1)]
    assert outcomes(whole) == [("joined", 2)]
    assert outcomes(again) == [("already-given", 0)]
    [found] = figures(tfgate).values()
    # The second row is what was said of it first.
    assert (found["num_labels"], found["accuracy"]) == (3, pytest.approx(2 / 3))


def test_feedback_on_many_requests_comes_in_one(tfgate: Gateway) -> None:
    for name in "abc":
        ask(tfgate, name)
    items = [
        {"request_id": "a", "label": "positive"},
        {"request_id": "nobody", "label": "positive"},
        {"request_id": "c", "label": "negative"},
        {"request_id": "a", "label": "positive"},
    ]

    answer = tell(tfgate, {"feedback": items})

    assert answer["joined"] == 2
    assert outcomes(answer) == [
        ("joined", 1),
        ("unknown", 0),
        ("joined", 1),
        ("already-given", 0),
    ]
    unknown = answer["results"][1]
    assert unknown["request_id"] == "nobody"
    assert "too old" in unknown["message"]


def test_by_its_key_feedback_is_for_the_newest_answer(tfgate: Gateway) -> None:
    for name in "ab":
        ask(tfgate, name, headers={"X-Release-Key": "house-17"})
    ask(tfgate, "c", headers={"X-Release-Key": "house-18"})

    answer = tell(tfgate, {"key": "house-17", "label": "positive"})

    assert answer["results"][0]["request_id"] == "b"
    assert outcomes(tell(tfgate, {"key": "house-19", "label": "positive"})) == [("unknown", 0)]


@pytest.mark.parametrize("sent", ["é", "Ünal 🎈", "ключ"])
def test_a_key_of_any_letters_is_found(tfgate: Gateway, sent: str) -> None:
    ask(tfgate, "a", headers={"X-Release-Key": sent.encode()})
    assert outcomes(tell(tfgate, {"key": sent, "label": "positive"})) == [("joined", 1)]


def test_a_key_as_browsers_send_it_is_found(tfgate: Gateway) -> None:
    ask(tfgate, "a", headers={"X-Release-Key": "é".encode("latin-1")})
    assert outcomes(tell(tfgate, {"key": "é", "label": "positive"})) == [("joined", 1)]


def test_the_name_of_an_answer_without_one_is_told_with_it(tfgate: Gateway) -> None:
    answer = tfgate.client.post("/predict/sentiment", json=GOOD)
    for name in (answer.json()["request_id"], answer.headers["X-Request-Id"]):
        assert tell(tfgate, {"request_id": name, "label": "positive"})["results"][0]["version"] == 1


def test_the_route_is_told_apart(tfgate: Gateway) -> None:
    ask(tfgate, "a")
    ask(tfgate, "b", path="sentiment?version=1")
    for name, label in (("a", "positive"), ("b", "negative")):
        tell(tfgate, {"request_id": name, "label": label})

    found = figures(tfgate)

    assert {side: each["accuracy"] for side, each in found.items()} == {
        (1, "stable"): 1.0,
        (1, "pinned"): 0.0,
    }


def test_pictures_and_other_dialects_are_told_of_as_well(tfgate: Gateway) -> None:
    label = ask(tfgate, "a", EXAMPLES["image"], "image")["prediction"]["label"]
    assert outcomes(tell(tfgate, {"request_id": "a", "label": label}, "image")) == [("joined", 1)]
    document = {"instances": [{"text": "good"}]}
    headers = {"X-Request-Id": "b"}
    answer = tfgate.client.post("/v1/models/sentiment:predict", json=document, headers=headers)
    assert answer.status_code == 200, answer.text
    inputs = [{"name": "text", "shape": [2], "datatype": "BYTES", "data": ["good", "bad"]}]
    headers = {"X-Request-Id": "c"}
    answer = tfgate.client.post(
        "/v2/models/sentiment/infer", json={"inputs": inputs}, headers=headers
    )
    assert answer.status_code == 200, answer.text

    told = tell(
        tfgate,
        {
            "feedback": [
                {"request_id": "b", "label": "positive"},
                {"request_id": "c", "label": ["positive", "negative"]},
            ]
        },
    )

    assert outcomes(told) == [("joined", 1), ("joined", 2)]


@pytest.mark.parametrize(
    ("item", "model", "field", "words"),
    [
        ({"request_id": "a", "label": "postive"}, "sentiment", "label", "did you mean positive?"),
        ({"request_id": "a", "label": "x"}, "sentiment", "label", "there are negative, positive"),
        ({"request_id": "a", "label": 1}, "sentiment", "label", "there are negative, positive"),
        ({"request_id": "a", "label": ""}, "sentiment", "label", "there are negative, positive"),
        ({"request_id": "a", "value": 1}, "sentiment", "value", "answered a label"),
        ({"request_id": "h", "label": "high"}, "housing", "label", "answered a number"),
        ({"request_id": "h", "label": 300_000}, "housing", "label", "answered a number"),
        ({"request_id": "h", "price_usd": "3"}, "housing", "price_usd", "finite number"),
        ({"request_id": "h", "price_usd": True}, "housing", "price_usd", "finite number"),
        ({"request_id": "h", "value": 1e60}, "housing", "value", "finite number"),
        ({"request_id": "h", "value": -(10**60)}, "housing", "value", "finite number"),
        ({"request_id": "h", "price": 3}, "housing", "price", "did you mean price_usd?"),
        ({"request_id": "h", "prices": [3]}, "housing", "prices", "did you mean"),
        ({"request_id": "h", "price_usd": 3}, "sentiment", "price_usd", "is no field"),
        ({"request_id": "h", "value": []}, "housing", "value", "1 to 1,000"),
        ({"request_id": "h", "value": [1] * 1001}, "housing", "value", "1 to 1,000"),
        ({"request_id": "h", "value": [None]}, "housing", "value", "finite number"),
        ({"request_id": "h", "value": [[1]]}, "housing", "value", "finite number"),
        ({"request_id": "h", "value": [1, 2]}, "housing", "value", "the request had 1 row"),
        ({"request_id": "b", "label": "positive"}, "sentiment", "label", "say which by index"),
        ({"request_id": "b", "label": ["positive"]}, "sentiment", "label", "had 2 rows"),
        ({"request_id": "b", "label": "positive", "index": 2}, "sentiment", "index", "2 rows"),
        ({"request_id": "a", "label": "positive", "index": -1}, "sentiment", "index", "equal to 0"),
        ({"request_id": "a", "label": "positive", "index": 10**22}, "sentiment", "index", "1e+22"),
        ({"request_id": "a", "label": "positive", "index": 1e30}, "sentiment", "index", "1 row"),
        ({"request_id": "a", "label": "x", "index": 10**400}, "sentiment", "index", "too large"),
        ({"request_id": "a", "label": "positive", "index": 0.5}, "sentiment", "index", "integer"),
        ({"request_id": "a", "label": "positive", "index": "0"}, "sentiment", "index", "integer"),
        ({"request_id": "b", "label": ["positive"] * 2, "index": 0}, "sentiment", "", "an index"),
        ({"request_id": "a", "label": None}, "sentiment", "label", "left out"),
        ({"request_id": "a", "label": "positive", "key": None}, "sentiment", "key", "left out"),
        ({"request_id": "a"}, "sentiment", "", "either label or value"),
        ({"request_id": "a", "label": "positive", "value": 1}, "sentiment", "", "not both"),
        ({"label": "positive"}, "sentiment", "", "either request_id or key"),
        ({"request_id": "a", "key": "a", "label": "positive"}, "sentiment", "", "not both"),
        ({"request_id": "a b", "label": "positive"}, "sentiment", "request_id", "pattern"),
        ({"request_id": 7, "label": "positive"}, "sentiment", "request_id", "string"),
        ({"key": "", "label": "positive"}, "sentiment", "key", "at least 1"),
        ({"key": "x" * 257, "label": "positive"}, "sentiment", "key", "at most 256"),
        ({"request_id": "a", "label": {"is": "positive"}}, "sentiment", "label", "a label"),
        ({"request_id": "a", "label": True}, "sentiment", "label", "a label"),
        ({"request_id": "a", "label": 1.5}, "sentiment", "label", "a label"),
        ({"request_id": "a", "labels": "positive"}, "sentiment", "labels", "did you mean label?"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_with_the_field_and_the_reason(
    asked: Gateway, item: dict[str, Any], model: str, field: str, words: str
) -> None:
    alone = tell(asked, item, model, status=422)
    fitting: dict[str, Any] = {"request_id": "a", "label": "positive"}
    if model == "housing":
        fitting = {"request_id": "h", "value": 3}
    among = tell(asked, {"feedback": [fitting, item]}, model, status=422)

    for problem, place in ((alone, ""), (among, "feedback.1")):
        assert problem["code"] == "invalid-input"
        assert words in problem["detail"]
        [error] = problem["errors"]
        assert error["field"] == ".".join(filter(None, (place, field)))
    # Of a request that is refused, nothing is joined.
    assert figures(asked, model) == {}


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "empty"),
        (b"{", 400, "too early"),
        (b'{"request_id": "a", "label": "positive",}', 400, "comma"),
        (b"\xff\xfe", 400, "UTF-8"),
        (b"[]", 422, "an object"),
        (b"null", 422, "an object"),
        (b'{"feedback": {}}', 422, "array"),
        (b'{"feedback": []}', 422, "at least 1 item"),
        (b'{"feedback": [1]}', 422, "object"),
        (b'{"feedback": [], "label": "positive"}', 422, "feedback, label"),
        (b'{"request_id": "a", "value": NaN}', 422, "NaN"),
        (b'{"request_id": "a", "value": Infinity}', 422, "infinite"),
        (b'{"request_id": "a", "value": [1, NaN]}', 422, "finite"),
        (
            json.dumps({"feedback": [{"key": "k", "label": "x"}] * 1001}).encode(),
            422,
            "at most 1000 items",
        ),
        (json.dumps({"x": list(range(100_001))}).encode(), 422, "100,000 values"),
    ],
)
def test_a_body_that_is_none_is_told_why(
    asked: Gateway, body: bytes, status: int, words: str
) -> None:
    headers = {"Content-Type": "application/json"}

    answer = asked.client.post("/feedback/sentiment", content=body, headers=headers)

    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]


@pytest.mark.parametrize("media_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_another_kind_of_body_is_refused(asked: Gateway, media_type: str | None) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}

    answer = asked.client.post("/feedback/sentiment", content=b"{}", headers=headers)

    assert answer.status_code == 415
    assert answer.json()["code"] == "unsupported-media-type"


def test_a_body_is_read_up_to_the_limit_of_all_bodies() -> None:
    with gateway(max_body_bytes=1000) as tfgate:
        document = {"request_id": "a", "label": "x" * 1000}
        assert tell(tfgate, document, status=413)["code"] == "payload-too-large"


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    with gateway(predict_timeout_seconds=0.05) as tfgate:
        document = {"request_id": "a", "label": "positive"}
        with tfgate.ask("/feedback/sentiment", document, withheld=5) as visitor:
            answer = visitor.answer()
        assert (answer.status, answer.document["code"]) == (408, "request-timeout")


@pytest.mark.parametrize(("method", "end"), [("POST", ""), ("GET", "/figures")])
def test_a_model_that_there_is_none_of_has_no_feedback(
    asked: Gateway, method: str, end: str
) -> None:
    document = {"request_id": "a", "label": "positive"}
    answer = asked.client.request(method, f"/feedback/nothing{end}", json=document)
    assert answer.status_code == 404
    assert answer.json()["code"] == "unknown-model"


def test_the_answer_of_one_model_is_not_anothers(asked: Gateway) -> None:
    told = tell(asked, {"request_id": "a", "value": 3}, "housing")
    assert outcomes(told) == [("unknown", 0)]


def test_only_the_key_that_asked_may_say_what_was_right(tmp_path: Path, store: str) -> None:
    file = tmp_path / "keys.jsonl"
    alice, bob, carol = (create(file, name) for name in ("alice", "bob", "carol"))
    narrow = create(file, "narrow", models=["housing"])
    with gateway(store=store, keys_file=file) as tfgate:
        tfgate.wait_until_ready()
        mine, others = ({"X-API-Key": key} for key in (alice, bob))
        ask(tfgate, "a", headers={**mine, "X-Release-Key": "k"})
        ask(tfgate, "a", BAD, headers=others)
        told = {"request_id": "a", "label": "negative"}

        assert outcomes(tell(tfgate, told, headers=others)) == [("joined", 1)]
        assert outcomes(tell(tfgate, told, headers=mine)) == [("joined", 1)]
        strangers = {"X-API-Key": carol}
        assert outcomes(tell(tfgate, told, headers=strangers)) == [("unknown", 0)]
        by_key = {"key": "k", "label": "negative"}
        assert outcomes(tell(tfgate, by_key, headers=strangers)) == [("unknown", 0)]
        assert outcomes(tell(tfgate, by_key, headers=mine)) == [("already-given", 0)]
        assert tell(tfgate, told, status=401)["code"] == "unauthenticated"
        for_housing = {"X-API-Key": narrow}
        assert tell(tfgate, told, status=403, headers=for_housing)["code"] == "forbidden"
        answer = tfgate.client.get("/feedback/sentiment/figures", headers=for_housing)
        assert answer.status_code == 403
        answer = tfgate.client.get("/feedback/sentiment/figures", headers=strangers)
        [found] = answer.json()["figures"]
        assert (found["num_labels"], found["accuracy"]) == (2, 0.5)


def test_without_a_store_it_is_said_how_to_have_one() -> None:
    with gateway(store="none") as tfgate:
        tfgate.wait_until_ready()
        ask(tfgate, "a")
        for method, end in (("POST", ""), ("GET", "/figures")):
            answer = tfgate.client.request(method, f"/feedback/sentiment{end}", json={})
            assert answer.status_code == 501
            assert "TFGATE_STORE" in answer.json()["detail"]
            assert "TFGATE_STORE=sqlite" in answer.json()["hint"]


def classifier(inputs: Tensors) -> Tensors:
    """Say which of three ranges a number is in."""
    chosen = np.digitize(inputs["x"], [0, 10])
    return {"probabilities": 0.4 * np.eye(3, dtype=np.float32)[chosen] + np.float32(0.2)}


def regressor(inputs: Tensors) -> Tensors:
    return {"y": 2 * inputs["x"]}


def embedding(inputs: Tensors) -> Tensors:
    return {"vector": np.stack([inputs["x"]] * 4, axis=1)}


def generic_models() -> FakeModelServer:
    x = {"x": TensorSpec("float32", (None,))}
    outputs = {
        "ranges": ({"probabilities": TensorSpec("float32", (None, 3))}, classifier),
        "doubles": ({"y": TensorSpec("float32", (None,))}, regressor),
        "vectors": ({"vector": TensorSpec("float32", (None, 4))}, embedding),
    }
    server = declared_models()
    for name, (specs, run) in outputs.items():
        signature = FakeSignature(Signature(x, specs), run)
        server.models[name] = {1: FakeVersion({DEFAULT_SIGNATURE: signature})}
    return server


def test_generic_models_have_feedback_by_what_their_outputs_are(store: str) -> None:
    with gateway(generic_models(), store=store) as tfgate:
        tfgate.wait_until_ready()
        for model in ("ranges", "doubles", "vectors"):
            document = {"instances": [-1.0, 5.0]}
            path, named = f"/v1/models/{model}:predict", {"X-Request-Id": model}
            answer = tfgate.client.post(path, json=document, headers=named)
            assert answer.status_code == 200, answer.text

        told = tell(tfgate, {"request_id": "ranges", "label": [0.0, "2"]}, "ranges")
        assert outcomes(told) == [("joined", 2)]
        assert figures(tfgate, "ranges")[1, "stable"]["accuracy"] == 0.5
        for wrong in ([0, 3], [0, -1], ["00", 1], ["a", 0], ["²", 0]):
            problem = tell(tfgate, {"request_id": "ranges", "label": wrong}, "ranges", status=422)
            assert "the numbers 0 to 2" in problem["detail"]

        told = tell(tfgate, {"request_id": "doubles", "value": [1, 10]}, "doubles")
        assert outcomes(told) == [("joined", 2)]
        [found] = figures(tfgate, "doubles").values()
        assert (found["rmse"], found["coverage"]) == (pytest.approx(np.sqrt(4.5)), None)
        assert found["promised_coverage"] is None

        told = tell(tfgate, {"request_id": "vectors", "value": [1, 10]}, "vectors")
        assert outcomes(told) == [("unknown", 0)]


def test_metrics_add_up_to_the_figures(tfgate: Gateway) -> None:
    side = {"version": "1", "route": "stable"}
    ask(tfgate, "a", {"instances": [GOOD, {"text": "so so"}, BAD]}, "sentiment/batch")
    ask(tfgate, "h", {"instances": [HOUSE] * 2}, "housing/batch")
    first = {"request_id": "a", "index": 0, "label": "positive"}
    tell(tfgate, first)
    tell(tfgate, {"request_id": "h", "index": 0, "value": PRICE}, "housing")
    correct = growth("tfgate_feedback_total", model="sentiment", outcome="correct", **side)
    covered = growth("tfgate_feedback_total", model="housing", outcome="covered", **side)
    squares = growth("tfgate_feedback_squared_error_total", model="housing", **side)
    scores = growth("tfgate_feedback_confidence_total", model="sentiment", bin="1", **side)
    right = growth("tfgate_feedback_correct_total", model="sentiment", bin="1", **side)

    tell(tfgate, first)
    tell(tfgate, {"request_id": "a", "label": ["positive", "negative", "positive"]})
    tell(tfgate, {"request_id": "h", "value": [PRICE, PRICE + 100]}, "housing")

    assert correct() + reading("tfgate_feedback_total", outcome="wrong", **side) >= 2
    assert scores() == pytest.approx(SCORE)
    assert right() == 0
    assert covered() == 1
    assert squares() == 10_000
