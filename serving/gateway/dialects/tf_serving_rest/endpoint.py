"""TensorFlow Serving's REST API: which path is answered how."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from proto.classification_pb2 import ClassificationRequest, ClassificationResponse
from proto.model_pb2 import ModelSpec
from proto.predict_pb2 import PredictRequest, PredictResponse
from proto.regression_pb2 import RegressionRequest, RegressionResponse
from serving import tensors
from serving.contract import Tensors
from serving.errors import ModelServerFailure, TfgateError
from serving.gateway.dialects import brackets
from serving.gateway.dialects.calls import Asking, Call, Calls
from serving.gateway.dialects.tf_serving_rest import (
    example_calls,
    metadata,
    predictions,
    status,
)
from serving.gateway.dialects.tf_serving_rest.document import Odd
from serving.gateway.dialects.tf_serving_rest.errors import restated
from serving.gateway.dialects.tf_serving_rest.example_calls import Examples
from serving.gateway.dialects.tf_serving_rest.paths import Target, target_of
from serving.gateway.dialects.tf_serving_rest.predictions import PredictAsked
from serving.gateway.inference.live import LiveVersion
from serving.gateway.inference.model_ref import EXPLAIN_SIGNATURE, PREDICT_SIGNATURE

_SERVICE = "/tensorflow.serving.PredictionService"
_JSON = "application/json"
_HTML = "text/html; charset=ISO-8859-1"
# What is longer is read slowly, or written, in a thread only, beside what the event loop does.
_MAX_BYTES_ON_LOOP = 16_384

T = TypeVar("T")
M = TypeVar("M", bound=Message)
Relayed = PredictRequest | ClassificationRequest | RegressionRequest


class TfServingRest:
    """The ASGI application of the dialect."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            TfgateError: it is refused, or cannot be answered.
        """
        if scope["method"] == "OPTIONS":
            response = _preflight(scope)
        else:
            target = target_of(scope)
            with self._calls.begin(scope, receive) as call:
                try:
                    content = await self._answer(call, target)
                except TfgateError as error:
                    raise restated(error, target) from error.__cause__
            response = Response(content, media_type=_JSON)
        await response(scope, receive, send)

    async def _answer(self, call: Call, target: Target) -> bytes:
        ref = target.ref
        await call.find(ref.name)
        if target.method == "status":
            return status.write(ref, await self._calls.catalog.versions(ref.name))
        if target.method == "metadata":
            return metadata.write(await call.live(ref))
        body = await call.read()
        with await call.asking(ref) as model:
            version = _Version(model, await model.live())
            if target.method == "explain":
                return await _explained(version, body)
            if target.method == "predict":
                return await _predicted(version, body)
            asked = await _parsed(example_calls.parse, body)
            is_class = target.method == "classify"
            return await (version.classify(asked) if is_class else version.regress(asked))


async def _predicted(version: "_Version", body: bytes) -> bytes:
    wanted = await _parsed(partial(predictions.parse, live=version.live), body)
    outputs = await version.predict(wanted)
    if sum(array.nbytes for array in outputs.values()) > _MAX_BYTES_ON_LOOP:
        return await asyncio.to_thread(predictions.write, wanted, outputs)
    return predictions.write(wanted, outputs)


async def _explained(version: "_Version", body: bytes) -> bytes:
    """Answer as predict does, by the signature that also says why."""
    parse = partial(predictions.parse, live=version.live, usual=EXPLAIN_SIGNATURE)
    wanted = await _parsed(parse, body)
    outputs = await version.predict(wanted)
    return await asyncio.to_thread(predictions.write_explained, wanted, outputs, version.live)


@dataclass(frozen=True)
class _Version:
    """A version that is being asked."""

    model: Asking
    live: LiveVersion

    async def predict(self, asked: PredictAsked) -> Tensors:
        signature = self.live.signature(asked.signature)
        if not brackets.differ(asked.inputs, signature):
            return (await self.model.predict(asked)).outputs
        request = PredictRequest(model_spec=ModelSpec(signature_name=asked.signature))
        tensors.encode_all(request.inputs, asked.inputs)
        relayed = self._relay("Predict", request, brackets.num_rows(asked.inputs))
        answer = await brackets.explained(relayed, asked.inputs, signature)
        return tensors.decode_all(_read(PredictResponse, answer).outputs)

    async def classify(self, asked: Examples) -> bytes:
        spec = ModelSpec(signature_name=asked.signature)
        request = ClassificationRequest(model_spec=spec, input=asked.input)
        answer = await self._relay("Classify", request, asked.num_rows)
        return example_calls.write_classes(_read(ClassificationResponse, answer).result)

    async def regress(self, asked: Examples) -> bytes:
        spec = ModelSpec(signature_name=asked.signature)
        request = RegressionRequest(model_spec=spec, input=asked.input)
        answer = await self._relay("Regress", request, asked.num_rows)
        return example_calls.write_values(_read(RegressionResponse, answer).result)

    async def _relay(self, method: str, request: Relayed, num_rows: int) -> bytes:
        def write(live: LiveVersion) -> bytes:
            # What a label stands for, or which is the newest, is said by its number.
            request.model_spec.name = live.model
            request.model_spec.version.value = live.version
            return request.SerializeToString()

        return await self.model.relay_to_version(
            f"{_SERVICE}/{method}",
            write,
            num_rows,
            signature=request.model_spec.signature_name or PREDICT_SIGNATURE,
        )


async def _parsed(parse: Callable[..., T], body: bytes) -> T:
    """Read a body at once; if it is odd, once more and slowly, which says what is wrong."""
    try:
        return parse(body)
    except Odd:
        if len(body) <= _MAX_BYTES_ON_LOOP:
            return parse(body, slowly=True)
        return await asyncio.to_thread(parse, body, slowly=True)


def _read(kind: type[M], answer: bytes) -> M:
    try:
        return kind.FromString(answer)
    except DecodeError as error:
        message = "what the model server answered cannot be read"
        raise ModelServerFailure(message) from error


def _preflight(scope: Scope) -> Response:
    """Answer a browser's question beforehand as TF Serving does without its flag for CORS.

    With TFGATE_CORS_ORIGINS set, such questions are answered before they come here.
    """
    origin = next((value for name, value in scope["headers"] if name == b"origin"), b"")
    is_from_page = origin.startswith((b"http://", b"https://"))
    return Response(status_code=200 if is_from_page else 400, media_type=_HTML)
