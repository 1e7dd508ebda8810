"""One loaded version of a model, answering on its signatures; knows no versions or labels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import predict_pb2

from serving.embedded import saved_model, tensor_protos
from serving.embedded.batching import BatchedRuns, Batching
from serving.embedded.session import GraphTensor
from serving.embedded.signature import BoundSignature
from serving.embedded.statuses import failed_precondition
from serving.embedded.tensor_protos import Array

DEFAULT_SIGNATURE = "serving_default"


@dataclass(frozen=True)
class ServableOptions:
    """How every version is loaded and answers."""

    tags: tuple[str, ...]
    session_config: tf.compat.v1.ConfigProto
    answers_as_tensor_content: bool = False
    checks_method_names: bool = False
    batching: Batching | None = None


class Servable:
    """A SavedModel in memory; safe to call from many threads."""

    def __init__(self, directory: Path, options: ServableOptions) -> None:
        """Load the SavedModel; raises StatusError."""
        self.options = options
        meta_graph, self._session = saved_model.load(
            directory, options.tags, options.session_config
        )
        self.definitions: Mapping[str, meta_graph_pb2.SignatureDef] = dict(meta_graph.signature_def)
        self._signatures = {name: BoundSignature.of(d) for name, d in self.definitions.items()}
        self._tensors: dict[str, GraphTensor] = {}
        self._batched = options.batching and BatchedRuns(
            options.batching, self._run, [each.names() for each in self._signatures.values()]
        )

    def close(self) -> None:
        """Cancel what still runs and free the memory."""
        self._session.close()
        if self._batched:
            self._batched.close()

    def predict(
        self, request: predict_pb2.PredictRequest, timeout_milliseconds: int | None = None
    ) -> predict_pb2.PredictResponse:
        """Answer a request whatever model it names; the answer's `model_spec` is left empty.

        Raises:
            StatusError: FAILED_PRECONDITION for an unknown signature, INVALID_ARGUMENT for inputs
                or outputs that do not fit it, otherwise what the kernels say.
        """
        name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        signature = self._signatures.get(name)
        if signature is None:
            raise failed_precondition(f'Serving signature key "{name}" not found.')
        if self.options.checks_method_names:
            signature.check_method()
        feeds = signature.feeds(request.inputs)
        outputs = signature.fetches(request.output_filter)
        results = self.run(feeds, outputs.values(), timeout_milliseconds)
        response = predict_pb2.PredictResponse()
        as_content = self.options.answers_as_tensor_content
        for (alias, tensor), result in zip(outputs.items(), results, strict=True):
            dtype = self._tensor(tensor).dtype
            tensor_protos.encode(response.outputs[alias], result, dtype, as_content)
        return response

    def run(
        self,
        feeds: Mapping[str, Array],
        fetches: Iterable[str],
        timeout_milliseconds: int | None = None,
    ) -> list[Array]:
        """Run the graph on tensors given by name, with other calls' if so set; StatusError."""
        run = self._batched.run if self._batched else self._run
        return run(feeds, list(fetches), timeout_milliseconds)

    def _run(
        self,
        feeds: Mapping[str, Array],
        fetches: Sequence[str],
        timeout_milliseconds: int | None = None,
    ) -> list[Array]:
        return self._session.run(
            {self._tensor(name).handle: array for name, array in feeds.items()},
            [self._tensor(name).handle for name in fetches],
            timeout_milliseconds,
        )

    def _tensor(self, name: str) -> GraphTensor:
        tensor = self._tensors.get(name)
        if tensor is None:
            tensor = self._tensors[name] = self._session.tensor(name)
        return tensor
