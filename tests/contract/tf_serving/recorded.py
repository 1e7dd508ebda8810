"""The recorded calls: reading them, repeating them, and comparing answers with the record."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from tests.contract.tf_serving import held

RECORDINGS = Path(__file__).parent / "recordings"

Case = dict[str, Any]

MESSAGES: dict[str, tuple[type[Message], type[Message]]] = {
    "Predict": (predict_pb2.PredictRequest, predict_pb2.PredictResponse),
    "Classify": (
        classification_pb2.ClassificationRequest,
        classification_pb2.ClassificationResponse,
    ),
    "Regress": (regression_pb2.RegressionRequest, regression_pb2.RegressionResponse),
    "MultiInference": (inference_pb2.MultiInferenceRequest, inference_pb2.MultiInferenceResponse),
    "GetModelMetadata": (
        get_model_metadata_pb2.GetModelMetadataRequest,
        get_model_metadata_pb2.GetModelMetadataResponse,
    ),
    "GetModelStatus": (
        get_model_status_pb2.GetModelStatusRequest,
        get_model_status_pb2.GetModelStatusResponse,
    ),
    "HandleReloadConfigRequest": (
        model_management_pb2.ReloadConfigRequest,
        model_management_pb2.ReloadConfigResponse,
    ),
    "Check": (health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse),
}

# Texts with names of nodes and functions of a graph, which another build of the model or of
# TensorFlow names differently, or that come from the client. The code must be the recorded one.
TEXTS_NOT_COMPARED = {
    "multi_batch_mismatch": "names the function that add stands in",
    "multi_wrong_rank": "names the function that Sum stands in",
    "assert_fails": "names the functions that Assert stands in",
    "multi_assert_fails": "names the functions that Assert stands in",
    "regress_hp2_feature_missing_default": "names the older of two Example parsers",
    "deadline_exceeded": "written by the client's library",
    "1_missing_base_path": "written by the client's library",
    "5_reload_while_stuck": "written by the client's library",
}


@dataclass(frozen=True)
class Outcome:
    """What a call came to, in a form that can be compared: bytes, or a code and a text."""

    code: str
    text: str = ""
    answer: bytes = b""


def read(recording: str, models: Path | None = None) -> list[Case]:
    """Return a recording's cases, with the folder of the models in place of its stand-in."""
    text = (RECORDINGS / f"{recording}.json").read_text(encoding="utf-8")
    if models:
        text = text.replace("${MODELS}", str(models))
    cases: list[Case] = json.loads(text)["cases"]
    return cases


def until_released(case: Case) -> Case:
    """Return a call of the slow model as one that lasts until the model is released.

    It was recorded with a number of rounds, which say nothing of how long a machine takes.
    """
    case = json.loads(json.dumps(case))
    case["request"]["inputs"]["n"]["int_val"] = [held.UNTIL_RELEASED]
    return case


def start(channel: grpc.Channel, case: Case, timeout: float | None = None) -> grpc.Future:
    """Send a case's request; the future brings the answer's bytes."""
    call = channel.unary_unary(f"/{case['service']}/{case['method']}")
    return call.future(request_of(case), timeout=timeout or case.get("client_timeout_s", 60))


def outcome(call: grpc.Future, case: Case) -> Outcome:
    """Wait for an answer."""
    try:
        raw = call.result()
    except grpc.RpcError as error:
        return Outcome(error.code().name, text(case, error.details()))
    return Outcome("OK", answer=comparable(MESSAGES[case["method"]][1].FromString(raw)))


def ask(channel: grpc.Channel, case: Case, timeout: float | None = None) -> Outcome:
    """Repeat a case's call."""
    return outcome(start(channel, case, timeout), case)


def expected(case: Case) -> Outcome:
    """Return what the record says the call came to."""
    if "error" in case:
        return Outcome(case["error"]["code"], text(case, case["error"]["message"]))
    response = MESSAGES[case["method"]][1]()
    if "response_b64" in case:
        response.ParseFromString(base64.b64decode(case["response_b64"]))
        return Outcome("OK", answer=comparable(response))
    recorded = dict(case["response"])
    signatures = recorded.pop("metadata_unpacked", None)
    json_format.ParseDict(recorded, response)
    if signatures is not None:
        packed = get_model_metadata_pb2.SignatureDefMap()
        json_format.ParseDict(signatures["signature_def"], packed)
        response.metadata["signature_def"].Pack(packed)  # type: ignore[attr-defined]
    return Outcome("OK", answer=comparable(response))


def request_of(case: Case) -> bytes:
    """Return what a case sends, as it stands on the wire."""
    if "request_b64" in case:
        return base64.b64decode(case["request_b64"])
    request = json_format.ParseDict(case["request"], MESSAGES[case["method"]][0]())
    return request.SerializeToString()


def text(case: Case, details: str) -> str:
    """Return an error's text, or what stands for one that is not compared."""
    return TEXTS_NOT_COMPARED.get(case["id"], details)


def comparable(message: Message) -> bytes:
    """Serialise so that equal messages, also with NaN in them or a message packed, are equal."""
    if isinstance(message, get_model_metadata_pb2.GetModelMetadataResponse):
        signatures = get_model_metadata_pb2.SignatureDefMap()
        message.metadata["signature_def"].Unpack(signatures)
        parts: list[bytes] = [
            part.SerializeToString(deterministic=True) for part in (message.model_spec, signatures)
        ]
        return b"".join(parts)
    return message.SerializeToString(deterministic=True)
