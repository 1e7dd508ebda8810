"""TF Serving's PredictionService: unpacks requests, finds the version, packs answers."""

from typing import Any

from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    inference_pb2,
    predict_pb2,
    regression_pb2,
)
from tensorflow_serving.apis.model_pb2 import ModelSpec

from serving.embedded import example_calls
from serving.embedded.rpc import Method
from serving.embedded.servable import DEFAULT_SIGNATURE
from serving.embedded.served_models import ServedModels
from serving.embedded.signature import CLASSIFY_METHOD, REGRESS_METHOD
from serving.embedded.statuses import invalid_argument

SERVICE = "tensorflow.serving.PredictionService"

_SIGNATURES_FIELD = "signature_def"


class PredictionService:
    """The calls, each a function of request and time left in milliseconds."""

    def __init__(self, served: ServedModels) -> None:
        self._served = served

    def methods(self) -> dict[str, Method]:
        return {
            "Predict": Method(predict_pb2.PredictRequest, self.predict),
            "Classify": Method(classification_pb2.ClassificationRequest, self.classify),
            "Regress": Method(regression_pb2.RegressionRequest, self.regress),
            "MultiInference": Method(inference_pb2.MultiInferenceRequest, self.multi_inference),
            "GetModelMetadata": Method(
                get_model_metadata_pb2.GetModelMetadataRequest, self.get_model_metadata
            ),
        }

    def predict(
        self, request: predict_pb2.PredictRequest, timeout_milliseconds: int | None
    ) -> predict_pb2.PredictResponse:
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        with self._served.in_use(request.model_spec) as (version, servable):
            response = servable.predict(request, timeout_milliseconds)
        _name(response.model_spec, request.model_spec, version)
        return response

    def classify(
        self, request: classification_pb2.ClassificationRequest, timeout_milliseconds: int | None
    ) -> classification_pb2.ClassificationResponse:
        response = classification_pb2.ClassificationResponse()
        self._infer(CLASSIFY_METHOD, request, response, timeout_milliseconds)
        return response

    def regress(
        self, request: regression_pb2.RegressionRequest, timeout_milliseconds: int | None
    ) -> regression_pb2.RegressionResponse:
        response = regression_pb2.RegressionResponse()
        self._infer(REGRESS_METHOD, request, response, timeout_milliseconds)
        return response

    def multi_inference(
        self, request: inference_pb2.MultiInferenceRequest, timeout_milliseconds: int | None
    ) -> inference_pb2.MultiInferenceResponse:
        """Classify and regress the same Examples with signatures of one version."""
        spec = request.tasks[0].model_spec if request.tasks else ModelSpec()
        with self._served.in_use(spec) as (version, servable):
            results = example_calls.run_many(servable, request, timeout_milliseconds)
        response = inference_pb2.MultiInferenceResponse()
        for task, result in zip(request.tasks, results, strict=True):
            one = response.results.add()
            _name(one.model_spec, task.model_spec, version)
            if task.method_name == CLASSIFY_METHOD:
                one.classification_result.CopyFrom(result)
            else:
                one.regression_result.CopyFrom(result)
        return response

    def _infer(
        self, method: str, request: Any, response: Any, timeout_milliseconds: int | None
    ) -> None:
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        with self._served.in_use(request.model_spec) as (version, servable):
            result = example_calls.run_one(servable, method, request, timeout_milliseconds)
        response.result.CopyFrom(result)
        _name(response.model_spec, request.model_spec, version)

    def get_model_metadata(
        self,
        request: get_model_metadata_pb2.GetModelMetadataRequest,
        timeout_milliseconds: int | None,  # noqa: ARG002 - every call has it
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        if not request.metadata_field:
            raise invalid_argument(
                "GetModelMetadataRequest must specify at least one metadata_field"
            )
        for name in request.metadata_field:
            if name != _SIGNATURES_FIELD:
                raise invalid_argument(f"Metadata field {name} is not supported")
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        signatures = get_model_metadata_pb2.SignatureDefMap()
        with self._served.in_use(request.model_spec) as (version, servable):
            for name, definition in servable.definitions.items():
                signatures.signature_def[name].CopyFrom(definition)
        response.model_spec.name = request.model_spec.name
        response.model_spec.version.value = version
        response.metadata[_SIGNATURES_FIELD].Pack(signatures)
        return response


def _name(answered: ModelSpec, asked: ModelSpec, version: int) -> None:
    """Say which version and signature gave the answer."""
    answered.name = asked.name
    answered.version.value = version
    answered.signature_name = asked.signature_name or DEFAULT_SIGNATURE
