"""Regress's side of a signature: which tensors it uses and how they become values.

The checks and texts are TF Serving's (regressor.cc).
"""

from collections.abc import Mapping

from google.protobuf import text_format
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis.regression_pb2 import RegressionResult

from serving.embedded.signature import REGRESS_METHOD
from serving.embedded.statuses import invalid_argument
from serving.embedded.tensor_protos import Array, dtype_name, shape_text


def tensors(definition: SignatureDef, checks_method: bool) -> tuple[str, dict[str, str]]:
    """Return the input's tensor and output alias -> tensor.

    Raises:
        StatusError: INVALID_ARGUMENT for a signature that cannot regress.
    """
    if checks_method and definition.method_name != REGRESS_METHOD:
        raise invalid_argument(
            f"Expected regression signature method_name to be {REGRESS_METHOD}. "
            f"Was: {definition.method_name}"
        )
    if len(definition.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if len(definition.outputs) != 1:
        raise invalid_argument("Expected one output Tensor.")
    written = text_format.MessageToString(definition)
    if "inputs" not in definition.inputs:
        raise invalid_argument(f"No regression inputs found in SignatureDef: {written}")
    if "outputs" not in definition.outputs:
        raise invalid_argument(f"No regression outputs found in SignatureDef: {written}")
    return definition.inputs["inputs"].name, {"outputs": definition.outputs["outputs"].name}


def result(outputs: Mapping[str, Array], examples: int) -> RegressionResult:
    """Return each example's value; the output is [examples] or [examples, 1].

    Raises:
        StatusError: INVALID_ARGUMENT for an output of another shape or type.
    """
    output = outputs["outputs"]
    if output.ndim != 1 and (output.ndim != 2 or output.shape[1] != 1):
        raise invalid_argument(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got "
            f"{shape_text(output)}"
        )
    if output.shape[0] != examples:
        raise invalid_argument(
            f"Input batch size did not match output batch size: {examples} vs. {output.shape[0]}"
        )
    if dtype_name(output) != "DT_FLOAT":
        raise invalid_argument(f"Expected output Tensor of DT_FLOAT.  Got: {dtype_name(output)}")
    answer = RegressionResult()
    for value in output.ravel().tolist():  # [examples, 1] -> [examples]
        answer.regressions.add(value=value)
    return answer
