"""Classify, Regress and MultiInference on one servable: Examples in, results out.

Knows how the requests' Examples are fed; what a signature must look like is in `classify`
and `regress`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import grpc
import numpy as np
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis import inference_pb2, input_pb2

from serving.embedded import classify, regress
from serving.embedded.servable import DEFAULT_SIGNATURE, Servable
from serving.embedded.signature import CLASSIFY_METHOD, REGRESS_METHOD
from serving.embedded.statuses import StatusError, invalid_argument

METHODS: dict[str, ModuleType] = {CLASSIFY_METHOD: classify, REGRESS_METHOD: regress}


@dataclass(frozen=True)
class Task:
    """A method and the tensors of the signature that it runs on."""

    method: ModuleType
    input: str
    outputs: Mapping[str, str]  # alias -> tensor

    @classmethod
    def of(cls, servable: Servable, method: str, definition: SignatureDef) -> "Task":
        """Check that a signature serves the method; raises StatusError."""
        module = METHODS[method]
        fed, outputs = module.tensors(definition, servable.options.checks_method_names)
        return cls(module, fed, outputs)


def run_one(servable: Servable, method: str, request: Any, timeout_milliseconds: int | None) -> Any:
    """Answer a ClassificationRequest or RegressionRequest with its method's result.

    Raises:
        StatusError: INVALID_ARGUMENT for an unknown or unfit signature or an empty input,
            otherwise what the kernels say.
    """
    name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    definition = servable.definitions.get(name)
    if definition is None:
        raise invalid_argument(f"No signature was found with the name: {name}")
    task = Task.of(servable, method, definition)
    return _run(servable, [task], request.input, timeout_milliseconds)[0]


def run_many(
    servable: Servable,
    request: inference_pb2.MultiInferenceRequest,
    timeout_milliseconds: int | None,
) -> list[Any]:
    """Answer every task of a MultiInferenceRequest from one run of the graph.

    Raises:
        StatusError: INVALID_ARGUMENT for tasks that do not fit together, UNIMPLEMENTED for a
            method that is neither classify nor regress, otherwise as `run_one`.
    """
    tasks: dict[str, Task] = {}
    for task in request.tasks:
        if not task.model_spec.name:
            raise invalid_argument("Found ModelSpec with an empty model name.")
        if task.model_spec.name != request.tasks[0].model_spec.name:
            raise invalid_argument(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name."
            )
        name = task.model_spec.signature_name or DEFAULT_SIGNATURE
        if name in tasks:
            raise invalid_argument(f"Duplicate evaluation of signature: {name}")
        if name not in servable.definitions:
            raise invalid_argument(f"Requested signature not found in model graph: {name}")
        if task.method_name not in METHODS:
            raise StatusError(
                grpc.StatusCode.UNIMPLEMENTED,
                f"Unsupported signature method_name: {task.method_name}",
            )
        tasks[name] = Task.of(servable, task.method_name, servable.definitions[name])
    return _run(servable, list(tasks.values()), request.input, timeout_milliseconds)


def _run(
    servable: Servable,
    tasks: Sequence[Task],
    sent: input_pb2.Input,
    timeout_milliseconds: int | None,
) -> list[Any]:
    examples = _serialised(sent)
    if not examples:
        raise invalid_argument("Input is empty.")
    fed = np.array(examples, object)  # [examples], each a serialised Example
    feeds = {task.input: fed for task in tasks}
    fetches = sorted({tensor for task in tasks for tensor in task.outputs.values()})
    values = dict(zip(fetches, servable.run(feeds, fetches, timeout_milliseconds), strict=True))
    return [
        task.method.result(
            {alias: values[tensor] for alias, tensor in task.outputs.items()}, len(examples)
        )
        for task in tasks
    ]


def _serialised(sent: input_pb2.Input) -> list[bytes]:
    if sent.WhichOneof("kind") == "example_list_with_context":
        listed = sent.example_list_with_context
        # Two messages end to end read as one, in which the example's own features win.
        context = listed.context.SerializeToString()
        return [context + example.SerializeToString() for example in listed.examples]
    return [example.SerializeToString() for example in sent.example_list.examples]
