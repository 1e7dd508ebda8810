"""How each kind of system is asked and how it answers; the questions themselves are the same."""

import base64
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench import binary_tensors
from bench.ask import Reply
from bench.questions import Question, write_questions
from bench.workloads import Instance, Workload

# What a user needs of one answer: a price with its bounds, or the score of each class given.
Answer = dict[str, float]


def _as_json(document: Any) -> Question:
    return Question(json.dumps(document, separators=(",", ":")).encode())


def _from_json(reply: Reply) -> Any:
    return json.loads(reply.body)


@dataclass(frozen=True)
class Dialect:
    """The path to ask, the document to send, and how to read the one that comes back.

    `read` is None where the answers mean nothing, since no model gives them. A document is written
    as JSON unless `encode` and `decode` say how else; over gRPC, the path names a method.
    """

    name: str
    path: Callable[[Workload], str]
    body: Callable[[Workload, list[Instance]], Any]
    read: Callable[[Workload, Any], list[Answer]] | None
    encode: Callable[[Any], Question] = _as_json
    decode: Callable[[Reply], Any] = _from_json
    over_grpc: bool = False

    def question(self, workload: Workload, instances: list[Instance]) -> Question:
        """Write one request."""
        return self.encode(self.body(workload, instances))

    def questions(self, workload: Workload) -> list[Question]:
        """Write the workload's requests."""
        return [self.question(workload, each) for each in workload.requests()]

    def write_questions(self, workload: Workload, folder: Path) -> Path:
        """Write them to a file for the load generators; give its path."""
        file = folder / f"{self.name}-{workload.name}.requests"
        return write_questions(self.questions(workload), file)


def _plain_path(workload: Workload) -> str:
    return f"/predict/{workload.model}" + ("/batch" if workload.batch_size else "")


def _plain_body(workload: Workload, instances: list[Instance]) -> Any:
    return {"instances": instances} if workload.batch_size else instances[0]


def _plain_read(workload: Workload, answer: Any) -> list[Answer]:
    return [_item(item) for item in (answer["predictions"] if workload.batch_size else [answer])]


def _item(item: Any) -> Answer:
    """Read the form in which all peers of our own writing answer one instance."""
    answer: Answer = item.get("scores", item)
    return answer


def _tfgate_read(workload: Workload, answer: Any) -> list[Answer]:
    items = answer["predictions"] if workload.batch_size else [answer["prediction"]]
    return [_tfgate_item(item) for item in items]


def _tfgate_item(item: Any) -> Answer:
    if "price_usd" in item:
        bounds = item["interval_usd"]
        return {
            "price": item["price_usd"],
            "price_low": bounds["low"],
            "price_high": bounds["high"],
        }
    if "top" in item:
        return {each["label"]: each["probability"] for each in item["top"]}
    scores: Answer = item["probabilities"]
    return scores


def _instances(_workload: Workload, instances: list[Instance]) -> Any:
    return {"instances": instances}


def _rows(_workload: Workload, instances: list[Instance]) -> Any:
    """Send what a model of our own takes as objects, and rows of numbers as they are."""
    return {"instances": [instance.get("x", instance) for instance in instances]}


def _predictions(_workload: Workload, answer: Any) -> list[Answer]:
    return [
        {"y": item} if isinstance(item, float) else _item(item) for item in answer["predictions"]
    ]


def _pixels(_workload: Workload, instances: list[Instance]) -> Any:
    """Send pixels as nested lists, since TensorFlow Serving decodes no pictures."""
    return {"instances": [_with_pixels(instance) for instance in instances]}


def _with_pixels(instance: Instance) -> Any:
    if "x" in instance:
        return instance["x"]
    if "image" not in instance:
        return dict(instance)
    file = io.BytesIO(base64.b64decode(str(instance["image"])))
    return {"pixels": np.asarray(Image.open(file)).tolist()}


def _class_lists(_workload: Workload, answer: Any) -> list[Answer]:
    return [_class_list(item) for item in answer["predictions"]]


def _class_list(item: Any) -> Answer:
    if isinstance(item, float):
        return {"y": item}
    answer: Answer = item
    return dict(zip(item["classes"], item["scores"], strict=True)) if "classes" in item else answer


def _tensors(_workload: Workload, instances: list[Instance]) -> Any:
    """Send one tensor a field, as the Open Inference Protocol has it."""
    return {"inputs": [_tensor(name, [each[name] for each in instances]) for name in instances[0]]}


def _tensor(name: str, values: list[Any]) -> Any:
    return {
        "name": name,
        "shape": list(np.shape(values)),
        "datatype": "BYTES" if isinstance(values[0], str) else "FP32",
        "data": np.array(values).ravel().tolist(),
    }


def _tensor_answer(_workload: Workload, answer: Any) -> list[Answer]:
    outputs = {
        each["name"]: np.array(each["data"]).reshape(each["shape"]) for each in answer["outputs"]
    }
    if "scores" not in outputs:
        columns = {
            name: each.ravel().tolist() for name, each in outputs.items() if each.size == len(each)
        }
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    pairs = zip(outputs["classes"], outputs["scores"], strict=True)
    return [dict(zip(labels, scores.tolist(), strict=True)) for labels, scores in pairs]


def _from_binary(reply: Reply) -> Any:
    return binary_tensors.decode(reply.body, int(reply.headers["inference-header-content-length"]))


TFGATE = Dialect("tfgate", _plain_path, _plain_body, _tfgate_read)
PLAIN = Dialect("plain", _plain_path, _plain_body, _plain_read)
INSTANCES = Dialect(
    "instances", lambda workload: f"/predict/{workload.model}", _instances, _predictions
)
BENTOML = Dialect(
    "bentoml",
    lambda workload: f"/{workload.model}",
    _instances,
    lambda _workload, answer: [_item(item) for item in answer],
)
KSERVE = Dialect(
    "kserve", lambda workload: f"/v1/models/{workload.model}:predict", _rows, _predictions
)
TF_SERVING = Dialect(
    "tf_serving", lambda workload: f"/v1/models/{workload.model}:predict", _pixels, _class_lists
)
OPEN_INFERENCE = Dialect(
    "open_inference",
    lambda workload: f"/v2/models/{workload.model}/infer",
    _tensors,
    _tensor_answer,
)
BINARY = replace(OPEN_INFERENCE, name="binary", encode=binary_tensors.encode, decode=_from_binary)
# The limits without a model answer the same to everything.
ECHO = Dialect("echo", _plain_path, _plain_body, read=None)
