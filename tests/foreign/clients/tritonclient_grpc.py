"""tritonclient over gRPC, as its examples use it: `HOST:PORT QUESTIONS`; prints what it tells."""

import json
import sys
from queue import Queue
from typing import Any

import ml_dtypes
import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

KERAS = "two_ids_of_keras"


def tensor(each: dict[str, Any]) -> triton.InferInput:
    array = np.array(each["data"], triton_to_np_dtype(each["datatype"])).reshape(each["shape"])
    given = triton.InferInput(each["name"], each["shape"], each["datatype"])
    return given.set_data_from_numpy(array)


def ids(name: str, *values: int) -> triton.InferInput:
    given = triton.InferInput(name, [len(values)], "INT64")
    return given.set_data_from_numpy(np.array(values, np.int64))


def outputs(result: Any) -> dict[str, Any]:
    return {each.name: result.as_numpy(each.name) for each in result.get_response().outputs}


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


def streamed(client: Any) -> list[Any]:
    """Send three requests on one stream, of which the second is wrong."""
    came: Queue[Any] = Queue()
    client.start_stream(callback=lambda result, error: came.put((result, error)))
    client.async_stream_infer(KERAS, two(), request_id="first")
    client.async_stream_infer(KERAS, [ids("user", 1)], request_id="second")
    client.async_stream_infer(KERAS, two(), request_id="third")
    answers = [came.get(timeout=60) for _ in range(3)]
    client.stop_stream()
    return [
        {"text": error.message()}
        if error
        else {"id": result.get_response().id, "outputs": outputs(result)}
        for result, error in answers
    ]


def asked_async(client: Any, *, number: int) -> list[Any]:
    came: Queue[Any] = Queue()
    for _ in range(number):
        client.async_infer(KERAS, two(), callback=lambda result, error: came.put((result, error)))
    answers = [came.get(timeout=60) for _ in range(number)]
    return [error.message() if error else outputs(result) for result, error in answers]


def main(address: str, questions: list[Any]) -> dict[str, Any]:
    client = triton.InferenceServerClient(address)
    told: dict[str, Any] = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model_ready": client.is_model_ready(KERAS),
        "version_ready": client.is_model_ready(KERAS, "1"),
        "server": client.get_server_metadata(as_json=True),
        "model": client.get_model_metadata(KERAS, as_json=True),
        "version": client.get_model_metadata(KERAS, "1", as_json=True),
        "index": client.get_model_repository_index(as_json=True),
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
    chosen = [triton.InferRequestedOutput("head_07"), triton.InferRequestedOutput("head_99")]
    features = triton.InferInput("features", [2, 8], "FP32")
    features.set_data_from_numpy(np.ones((2, 8), np.float32))
    result = client.infer("hundred_heads", [features], "1", chosen, request_id="mine")
    response = result.get_response()
    told["chosen"] = {
        "names": list(outputs(result)),
        **{key: getattr(response, key) for key in ("id", "model_name", "model_version")},
    }

    told["async"] = asked_async(client, number=8)
    told["compressed"] = {
        how: outputs(client.infer(KERAS, two(), compression_algorithm=how))
        for how in ("gzip", "deflate")
    }
    told["in_time"] = outputs(client.infer(KERAS, two(), timeout=60_000_000, client_timeout=60))
    told["stream"] = streamed(client)

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
