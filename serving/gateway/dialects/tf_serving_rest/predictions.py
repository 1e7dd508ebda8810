"""Predict: a body in rows or in columns becomes tensors, and tensors an answer of the same form."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from serving.contract import Signature, Tensors, TensorSpec
from serving.errors import InvalidInput
from serving.gateway.dialects.calls import Asked
from serving.gateway.dialects.tf_serving_rest import (
    columnar_format,
    document,
    row_format,
    rows_of_numbers,
)
from serving.gateway.dialects.tf_serving_rest.columns import Columns, NotPlain
from serving.gateway.dialects.tf_serving_rest.document import Document, Odd
from serving.gateway.inference.live import LiveVersion
from serving.gateway.inference.model_ref import PREDICT_SIGNATURE


@dataclass(frozen=True)
class PredictAsked(Asked):
    """What is asked, and whether it came `by_row`."""

    by_row: bool = True


def parse(body: bytes, live: LiveVersion, *, slowly: bool = False) -> PredictAsked:
    """Read the body of a predict request.

    Raises:
        Odd: it must be read `slowly`, which raises what follows instead.
        MalformedBody: it is no JSON.
        InvalidInput: it is not what the signature takes.
        Unimplemented: an input has a dtype that TF Serving reads from no JSON.
    """
    usual = live.signatures.get(PREDICT_SIGNATURE)
    if not slowly and usual is not None and usual.inputs:
        rows = rows_of_numbers.read(body, usual)
        if rows is not None:
            return PredictAsked(rows)
    asked = document.read(body, slowly=slowly)
    name = document.signature_name(asked)
    signature = document.signature(name, live)
    by_row = _is_by_row(asked)
    try:
        inputs = _inputs(asked, signature, body, by_row=by_row, slowly=slowly)
    except NotPlain as error:
        raise Odd from error
    return PredictAsked(inputs, name or PREDICT_SIGNATURE, by_row=by_row)


def write(asked: PredictAsked, outputs: Tensors) -> bytes:
    """Write an answer.

    Raises:
        InvalidInput: the outputs have no rows, or not the same number, and rows are asked for.
    """
    return row_format.write(outputs) if asked.by_row else columnar_format.write(outputs)


def _is_by_row(asked: Document) -> bool:
    if "instances" not in asked and "inputs" not in asked:
        message = "Missing 'inputs' or 'instances' key"
        raise InvalidInput(message, hint="")
    if "instances" in asked and "inputs" in asked:
        raise document.wrong(
            asked,
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
        )
    return "instances" in asked


def _inputs(
    asked: Document, signature: Signature, body: bytes, *, by_row: bool, slowly: bool
) -> Tensors:
    if not by_row:
        value = asked["inputs"]
        if slowly:
            found = columnar_format.read(value, signature)
        else:
            found = columnar_format.read_at_once(value, signature, Columns(body))
        return {name: _with_row(array, signature.inputs[name]) for name, array in found.items()}
    rows = asked["instances"]
    if not isinstance(rows, list):
        raise document.wrong(asked, "Expecting 'instances' to be an list/array")
    if not rows:
        raise document.wrong(asked, "No values in 'instances' array")
    if slowly:
        return row_format.read(rows, signature)
    return row_format.read_at_once(rows, signature, Columns(body))


def _with_row(array: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    """Give an empty list, which says nothing of a row's shape, the signature's."""
    if array.shape != (0,) or not spec.has_batch:
        return array
    return array.reshape((0, *spec.row_shape))
