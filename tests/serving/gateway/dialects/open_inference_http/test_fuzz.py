"""Whatever comes is understood or refused by name, and takes no more memory than is stated."""

import json
import subprocess
import sys
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from serving.errors import InvalidInput, MalformedBody
from serving.gateway.dialects.open_inference.datatypes import NUMPY_DTYPES
from tests.serving.gateway.dialects.open_inference_http.bodies import (
    AGES,
    WORDS,
    header_length,
    read,
    with_bytes,
)

JSON_PART_FACTOR = 25  # as docs/clients.md states it

SIZES = st.one_of(
    st.integers(-3, 4), st.integers(-(2**65), 2**65), st.sampled_from([2**31, 2**32, 2**62, 2**63])
)
LEAVES = (
    st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats() | st.text(max_size=9)
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
DATATYPES = st.sampled_from([*NUMPY_DTYPES, "COMPLEX64", ""])


def with_any(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly what is right, and sometimes anything at all."""
    return st.one_of(strategy, strategy, strategy, ANYTHING)


TENSORS = st.fixed_dictionaries(
    {
        "name": with_any(st.sampled_from(["ages", "words", "other"])),
        "datatype": with_any(DATATYPES),
        "shape": with_any(st.lists(SIZES, max_size=4)),
    },
    optional={
        "data": with_any(st.lists(LEAVES, max_size=6)),
        "parameters": with_any(
            st.fixed_dictionaries({}, optional={"binary_data_size": SIZES, "unknown": LEAVES})
        ),
    },
)
OUTPUTS = st.fixed_dictionaries(
    {"name": with_any(st.sampled_from(["scores", "label", "other"]))},
    optional={"parameters": with_any(st.fixed_dictionaries({"binary_data": st.booleans()}))},
)
REQUESTS = st.fixed_dictionaries(
    {"inputs": with_any(st.lists(TENSORS, max_size=3))},
    optional={
        "id": with_any(st.text(max_size=5)),
        "outputs": with_any(st.lists(OUTPUTS, max_size=3)),
        "parameters": with_any(
            st.fixed_dictionaries(
                {},
                optional={
                    "signature_name": st.sampled_from(["serving_default", "halves", "x"]),
                    "timeout": SIZES,
                    "binary_data_output": st.booleans(),
                },
            )
        ),
    },
)


def understood_or_refused(body: bytes, headers: dict[bytes, bytes]) -> None:
    try:
        asked = read(body, headers)
    except (InvalidInput, MalformedBody) as error:
        told = error.detail
    else:
        told = f"{len(asked.inputs)} tensors"
        assert all(array.dtype in NUMPY_DTYPES.values() for array in asked.inputs.values())
    assert 0 < len(told) < 5_000


@given(REQUESTS, st.binary(max_size=20), st.none() | st.integers(-20, 20))
def test_any_request_is_understood_or_refused(request: Any, rest: bytes, lie: int | None) -> None:
    document = json.dumps(request).encode()

    headers = {} if lie is None else header_length(max(0, len(document) + lie))
    understood_or_refused(document + rest, headers)


@given(st.binary(max_size=60), st.integers(0, 80) | st.none())
def test_any_bytes_are_understood_or_refused(body: bytes, length: int | None) -> None:
    understood_or_refused(body, {} if length is None else header_length(length))


@given(st.data())
def test_a_good_body_with_a_wrong_byte_is_understood_or_refused(data: st.DataObject) -> None:
    body, headers = with_bytes({"words": WORDS, "ages": AGES})
    index = data.draw(st.integers(0, len(body) - 1))

    changed = body[:index] + data.draw(st.binary(max_size=2)) + body[index + 1 :]
    understood_or_refused(changed, headers)


def test_json_takes_no_more_memory_than_stated() -> None:
    program = "tests.serving.gateway.dialects.open_inference_http.hostile"
    finished = subprocess.run([sys.executable, "-m", program], capture_output=True, check=True)
    factors = json.loads(finished.stdout)

    assert len(factors) > 10
    assert {kind: factor for kind, factor in factors.items() if factor > JSON_PART_FACTOR} == {}
