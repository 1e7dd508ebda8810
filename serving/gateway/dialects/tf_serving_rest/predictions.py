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
from serving.gateway.inference.model_ref import EXPLAIN_SIGNATURE, PREDICT_SIGNATURE


@dataclass(frozen=True)
class PredictAsked(Asked):
    """What is asked, and whether it came `by_row`."""

    by_row: bool = True


def parse(
    body: bytes, live: LiveVersion, *, usual: str = PREDICT_SIGNATURE, slowly: bool = False
) -> PredictAsked:
    """Read the body of a predict request; `usual` is the signature that need not be named.

    Raises:
        Odd: it must be read `slowly`, which raises what follows instead.
        MalformedBody: it is no JSON.
        InvalidInput: it is not what the signature takes.
        Unimplemented: an input has a dtype that TF Serving reads from no JSON.
    """
    unnamed = live.signatures.get(usual)
    if not slowly and unnamed is not None and unnamed.inputs:
        rows = rows_of_numbers.read(body, unnamed)
        if rows is not None:
            return PredictAsked(rows, usual)
    asked = document.read(body, slowly=slowly)
    name = document.signature_name(asked)
    if usual == EXPLAIN_SIGNATURE:
        name = _why(name)
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


def write_explained(asked: PredictAsked, outputs: Tensors, live: LiveVersion) -> bytes:
    """Write an answer and, as `explanations`, what is given besides what predict gives.

    Raises:
        InvalidInput: as `write` says.
    """
    usual = live.signatures.get(PREDICT_SIGNATURE)
    known = () if usual is None else usual.outputs
    answer = {name: array for name, array in outputs.items() if name in known}
    why = {name: array for name, array in outputs.items() if name not in known}
    # Each is an object of one member, on lines of its own.
    answer_key = b"predictions" if asked.by_row else b"outputs"
    members = [write(asked, each)[1:-2] for each in (answer, why) if each]
    if why:
        members[-1] = members[-1].replace(answer_key, b"explanations", 1)
    return b"{" + b",".join(members) + b"\n}"


def _why(name: str) -> str:
    """Return the signature that explains, whether it is named or not."""
    if name not in {"", PREDICT_SIGNATURE, EXPLAIN_SIGNATURE}:
        message = f":explain asks for the signature explain, not for {name[:100]!r}"
        raise InvalidInput(message, hint="Send one of them.")
    return EXPLAIN_SIGNATURE


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
