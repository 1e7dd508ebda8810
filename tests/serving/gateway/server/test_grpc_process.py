"""gRPC beside HTTP in the running program: how it starts, and how it stops with the rest."""

import asyncio
import signal
import threading

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from proto.predict_pb2 import PredictRequest, PredictResponse
from serving import tensors
from serving.models import MODELS
from tests import stack
from tests.fake_model_server import PredictCall
from tests.fake_models import declared_models
from tests.fake_over_grpc import listening

PREDICT = "/tensorflow.serving.PredictionService/Predict"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def question() -> bytes:
    model = MODELS["sentiment"]
    request = PredictRequest(model_spec={"name": "sentiment"})
    tensors.encode_all(request.inputs, model.preprocess([model.example]))
    return request.SerializeToString()


def health(port: int) -> int | None:
    """Ask for the health of all, on a connection of its own; None if nobody answers."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        call = check.future(health_pb2.HealthCheckRequest(), timeout=stack.START_SECONDS)
        if call.code() is grpc.StatusCode.UNAVAILABLE:
            return None
        return int(call.result().status)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_calls_in_progress_finish_and_health_ends_first(workers: str) -> None:
    server, port = declared_models(), stack.free_port()
    released = threading.Event()

    async def hold(call: PredictCall) -> PredictResponse:
        await asyncio.to_thread(released.wait, 300)
        return call.answer()

    with (
        listening(server) as address,
        stack.gateway_process(
            model_server=address,
            workers=workers,
            grpc_port=str(port),
            drain_seconds="300",
            predict_timeout_seconds="300",
        ) as (running, url),
    ):
        stack.wait_until_ready(url)
        stack.wait_until(lambda: health(port) == SERVING, "health")
        server.faults["sentiment"] = hold
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = channel.unary_unary(PREDICT).future(question(), timeout=300)
            stack.wait_until(lambda: len(server.calls) == 1, "the call")

            running.send_signal(signal.SIGTERM)
            stack.wait_until(lambda: all(health(port) == NOT_SERVING for _ in range(9)), "draining")
            running.send_signal(signal.SIGTERM)
            stack.wait_until(lambda: health(port) is None, "a closed door")
            released.set()

            assert call.result()
        assert running.wait(stack.STOP_SECONDS) == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken_is_refused(workers: str) -> None:
    with listening(declared_models()) as address:
        port = address.rpartition(":")[2]

        message = stack.refusal(exit_code=1, grpc_port=port, workers=workers)

    assert f"cannot listen on 127.0.0.1:{port}" in message
    assert "TFGATE_GRPC_PORT" in message
