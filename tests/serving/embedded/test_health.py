import grpc
import pytest
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from serving.embedded.call_server import CallServer

from serving.embedded import health


@pytest.mark.parametrize(
    ("service", "status"),
    [
        ("", HealthCheckResponse.SERVING),
        ("PredictionService", HealthCheckResponse.SERVING),
        ("no_such_service", HealthCheckResponse.SERVICE_UNKNOWN),
    ],
)
def test_a_watcher_is_told_the_status_and_kept_until_it_leaves(service: str, status: int) -> None:
    server = CallServer(health.handlers())
    port = server.listen("127.0.0.1:0")
    server.start(1)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            watching = stub.Watch(HealthCheckRequest(service=service), timeout=20)
            assert next(watching).status == status
            # It holds no thread: the server's only one is free for another call.
            assert (
                stub.Check(HealthCheckRequest(), timeout=20).status == HealthCheckResponse.SERVING
            )
            assert watching.is_active()
            watching.cancel()
    finally:
        server.stop(0)
