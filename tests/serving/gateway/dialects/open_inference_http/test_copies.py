"""How often 3 MB of pixels are copied on their way to the model server."""

import asyncio
import subprocess
import sys
import tracemalloc

import numpy as np
from starlette.types import Message

from proto.predict_pb2 import PredictRequest
from serving.contract import Signature, TensorSpec
from serving.gateway.bodies import reading
from serving.gateway.dialects.open_inference_http.requests import parse
from serving.gateway.inference.client import predict_request
from serving.gateway.inference.model_ref import ModelRef, Question
from serving.tensors import decode
from tests.serving.gateway.dialects.open_inference_http.bodies import live, with_bytes

SIZE = 3 * 2**20
CHUNK = 2**16
PIXELS = np.arange(SIZE, dtype=np.uint8).reshape(1, -1)


def test_pixels_are_copied_twice() -> None:
    """Once when the body is put together, and once into the message that asks for a prediction."""
    body, headers = with_bytes({"pixels": PIXELS})
    chunks = [body[start : start + CHUNK] for start in range(0, len(body), CHUNK)]
    version = live(Signature({"pixels": TensorSpec("uint8", (None, None))}, {}))
    coming = iter(chunks)

    async def receive() -> Message:
        chunk = next(coming)
        return {"type": "http.request", "body": chunk, "more_body": chunk is not chunks[-1]}

    requests = []

    async def ask() -> None:
        whole = await reading.read(receive, headers, 2 * SIZE)
        inputs = parse(whole, headers, version).inputs
        requests.append(predict_request(Question(ModelRef("mine")), inputs))

    tracemalloc.start()
    asyncio.run(ask())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert 2 * SIZE < peak < 2.1 * SIZE
    sent = PredictRequest.FromString(requests[0]).inputs["pixels"]
    np.testing.assert_array_equal(decode(sent), PIXELS)


PROGRAM = """
import resource
import numpy as np
from serving.gateway.inference.client import predict_request
from serving.gateway.inference.model_ref import ModelRef, Question
def most() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
array = np.ones(2**26, np.uint8)
before = most()
message = predict_request(Question(ModelRef("mine")), {"pixels": array})
print((most() - before) / array.nbytes)
"""


def test_the_message_takes_no_more_than_one_copy() -> None:
    """Measured from outside: what protobuf holds is none of Python's."""
    finished = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)

    assert float(finished.stdout) < 1.2
