"""TensorFlow Serving's PredictionService and ModelService, passed through.

Predict goes by its tensors, so that they are checked and calls are shared. What has no batch is
checked and goes as it came; what has tensors that are not read here goes as it came, and so does
everything else.
"""

from collections.abc import Callable

from starlette.types import Receive, Scope, Send

from proto.example_calls_pb2 import ExampleInput, ExampleRequest, MultiInferenceRequest
from proto.metadata_pb2 import GetModelMetadataRequest
from proto.predict_pb2 import PredictRequest
from proto.status_pb2 import GetModelStatusRequest
from serving.contract import Signature
from serving.errors import FieldError, InvalidInput, NotFound
from serving.gateway.dialects import brackets
from serving.gateway.dialects.calls import Call, Calls, Pin, check_wanted
from serving.gateway.dialects.grpc_messages import parse, send_message
from serving.gateway.dialects.tf_serving_grpc import predict
from serving.gateway.dialects.tf_serving_grpc.specs import (
    all_pinned,
    asked_by,
    asked_by_all,
    pinned,
)
from serving.gateway.inference.input_check import check_inputs
from serving.gateway.inference.live import LiveVersion
from serving.gateway.inference.model_ref import EXPLAIN_SIGNATURE, ModelRef

_PREDICTION, _MODEL = "/tensorflow.serving.PredictionService", "/tensorflow.serving.ModelService"
_PREDICT = f"{_PREDICTION}/Predict"
_METADATA = f"{_PREDICTION}/GetModelMetadata"
_RELOAD = f"{_MODEL}/HandleReloadConfigRequest"


class TfServingGrpc:
    """ASGI application for calls of these two services."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._relayed: dict[str, tuple[Callable[[bytes], tuple[ModelRef, int]], Pin | None]] = {
            f"{_PREDICTION}/Classify": (_asks_with_examples, pinned),
            f"{_PREDICTION}/Regress": (_asks_with_examples, pinned),
            f"{_PREDICTION}/MultiInference": (_asks_several, all_pinned),
            f"{_MODEL}/GetModelStatus": (_asks_for_states, None),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call.

        Raises:
            TfgateError: it cannot be answered.
        """
        path = scope["path"]
        if path not in {_PREDICT, _METADATA} and path not in self._relayed:
            raise _not_offered(path)
        with self._calls.begin(scope, receive) as call:
            message = await call.read()
            if path == _PREDICT:
                answer = await self._predict(call, message)
            elif path == _METADATA:
                answer = await _describe(call, message)
            else:
                read, pin = self._relayed[path]
                ref, num_rows = read(message)
                with await call.asking(ref) as model:
                    answer = await model.relay(path, message, num_rows, pin=pin)
        await send_message(send, answer)

    async def _predict(self, call: Call, message: bytes) -> bytes:
        request = parse(PredictRequest, message)
        with await call.asking(asked_by(request)) as model:
            live = await model.live()
            name = predict.signature_of(request.model_spec)
            signature = _signature(live, name)
            call.context.version = live.version
            if signature.unsendable:
                return await model.relay(_PREDICT, message, pin=pinned, signature=name)
            asked = predict.understand(request, max_bytes=self._calls.max_body_bytes)
            if brackets.differ(asked.inputs, signature):
                num_rows = brackets.num_rows(asked.inputs)
                relayed = model.relay(_PREDICT, message, num_rows, pin=pinned, signature=name)
                return await brackets.explained(relayed, asked.inputs, signature)
            if not signature.is_batched:
                # Nothing is to be won by writing it anew; what does not fit is refused as ever.
                check_wanted(asked.outputs, signature)
                num_rows = check_inputs(asked.inputs, signature)
                return await model.relay(_PREDICT, message, num_rows, pin=pinned, signature=name)
            answer = await model.predict(asked)
        return predict.write(request, answer).SerializeToString()


def _asks_with_examples(message: bytes) -> tuple[ModelRef, int]:
    request = parse(ExampleRequest, message)
    return asked_by(request), _num_examples(request.input)


def _asks_several(message: bytes) -> tuple[ModelRef, int]:
    request = parse(MultiInferenceRequest, message)
    return asked_by_all(request.tasks), _num_examples(request.input)


async def _describe(call: Call, message: bytes) -> bytes:
    """Tell of the version that is named, or of the one that answers if none is."""
    ref = asked_by(parse(GetModelMetadataRequest, message))
    if ref == ModelRef(ref.name):
        message = pinned(message, (await call.live(ref)).version)
    with await call.asking(ref) as model:
        return await model.relay(_METADATA, message, 0)


def _asks_for_states(message: bytes) -> tuple[ModelRef, int]:
    # TensorFlow Serving does not look at a label here.
    return ModelRef(asked_by(parse(GetModelStatusRequest, message)).name), 0


def _num_examples(sent: ExampleInput) -> int:
    kind = sent.WhichOneof("kind")
    return len(getattr(sent, kind).examples) if kind else 0


def _not_offered(path: str) -> NotFound:
    if path == _RELOAD:
        message = "which models are served is not changed through the gateway"
        hint = "Change the model server's models.config, which it follows."
        return NotFound(message, hint=hint)
    return NotFound(f"there is no method {path[:200]}")


def _signature(live: LiveVersion, name: str) -> Signature:
    if name not in live.signatures and name != EXPLAIN_SIGNATURE:
        there = ", ".join(sorted(live.signatures))
        message = f'Serving signature key "{name[:100]}" not found; there are {there}'
        raise InvalidInput(message, fields=[FieldError(predict.SIGNATURE, message)])
    return live.signature(name)
