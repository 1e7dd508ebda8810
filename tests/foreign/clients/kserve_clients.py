"""kserve's inference clients, `URL HOST:PORT QUESTIONS`; questions without small floats."""

import asyncio
import json
import logging
import sys
from typing import Any

import grpc
import httpx
import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig
from kserve.utils.numpy_codec import to_np_dtype

KERAS, EXPLAINED = "two_ids_of_keras", "sum_explained"


def tensor(each: dict[str, Any], *, binary: bool) -> InferInput:
    array = np.array(each["data"], to_np_dtype(each["datatype"])).reshape(each["shape"])
    given = InferInput(each["name"], each["shape"], each["datatype"])
    given.set_data_from_numpy(array, binary_data=binary)
    return given


def request(each: dict[str, Any], *, binary: bool) -> InferRequest:
    return InferRequest(
        each["model"],
        [tensor(given, binary=binary) for given in each["inputs"]],
        parameters={"signature_name": each["signature"]},
    )


def outputs(response: Any) -> dict[str, Any]:
    return {each.name: each.as_numpy() for each in response.outputs}


def plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value.tolist()


def question(*users: int) -> dict[str, Any]:
    data = list(users)
    described = {"shape": [len(data)], "datatype": "INT64", "data": data}
    return {
        "model": KERAS,
        "signature": "serving_default",
        "inputs": [{"name": name, **described} for name in ("user", "item")],
    }


def wrong() -> InferRequest:
    each = question(1)
    each["inputs"][0] |= {"shape": [1, 1]}
    return request(each, binary=True)


async def refusal(call: Any) -> Any:
    try:
        await call
    except httpx.HTTPStatusError as error:
        return {"status": error.response.status_code, "text": str(error)}
    except grpc.RpcError as error:
        return {"status": error.code().name, "text": error.details()}
    return "no exception"


async def over_http(url: str, questions: list[Any]) -> dict[str, Any]:
    async with InferenceRESTClient(RESTConfig(protocol="v2", timeout=60)) as client:
        return {
            "live": await client.is_server_live(url),
            "ready": await client.is_server_ready(url),
            "model_ready": await client.is_model_ready(url, KERAS),
            "nobody_ready": await client.is_model_ready(url, "nobody"),
            "answers": {
                name: [
                    outputs(await client.infer(url, request(each, binary=binary), each["model"]))
                    for each in questions
                ]
                for name, binary in (("binary", True), ("json", False))
            },
            "refused": await refusal(client.infer(url, wrong(), KERAS)),
        }


async def over_http_v1(url: str) -> dict[str, Any]:
    async with InferenceRESTClient(RESTConfig(protocol="v1", timeout=60)) as client:
        rows = {"instances": [{"user": 1, "item": 0}, {"user": 2, "item": 7}]}
        columns = {"inputs": {"text": ["dog", "no such word"]}}
        return {
            "rows": await client.infer(url, rows, KERAS),
            "columns": await client.infer(url, columns, "words_in_table"),
            "explained": await client.explain(url, EXPLAINED, {"instances": [[1, 2], [0.5, 4]]}),
            "mute": await refusal(client.explain(url, KERAS, rows)),
            "refused": await refusal(client.infer(url, {"instances": [{"user": 1}]}, KERAS)),
            "unknown": await refusal(client.infer(url, rows, "nobody")),
        }


async def over_grpc(address: str, questions: list[Any]) -> dict[str, Any]:
    async with InferenceGRPCClient(address) as client:
        return {
            "live": await client.is_server_live(),
            "ready": await client.is_server_ready(),
            "model_ready": await client.is_model_ready(KERAS),
            "answers": {
                name: [
                    outputs(await client.infer(request(each, binary=binary))) for each in questions
                ]
                for name, binary in (("raw", True), ("typed", False))
            },
            "refused": await refusal(client.infer(wrong())),
        }


async def main(url: str, address: str, questions: list[Any]) -> dict[str, Any]:
    return {
        "http": await over_http(url, questions),
        "v1": await over_http_v1(url),
        "grpc": await over_grpc(address, questions),
    }


if __name__ == "__main__":
    logging.disable()  # it logs each refusal with its stack
    with open(sys.argv[3]) as file:
        told = asyncio.run(main(sys.argv[1], sys.argv[2], json.load(file)))
    print(json.dumps(told, default=plain))
