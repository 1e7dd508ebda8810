"""gRPC behind nginx, configured as the documentation has it: calls, errors, streams, who asked."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from proto.open_inference_pb2 import ModelInferRequest, ModelStreamInferResponse
from proto.predict_pb2 import PredictRequest, PredictResponse
from serving import tensors
from serving.models import MODELS
from tests import nginx, stack
from tests.fake_models import declared_models
from tests.fake_over_grpc import listening
from tests.programs import needs
from tests.readings import reading

pytestmark = needs("nginx", package="nginx-light")

_PAGE = (stack.ROOT / "docs/deploy.md").read_text()
[LOCATION] = [
    each for each in re.findall(r"```nginx\n(.*?)```", _PAGE, re.DOTALL) if "grpc" in each
]
PREDICT = "/tensorflow.serving.PredictionService/Predict"
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
CLIENT = "203.0.113.9"
FROM_AFAR = (("x-forwarded-for", CLIENT),)
SERVING = health_pb2.HealthCheckResponse.SERVING


@contextmanager
def proxied(folder: Path) -> Iterator[tuple[grpc.Channel, str]]:
    """Run nginx before a gateway; yields a channel to nginx, and the gateway's URL."""
    proxy, port = stack.free_port(), stack.free_port()
    location = LOCATION.replace("127.0.0.1:9000", f"127.0.0.1:{port}")
    nginx.configure(folder, f"server {{ listen 127.0.0.1:{proxy} http2; {location} }}")
    with (folder / "log").open("wb") as log, listening(declared_models()) as model_server:
        settings = {
            "model_server": model_server,
            "grpc_port": str(port),
            "trusted_proxies": "127.0.0.1",
        }
        with (
            stack.gateway_process(log, **settings) as (_, url),
            stack.process(nginx.command(folder)),
            grpc.insecure_channel(f"127.0.0.1:{proxy}") as channel,
        ):
            stack.wait_until_ready(url)
            grpc.channel_ready_future(channel).result(stack.START_SECONDS)
            yield channel, url


def question(model: str) -> bytes:
    request = PredictRequest(model_spec={"name": model})
    sentiment = MODELS["sentiment"]
    tensors.encode_all(request.inputs, sentiment.preprocess([sentiment.example]))
    return request.SerializeToString()


def test_calls_errors_and_streams_pass_nginx(tmp_path: Path) -> None:
    with proxied(tmp_path) as (channel, url):
        predict = channel.unary_unary(PREDICT)
        answer, call = predict.with_call(question("sentiment"), metadata=FROM_AFAR)
        assert PredictResponse.FromString(answer).outputs
        assert ("x-model-name", "sentiment") in call.trailing_metadata()
        counted = {"model": "sentiment", "version": "1", "outcome": "ok"}
        assert reading(url, "tfgate_requests_total", **counted) == 1

        refused = predict.future(question("invented"))
        assert refused.code() is grpc.StatusCode.NOT_FOUND
        assert "invented" in refused.details()

        check = health_pb2_grpc.HealthStub(channel).Check
        assert check(health_pb2.HealthCheckRequest()).status == SERVING

        wrong = ModelInferRequest(model_name="invented", id="7").SerializeToString()
        for reply in channel.stream_stream(STREAM)(iter([wrong, wrong])):
            told = ModelStreamInferResponse.FromString(reply)
            assert "invented" in told.error_message

    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    asked = [line for line in lines if line.get("method") == "GRPC" and line["path"] == PREDICT]
    assert [(line["client"], line["model"], line["outcome"]) for line in asked] == [
        (CLIENT, "sentiment", "ok"),
        ("127.0.0.1", "unknown", "unknown-model"),
    ]
