"""MLServer's types, codecs and stub, and `mlserver infer` with a file of requests, unmodified."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.foreign.clients.environments import needs_client, run, run_program
from tests.foreign.conftest import Answers
from tests.foreign.gateway import Addresses
from tests.foreign.models import FOREIGN_MODELS
from tests.foreign.questions import Asked

pytestmark = needs_client("mlserver")

KERAS = "two_ids_of_keras"


@pytest.fixture(scope="module")
def told(addresses: Addresses, common_questions: Asked) -> Any:
    where = (addresses.url, addresses.grpc)
    return run("mlserver", "mlserver_types.py", *where, str(common_questions.file))


def test_its_types_and_codecs_read_every_answer(told: Any, common_questions: Asked) -> None:
    common_questions.check(told["http"]["answers"])
    assert told["http"]["ids"] == ["mine"]
    assert KERAS in told["http"]["index"]
    assert "input user has the shape [1, 1]; expected is int64[batch]" in told["http"]["refused"]


@pytest.mark.parametrize("contents", ["typed", "raw"])
def test_its_stub_reads_every_answer(told: Any, common_questions: Asked, contents: str) -> None:
    common_questions.check(told["grpc"]["answers"][contents])


def test_it_reads_the_same_metadata_over_both(told: Any) -> None:
    assert told["grpc"]["live"] is True
    assert told["grpc"]["ready"] is True
    assert told["grpc"]["model_ready"] is True
    assert told["http"]["server"] == told["grpc"]["server"]
    assert told["http"]["model"] == told["grpc"]["model"]
    assert told["http"]["model"]["name"] == KERAS


@pytest.mark.parametrize(
    ("size", "binary"), [("3", ()), ("1", ("--binary-data",))], ids=["json", "binary"]
)
def test_its_command_asks_a_file_of_requests(
    addresses: Addresses, right: Answers, tmp_path: Path, size: str, binary: tuple[str, ...]
) -> None:
    users, items = FOREIGN_MODELS[KERAS].questions[1].inputs.values()
    requests, answers = tmp_path / "requests.jsonl", tmp_path / "answers.jsonl"
    pairs = zip(users.tolist(), items.tolist(), strict=True)
    requests.write_text("".join(f"{json.dumps(request(*pair))}\n" for pair in pairs))

    run_program(
        *("mlserver", "mlserver", "infer", "--model-name", KERAS, "--batch-size", size, *binary),
        *("--url", addresses.url.removeprefix("http://")),
        *("--input-data-path", str(requests), "--output-data-path", str(answers)),
    )

    scores = {}
    for line in answers.read_text().splitlines():
        answer = json.loads(line)
        outputs = {each["name"]: each["data"] for each in answer["outputs"]}
        scores[answer["id"]] = outputs["score"]
    expected = right[KERAS][1]["score"].tolist()
    assert scores == {
        f"user {user}": pytest.approx(score)
        for user, score in zip(users.tolist(), expected, strict=True)
    }


def request(user: int, item: int) -> dict[str, Any]:
    inputs = [
        {"name": name, "shape": [1], "datatype": "INT64", "data": [value]}
        for name, value in (("user", user), ("item", item))
    ]
    return {"id": f"user {user}", "inputs": inputs}
