"""Predict: the tensors that a message asks about, and the message that answers it."""

from proto.model_pb2 import ModelSpec
from proto.predict_pb2 import PredictRequest, PredictResponse
from serving import tensors
from serving.contract import Tensors
from serving.errors import FieldError, InvalidInput
from serving.gateway.dialects.calls import Asked
from serving.gateway.inference.client import Answer
from serving.gateway.inference.model_ref import PREDICT_SIGNATURE

SIGNATURE = "model_spec.signature_name"
_MAX_NAME = 100  # characters that are told


def signature_of(spec: ModelSpec) -> str:
    """Return the name of the signature that is asked."""
    return spec.signature_name or PREDICT_SIGNATURE


def understand(request: PredictRequest, *, max_bytes: int) -> Asked:
    """Read a request, whose values may be abbreviated to stand for no more than `max_bytes`.

    Raises:
        InvalidInput: a tensor of it, which the error names, cannot be read.
    """
    return Asked(
        inputs=_inputs(request, max_bytes),
        signature=signature_of(request.model_spec),
        outputs=tuple(request.output_filter),
    )


def write(request: PredictRequest, answer: Answer) -> PredictResponse:
    """Build the answer: with the version that was found, and values in typed fields.

    `tensor_content` would be cheaper for integers; but TensorFlow Serving sends it only if told to,
    and clients that read `float_val` themselves are many.
    """
    response = PredictResponse()
    spec = response.model_spec
    spec.name = request.model_spec.name
    spec.version.value = answer.version
    spec.signature_name = signature_of(request.model_spec)
    tensors.encode_typed(response.outputs, answer.outputs)
    return response


def _inputs(request: PredictRequest, max_bytes: int) -> Tensors:
    try:
        return tensors.decode_sent(request.inputs, max_bytes=max_bytes)
    except tensors.UnreadableTensor as error:
        shown = error.name[:_MAX_NAME]
        field = FieldError(f"inputs.{shown}", str(error))
        raise InvalidInput(f"input {shown!r}: {error}", fields=[field]) from error
