"""TF Serving's PredictionService: unpacks requests, finds the version, packs answers."""

from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2
from tensorflow_serving.apis.model_pb2 import ModelSpec

from serving.embedded.catalog import ModelCatalog
from serving.embedded.rpc import Method
from serving.embedded.statuses import invalid_argument

SERVICE = "tensorflow.serving.PredictionService"

_SIGNATURES_FIELD = "signature_def"


class PredictionService:
    """The calls, each a function of request and time left in milliseconds."""

    def __init__(self, catalog: ModelCatalog) -> None:
        self._catalog = catalog

    def methods(self) -> dict[str, Method]:
        """Return the calls by their name on the wire."""
        return {
            "Predict": Method(predict_pb2.PredictRequest, self.predict),
            "GetModelMetadata": Method(
                get_model_metadata_pb2.GetModelMetadataRequest, self.get_model_metadata
            ),
        }

    def predict(
        self, request: predict_pb2.PredictRequest, timeout_milliseconds: int | None
    ) -> predict_pb2.PredictResponse:
        """Run a signature on named tensors."""
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        with self._catalog.in_use(request.model_spec) as (version, servable):
            response = servable.predict(request, timeout_milliseconds)
        _name(response.model_spec, request.model_spec.name, version)
        return response

    def get_model_metadata(
        self,
        request: get_model_metadata_pb2.GetModelMetadataRequest,
        timeout_milliseconds: int | None,  # noqa: ARG002 - every call has it
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """Describe a version's signatures."""
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
        with self._catalog.in_use(request.model_spec) as (version, servable):
            for name, definition in servable.definitions.items():
                signatures.signature_def[name].CopyFrom(definition)
        _name(response.model_spec, request.model_spec.name, version)
        response.metadata[_SIGNATURES_FIELD].Pack(signatures)
        return response


def _name(spec: ModelSpec, model: str, version: int) -> None:
    spec.name = model
    spec.version.value = version
