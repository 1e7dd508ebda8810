"""How each kind of system is asked and how it answers; the questions themselves are the same."""

import base64
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench.workloads import Instance, Workload

# What a user needs of one answer: a price with its bounds, or the score of each class given.
Answer = dict[str, float]


@dataclass(frozen=True)
class Dialect:
    """The path to ask, the JSON to send, and how to read the JSON that comes back.

    `read` is None where the answers mean nothing, since no model gives them.
    """

    name: str
    path: Callable[[Workload], str]
    body: Callable[[Workload, list[Instance]], Any]
    read: Callable[[Workload, Any], list[Answer]] | None

    def bodies(self, workload: Workload) -> list[str]:
        """Write the workload's requests, each as one line of JSON."""
        return [
            json.dumps(self.body(workload, instances), separators=(",", ":"))
            for instances in workload.requests()
        ]

    def write_bodies(self, workload: Workload, folder: Path) -> Path:
        """Write those lines to a file for the load generators; give its path."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.name}-{workload.name}.jsonl"
        file.write_text("".join(f"{body}\n" for body in self.bodies(workload)))
        return file


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


def _predictions(_workload: Workload, answer: Any) -> list[Answer]:
    return [_item(item) for item in answer["predictions"]]


def _pixels(_workload: Workload, instances: list[Instance]) -> Any:
    """Send pixels as nested lists, since TensorFlow Serving decodes no pictures."""
    return {"instances": [_with_pixels(instance) for instance in instances]}


def _with_pixels(instance: Instance) -> dict[str, Any]:
    if "image" not in instance:
        return dict(instance)
    file = io.BytesIO(base64.b64decode(str(instance["image"])))
    return {"pixels": np.asarray(Image.open(file)).tolist()}


def _class_lists(_workload: Workload, answer: Any) -> list[Answer]:
    return [
        dict(zip(item["classes"], item["scores"], strict=True)) if "classes" in item else item
        for item in answer["predictions"]
    ]


def _tensors(_workload: Workload, instances: list[Instance]) -> Any:
    """Send one tensor a field, as the Open Inference Protocol has it."""
    return {
        "inputs": [
            {
                "name": name,
                "shape": [len(instances)],
                "datatype": "BYTES" if isinstance(value, str) else "FP32",
                "data": [instance[name] for instance in instances],
            }
            for name, value in instances[0].items()
        ]
    }


def _tensor_answer(_workload: Workload, answer: Any) -> list[Answer]:
    outputs = {
        each["name"]: np.array(each["data"]).reshape(each["shape"]) for each in answer["outputs"]
    }
    if "price" in outputs:
        rows = zip(*(outputs[name].ravel().tolist() for name in outputs), strict=True)
        return [dict(zip(outputs, row, strict=True)) for row in rows]
    pairs = zip(outputs["classes"], outputs["scores"], strict=True)
    return [dict(zip(labels, scores.tolist(), strict=True)) for labels, scores in pairs]


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
    "kserve", lambda workload: f"/v1/models/{workload.model}:predict", _instances, _predictions
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
# The limits without a model answer the same to everything.
ECHO = Dialect("echo", _plain_path, _plain_body, read=None)
