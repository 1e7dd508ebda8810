"""Questions made of a signature: what a server of the Open Inference Protocol reads in them."""

import json
import random
import struct

import ml_dtypes
import numpy as np
import pytest

from tfgate.loadtest.users.tensors import HEAD_LENGTH, GenericModel, tensor

DTYPES = {
    **{f"INT{bits}": np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": np.dtype(f"float{bits}") for bits in (16, 32, 64)},
    "BOOL": np.dtype("bool"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
}


@pytest.fixture
def source() -> random.Random:
    return random.Random(0)  # noqa: S311  # no secret depends on it


@pytest.mark.parametrize("datatype", DTYPES)
def test_a_tensor_holds_small_values_that_vary(datatype: str, source: random.Random) -> None:
    read = np.frombuffer(tensor(datatype, 100, source), DTYPES[datatype])

    assert len(read) == 100
    assert read.min() >= 0
    assert read.max() <= 1
    assert len(set(read.tolist())) > 1


def test_a_text_stands_behind_its_length(source: random.Random) -> None:
    content = tensor("BYTES", 10, source)

    texts = {text for _, text in struct.iter_unpack("<I1s", content)}
    assert texts == {b"0", b"1"}


def test_what_cannot_be_sent_is_named(source: random.Random) -> None:
    with pytest.raises(ValueError, match="COMPLEX64"):
        tensor("COMPLEX64", 1, source)


@pytest.mark.parametrize(
    ("shapes", "one", "several"),
    [
        ({"x": [-1, 2, -1], "n": [-1]}, {"x": [1, 2, 1], "n": [1]}, True),
        ({"x": [-1, 2], "scalar": []}, {"x": [1, 2], "scalar": []}, False),
        ({"x": [3, -1]}, {"x": [3, 1]}, False),
    ],
)
def test_a_question_is_of_one_row_or_of_several_where_a_model_takes_them(
    shapes: dict[str, list[int]],
    one: dict[str, list[int]],
    several: bool,
    source: random.Random,
) -> None:
    inputs = [{"name": name, "datatype": "FP32", "shape": shape} for name, shape in shapes.items()]
    model = GenericModel({"name": "a/b", "inputs": inputs}, source)

    asked = model.one(source)
    assert asked.path == "/v2/models/a%2Fb/infer"
    length = int(asked.headers[HEAD_LENGTH])
    described = json.loads(asked.body[:length])["inputs"]
    assert {each["name"]: each["shape"] for each in described} == one
    sizes = [each["parameters"]["binary_data_size"] for each in described]
    assert sizes == [4 * int(np.prod(shape)) for shape in one.values()]
    assert len(asked.body) == length + sum(sizes)

    asked = model.several(source)
    described = json.loads(asked.body[: int(asked.headers[HEAD_LENGTH])])["inputs"]
    rows = {each["shape"][0] for each in described if each["shape"]}
    assert (rows != {shape[0] for shape in one.values() if shape}) == several
    assert len(rows) == 1


def test_an_answer_names_its_model_before_its_tensors() -> None:
    model = GenericModel({"name": "m", "inputs": []}, random.Random(0))  # noqa: S311
    head = b'{"model_name": "m", "outputs": []}'

    assert model.answered_by({}, head) == "m"
    assert model.answered_by({HEAD_LENGTH: str(len(head))}, head + b"\x00\xff") == "m"
    with pytest.raises(ValueError, match="Expecting"):
        model.answered_by({}, b"<html>")
