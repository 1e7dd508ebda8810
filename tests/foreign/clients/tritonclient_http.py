"""tritonclient over HTTP, as its examples use it: `URL QUESTIONS`; prints what it was told."""

import asyncio
import json
import sys
from typing import Any

import ml_dtypes
import numpy as np
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

KERAS = "two_ids_of_keras"


def tensor(each: dict[str, Any]) -> triton.InferInput:
    array = np.array(each["data"], triton_to_np_dtype(each["datatype"])).reshape(each["shape"])
    given = triton.InferInput(each["name"], each["shape"], each["datatype"])
    return given.set_data_from_numpy(array)


def ids(name: str, *values: int, binary: bool = True) -> triton.InferInput:
    given = triton.InferInput(name, [len(values)], "INT64")
    return given.set_data_from_numpy(np.array(values, np.int64), binary_data=binary)


def outputs(result: Any) -> dict[str, Any]:
    names = [each["name"] for each in result.get_response()["outputs"]]
    return {name: result.as_numpy(name) for name in names}


def refusal(call: Any, *arguments: Any, **options: Any) -> Any:
    try:
        call(*arguments, **options)
    except InferenceServerException as error:
        return {"status": error.status(), "text": error.message()}
    return "no exception"


def plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if value.dtype == ml_dtypes.bfloat16:
        value = value.astype(np.float32)
    return value.tolist()


def two() -> list[Any]:
    return [ids("user", 1, 2, 9), ids("item", 0, 7, 13)]


async def asked_async(url: str) -> dict[str, Any]:
    async with triton_aio.InferenceServerClient(url) as client:
        answers = await asyncio.gather(*(client.infer(KERAS, two()) for _ in range(8)))
        return {"live": await client.is_server_live(), "same": [outputs(each) for each in answers]}


def main(url: str, questions: list[Any]) -> dict[str, Any]:
    client = triton.InferenceServerClient(url, concurrency=8)
    told: dict[str, Any] = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model_ready": client.is_model_ready(KERAS),
        "version_ready": client.is_model_ready(KERAS, "1"),
        "version_not_ready": client.is_model_ready(KERAS, "7"),
        "nobody_ready": client.is_model_ready("nobody"),
        "server": client.get_server_metadata(),
        "model": client.get_model_metadata(KERAS),
        "version": client.get_model_metadata(KERAS, "1"),
        "index": client.get_model_repository_index(),
        "answers": [
            outputs(
                client.infer(
                    each["model"],
                    [tensor(given) for given in each["inputs"]],
                    parameters={"signature_name": each["signature"]},
                )
            )
            for each in questions
        ],
    }

    told["default"] = outputs(client.infer(KERAS, two()))
    told["json"] = outputs(
        client.infer(
            KERAS,
            [ids("user", 1, 2, 9, binary=False), ids("item", 0, 7, 13, binary=False)],
            outputs=[triton.InferRequestedOutput("score", binary_data=False)],
        )
    )
    chosen = [triton.InferRequestedOutput("head_07"), triton.InferRequestedOutput("head_99")]
    heads = np.ones((2, 8), np.float32)
    features = triton.InferInput("features", [2, 8], "FP32").set_data_from_numpy(heads)
    result = client.infer("hundred_heads", [features], "1", chosen, request_id="mine")
    told["chosen"] = {
        "names": list(outputs(result)),
        **{key: result.get_response()[key] for key in ("id", "model_name", "model_version")},
    }

    pending = [client.async_infer(KERAS, two()) for _ in range(8)]
    told["async"] = [outputs(each.get_result()) for each in pending]
    told["compressed"] = {
        f"{sent} {wanted}": outputs(
            client.infer(
                KERAS,
                two(),
                request_compression_algorithm=sent,
                response_compression_algorithm=wanted,
            )
        )
        for sent in (None, "gzip", "deflate")
        for wanted in (None, "gzip", "deflate")
    }
    told["in_time"] = outputs(client.infer(KERAS, two(), timeout=60_000_000))
    told["aio"] = asyncio.run(asked_async(url))

    square = triton.InferInput("user", [2, 2], "INT64")
    square.set_data_from_numpy(np.zeros((2, 2), np.int64))
    short = triton.InferInput("user", [1], "INT32").set_data_from_numpy(np.ones(1, np.int32))
    told["refused"] = {
        "shape": refusal(client.infer, KERAS, [square, ids("item", 1, 2)]),
        "rows": refusal(client.infer, KERAS, [ids("user", 1, 2), ids("item", 1)]),
        "name": refusal(client.infer, KERAS, [ids("users", 1), ids("item", 1)]),
        "missing": refusal(client.infer, KERAS, [ids("user", 1)]),
        "dtype": refusal(client.infer, KERAS, [short, ids("item", 1)]),
        "output": refusal(
            client.infer, KERAS, two(), outputs=[triton.InferRequestedOutput("scores")]
        ),
        "model": refusal(client.infer, "nobody", two()),
        "version": refusal(client.infer, KERAS, two(), "7"),
        "signature": refusal(client.infer, KERAS, two(), parameters={"signature_name": "other"}),
        "metadata": refusal(client.get_model_metadata, "nobody"),
        "load": refusal(client.load_model, KERAS),
    }
    return told


if __name__ == "__main__":
    with open(sys.argv[2]) as file:
        print(json.dumps(main(sys.argv[1], json.load(file)), default=plain))
