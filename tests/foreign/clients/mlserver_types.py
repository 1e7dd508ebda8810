"""MLServer's types, codecs and stub, `URL HOST:PORT QUESTIONS`; questions without small floats."""

import json
import sys
import urllib.error
import urllib.request
from typing import Any

import grpc
import numpy as np
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.grpc import dataplane_pb2 as messages
from mlserver.grpc.converters import (
    ModelInferRequestConverter,
    ModelInferResponseConverter,
    ModelMetadataResponseConverter,
    ServerMetadataResponseConverter,
)
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from mlserver.types import (
    InferenceErrorResponse,
    InferenceRequest,
    InferenceResponse,
    MetadataModelResponse,
    MetadataServerResponse,
    Parameters,
    RepositoryIndexRequest,
    RepositoryIndexResponse,
    RequestInput,
)

KERAS = "two_ids_of_keras"


def request(each: dict[str, Any], *, as_bytes: bool = False) -> InferenceRequest:
    inputs = [
        RequestInput(
            **{**given, "data": encoded(given) if as_bytes else given["data"]},
            parameters=Parameters(content_type="str" if given["datatype"] == "BYTES" else "np"),
        )
        for given in each["inputs"]
    ]
    return InferenceRequest(
        id="mine", inputs=inputs, parameters=Parameters(signature_name=each["signature"])
    )


def encoded(given: dict[str, Any]) -> list[Any]:
    """Write strings as bytes: its messages take no others."""
    return [text.encode() if isinstance(text, str) else text for text in given["data"]]


def ask(url: str, body: Any = None) -> bytes:
    content = None if body is None else body.model_dump_json().encode()
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(url, content, headers)  # noqa: S310  # the gateway's
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
            told: bytes = answer.read()
    except urllib.error.HTTPError as error:
        told = error.read()
    return told


def outputs(response: InferenceResponse) -> dict[str, Any]:
    return {
        each.name: np.array(StringCodec.decode_output(each), object).reshape(each.shape)
        if each.datatype == "BYTES"
        else NumpyCodec.decode_output(each)
        for each in response.outputs
    }


def over_http(url: str, questions: list[Any]) -> dict[str, Any]:
    answers = [
        InferenceResponse.model_validate_json(
            ask(f"{url}/v2/models/{each['model']}/infer", request(each))
        )
        for each in questions
    ]
    wrong = RequestInput(name="user", shape=[1, 1], datatype="INT64", data=[1])
    server = MetadataServerResponse.model_validate_json(ask(f"{url}/v2"))
    model = MetadataModelResponse.model_validate_json(ask(f"{url}/v2/models/{KERAS}"))
    index = RepositoryIndexResponse.model_validate_json(
        ask(f"{url}/v2/repository/index", RepositoryIndexRequest())
    )
    refused = InferenceErrorResponse.model_validate_json(
        ask(f"{url}/v2/models/{KERAS}/infer", InferenceRequest(inputs=[wrong]))
    )
    return {
        "answers": [outputs(each) for each in answers],
        "ids": sorted({str(each.id) for each in answers}),
        "server": server.model_dump(),
        "model": model.model_dump(),
        "index": [each.name for each in index],
        "refused": refused.error,
    }


def over_grpc(address: str, questions: list[Any]) -> dict[str, Any]:
    with grpc.insecure_channel(address) as channel:
        stub = GRPCInferenceServiceStub(channel)
        return {
            "live": stub.ServerLive(messages.ServerLiveRequest()).live,
            "ready": stub.ServerReady(messages.ServerReadyRequest()).ready,
            "model_ready": stub.ModelReady(messages.ModelReadyRequest(name=KERAS)).ready,
            "server": ServerMetadataResponseConverter.to_types(
                stub.ServerMetadata(messages.ServerMetadataRequest())
            ).model_dump(),
            "model": ModelMetadataResponseConverter.to_types(
                stub.ModelMetadata(messages.ModelMetadataRequest(name=KERAS))
            ).model_dump(),
            "answers": {
                name: [
                    outputs(
                        ModelInferResponseConverter.to_types(
                            stub.ModelInfer(
                                ModelInferRequestConverter.from_types(
                                    request(each, as_bytes=True), each["model"], None, use_raw=raw
                                )
                            )
                        )
                    )
                    for each in questions
                ]
                for name, raw in (("typed", False), ("raw", True))
            },
        }


def plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value.tolist()


def main(url: str, address: str, questions: list[Any]) -> dict[str, Any]:
    return {"http": over_http(url, questions), "grpc": over_grpc(address, questions)}


if __name__ == "__main__":
    with open(sys.argv[3]) as file:
        print(json.dumps(main(sys.argv[1], sys.argv[2], json.load(file)), default=plain))
