"""Classify's side of a signature: which tensors it uses and how they become classes.

The checks and texts are TF Serving's (classifier.cc).
"""

from collections.abc import Mapping

from google.protobuf import text_format
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis.classification_pb2 import ClassificationResult

from serving.embedded.signature import CLASSIFY_METHOD
from serving.embedded.statuses import invalid_argument
from serving.embedded.tensor_protos import Array, dtype_name, shape_text


def tensors(definition: SignatureDef, checks_method: bool) -> tuple[str, dict[str, str]]:
    """Return the input's tensor and output alias -> tensor.

    Raises:
        StatusError: INVALID_ARGUMENT for a signature that cannot classify.
    """
    if checks_method and definition.method_name != CLASSIFY_METHOD:
        raise invalid_argument(
            f"Expected classification signature method_name to be {CLASSIFY_METHOD}. "
            f"Was: {definition.method_name}"
        )
    if len(definition.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if len(definition.outputs) not in (1, 2):
        raise invalid_argument(
            f"Expected one or two output Tensors, found {len(definition.outputs)}"
        )
    written = text_format.MessageToString(definition)
    if "inputs" not in definition.inputs:
        raise invalid_argument(f"No classification inputs found in SignatureDef: {written}")
    present = [alias for alias in ("classes", "scores") if alias in definition.outputs]
    if not present:
        raise invalid_argument(
            'Expected classification signature outputs to contain at least one of "classes" or '
            f'"scores". Signature was: {written}'
        )
    outputs = {alias: definition.outputs[alias].name for alias in present}
    return definition.inputs["inputs"].name, outputs


def result(outputs: Mapping[str, Array], examples: int) -> ClassificationResult:
    """Return each example's classes; `classes` and `scores` are [examples, classes].

    Raises:
        StatusError: INVALID_ARGUMENT for outputs of another shape or type.
    """
    labels, scores = outputs.get("classes"), outputs.get("scores")
    if labels is not None:
        _check(labels, "classes", types_pb2.DT_STRING, examples)
    if scores is not None:
        _check(scores, "scores", types_pb2.DT_FLOAT, examples)
    if labels is not None and scores is not None and labels.shape[1] != scores.shape[1]:
        raise invalid_argument(
            "Tensors class and score should match in dim_size(1). Got "
            f"{labels.shape[1]} vs. {scores.shape[1]}"
        )
    number_of_classes = next(iter(outputs.values())).shape[1]  # [examples, classes]
    answer = ClassificationResult()
    for example in range(examples):
        classes = answer.classifications.add().classes
        for index in range(number_of_classes):
            one = classes.add()
            if labels is not None:
                # TF Serving sends a label that is no UTF-8 as it is; these messages refuse it.
                one.label = labels[example, index].decode(errors="replace")
            if scores is not None:
                one.score = scores[example, index]
    return answer


def _check(output: Array, alias: str, dtype: int, examples: int) -> None:
    if output.ndim != 2:
        raise invalid_argument(
            f"Expected Tensor shape: [batch_size num_classes] but got {shape_text(output)}"
        )
    expected = types_pb2.DataType.Name(dtype)
    if dtype_name(output) != expected:
        raise invalid_argument(f"Expected {alias} Tensor of {expected}. Got: {dtype_name(output)}")
    if output.shape[0] != examples:
        raise invalid_argument(
            f"Expected {alias} output batch size of {examples}. Got: {output.shape[0]}"
        )
