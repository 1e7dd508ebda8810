"""The limit of latency: Predict calls for one house at a time, straight to the model server."""

import asyncio
import time
from pathlib import Path

import grpc.aio
import numpy as np

from proto.predict_pb2 import PredictRequest, PredictResponse
from serving import tensors
from tests.bench.model_server import model_server
from tests.bench.results import BareCall
from tests.bench.workloads import WORKLOADS, Instance

_PREDICT = "/tensorflow.serving.PredictionService/Predict"


def measure_bare_calls(round_number: int, *, seconds: float, scratch: Path) -> BareCall:
    """Call for so long, after a quarter of that as warm-up; one call at a time."""
    with model_server(scratch) as server:
        asyncio.run(_call(server.address, seconds / 4))
        latencies = asyncio.run(_call(server.address, seconds))
    p50, p99 = np.percentile(latencies, [50, 99])
    return BareCall(round=round_number, p50_ms=1e3 * p50, p99_ms=1e3 * p99)


async def _call(address: str, seconds: float) -> list[float]:
    requests = [_request(instances[0]) for instances in WORKLOADS["house"].requests()]
    latencies: list[float] = []
    async with grpc.aio.insecure_channel(address) as channel:
        predict = channel.unary_unary(
            _PREDICT,
            request_serializer=PredictRequest.SerializeToString,
            response_deserializer=PredictResponse.FromString,
        )
        end = time.perf_counter() + seconds
        while (started := time.perf_counter()) < end:
            await predict(requests[len(latencies) % len(requests)], timeout=10)
            latencies.append(time.perf_counter() - started)
    return latencies


def _request(house: Instance) -> PredictRequest:
    request = PredictRequest()
    request.model_spec.name = "housing"
    request.model_spec.signature_name = "serving_default"
    for name, value in house.items():
        array = np.array(
            [value.encode()] if isinstance(value, str) else [value],
            object if isinstance(value, str) else np.float32,
        )
        request.inputs[name].CopyFrom(tensors.encode(array))
    return request
