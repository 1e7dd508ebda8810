"""The limit of latency: Predict calls, one at a time, straight to the model server."""

import asyncio
import time
from pathlib import Path

import grpc.aio
import numpy as np

from bench.model_server import model_server
from bench.results import BareCall
from bench.workloads import WORKLOADS, Instance, Workload
from proto.model_pb2 import ModelSpec
from proto.predict_pb2 import PredictRequest, PredictResponse
from serving import tensors
from serving.contract import Tensors
from serving.models import MODELS

_PREDICT = "/tensorflow.serving.PredictionService/Predict"


# What one request alone is compared with: short and long.
BARE_WORKLOADS = ("house", "review200")


def measure_bare_calls(round_number: int, *, seconds: float, scratch: Path) -> list[BareCall]:
    """Call for so long, with one house at a time, and with one review."""
    measured = []
    with model_server(scratch) as server:
        for name in BARE_WORKLOADS:
            p50, p99 = call_milliseconds(server.address, WORKLOADS[name], seconds=seconds)
            measured.append(BareCall(workload=name, round=round_number, p50_ms=p50, p99_ms=p99))
    return measured


def call_milliseconds(address: str, workload: Workload, *, seconds: float) -> tuple[float, float]:
    """Call for so long, after a quarter of that as warm-up; give p50 and p99."""
    messages = [
        predict_request(workload.model, inputs_of(workload.model, instances))
        for instances in workload.requests()
    ]
    asyncio.run(_call(address, messages, seconds / 4))
    latencies = asyncio.run(_call(address, messages, seconds))
    p50, p99 = 1e3 * np.percentile(latencies, [50, 99])
    return float(p50), float(p99)


def inputs_of(model: str, instances: list[Instance]) -> Tensors:
    """Validate and preprocess instances as the gateway does."""
    declared = MODELS[model]
    return declared.preprocess([declared.request.model_validate(each) for each in instances])


def predict_request(model: str, inputs: Tensors) -> PredictRequest:
    """Put tensors into the message that asks for their predictions."""
    return PredictRequest(
        model_spec=ModelSpec(name=model, signature_name="serving_default"),
        inputs={name: tensors.encode(array) for name, array in inputs.items()},
    )


async def _call(address: str, messages: list[PredictRequest], seconds: float) -> list[float]:
    latencies: list[float] = []
    async with grpc.aio.insecure_channel(address) as channel:
        predict = channel.unary_unary(
            _PREDICT,
            request_serializer=PredictRequest.SerializeToString,
            response_deserializer=PredictResponse.FromString,
        )
        end = time.perf_counter() + seconds
        while (started := time.perf_counter()) < end:
            await predict(messages[len(latencies) % len(messages)], timeout=10)
            latencies.append(time.perf_counter() - started)
    return latencies
