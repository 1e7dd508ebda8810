"""What a generic model does not take is refused by name, in every dialect."""

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.foreign.dialects import DIALECTS
from tests.foreign.dialects.asking import Refused
from tests.foreign.gateway import Gateway
from tests.foreign.models import FOREIGN_MODELS, Question

# HTTP's numbers and gRPC's names for what is the client's fault. TensorFlow Serving has 501 for a
# dtype that it does not read from JSON.
REFUSED = {400, 404, 501, "FAILED_PRECONDITION", "INVALID_ARGUMENT", "NOT_FOUND"}
OPEN_INFERENCE = [name for name in DIALECTS if name.startswith(("v2", "open_inference"))]


def refusal(gateway: Gateway, dialect: str, model: str, question: Question) -> str:
    """Ask, and return why that was refused."""
    with pytest.raises(Refused) as caught:
        DIALECTS[dialect].ask(gateway, model, question)
    assert caught.value.status in REFUSED, caught.value
    return caught.value.text


def floats(*shape: int) -> NDArray[np.float32]:
    return np.ones(shape, np.float32)


WRONG: Mapping[str, tuple[str, Question, str]] = {
    "a scalar given a list": (
        "scalar_input",
        Question({"factor": floats(1), "vector": floats(3)}),
        "factor",
    ),
    "a fixed size given another": (
        "scalar_input",
        Question({"factor": floats(), "vector": floats(4)}),
        "vector",
    ),
    "a fixed batch given one row": ("fixed_batch", Question({"pair": floats(1, 2)}), "pair"),
    "a wrong inner size": ("hundred_heads", Question({"features": floats(2, 9)}), "features"),
    "a rank too few": ("padded_ids", Question({"ids": np.ones(3, np.int32)}), "ids"),
    "numbers for text": ("words_in_table", Question({"text": np.ones(1, np.int64)}), "text"),
    "text for numbers": (
        "padded_ids",
        Question({"ids": np.array([[b"a"]], object)}),
        "ids",
    ),
    "a wrong name": ("fixed_batch", Question({"pairs": floats(4, 2)}), "pair"),
}


def has_rows(what: str) -> bool:
    """Tell whether it is asked of a model whose requests may be joined."""
    return FOREIGN_MODELS[WRONG[what][0]].is_batched


@pytest.mark.parametrize("dialect", OPEN_INFERENCE)
@pytest.mark.parametrize("what", WRONG)
def test_a_refusal_names_the_input_and_what_is_expected(
    foreign_gateway: Gateway, what: str, dialect: str
) -> None:
    model, question, name = WRONG[what]

    text = refusal(foreign_gateway, dialect, model, question)

    assert f"input {name}" in text
    assert "expected is" in text


@pytest.mark.parametrize("what", [what for what in WRONG if has_rows(what)])
def test_tensorflow_servings_clients_hear_the_same(foreign_gateway: Gateway, what: str) -> None:
    model, question, name = WRONG[what]

    text = refusal(foreign_gateway, "tf_serving_grpc", model, question)

    assert f"input {name}" in text
    assert "expected is" in text
    refusal(foreign_gateway, "v1_columns", model, question)


@pytest.mark.parametrize("what", ["a fixed size given another", "a fixed batch given one row"])
def test_what_has_no_rows_is_looked_at_before_it_is_passed_on(
    foreign_gateway: Gateway, what: str
) -> None:
    """TensorFlow Serving checks no shape, and some graphs take others than they declare."""
    model, question, name = WRONG[what]

    text = refusal(foreign_gateway, "tf_serving_grpc", model, question)

    assert f"input {name} has the shape" in text


@pytest.mark.parametrize("dialect", DIALECTS)
def test_complex_numbers_are_refused_by_name(foreign_gateway: Gateway, dialect: str) -> None:
    question = Question({"wave": floats(2)})

    text = refusal(foreign_gateway, dialect, "complex_numbers", question)

    assert "complex64" in text


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_unknown_signature_is_refused(foreign_gateway: Gateway, dialect: str) -> None:
    question = Question({"pair": floats(4, 2)}, "no_such_signature")

    assert "no_such_signature" in refusal(foreign_gateway, dialect, "fixed_batch", question)


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name != "v1_rows"])
def test_no_rows_are_answered_with_no_rows(foreign_gateway: Gateway, dialect: str) -> None:
    answer = DIALECTS[dialect].ask(
        foreign_gateway, "hundred_heads", Question({"features": floats(0, 8)})
    )

    assert len(answer) == 100
    assert {array.shape for array in answer.values()} == {(0,)}
