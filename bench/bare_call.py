"""The limit of latency: Predict calls, one at a time, straight to the model server.

Their messages are written beforehand, and their answers are not read.
"""

import asyncio
import time
from pathlib import Path

import grpc.aio
import numpy as np

from bench.model_server import model_server
from bench.results import BareCall
from bench.workloads import WORKLOADS, Instance, Workload
from serving.contract import Tensors
from serving.gateway.inference.client import predict_request
from serving.gateway.inference.model_ref import ModelRef, Question
from serving.models import MODELS

PREDICT = "/tensorflow.serving.PredictionService/Predict"


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
    messages = [predict_message(workload, instances) for instances in workload.requests()]
    asyncio.run(_call(address, messages, seconds / 4))
    latencies = asyncio.run(_call(address, messages, seconds))
    p50, p99 = 1e3 * np.percentile(latencies, [50, 99])
    return float(p50), float(p99)


def inputs_of(model: str, instances: list[Instance]) -> Tensors:
    """Validate and preprocess instances as the gateway does."""
    declared = MODELS[model]
    return declared.preprocess([declared.request.model_validate(each) for each in instances])


def predict_message(workload: Workload, instances: list[Instance]) -> bytes:
    """Write the message that the gateway sends for instances."""
    inputs = inputs_of(workload.model, instances)
    return predict_request(Question(ModelRef(workload.model)), inputs)


async def _call(address: str, messages: list[bytes], seconds: float) -> list[float]:
    latencies: list[float] = []
    async with grpc.aio.insecure_channel(address) as channel:
        predict = channel.unary_unary(PREDICT)
        end = time.perf_counter() + seconds
        while (started := time.perf_counter()) < end:
            await predict(messages[len(latencies) % len(messages)], timeout=10)
            latencies.append(time.perf_counter() - started)
    return latencies
