"""grpc.health.v1 as TF Serving has it: fixed statuses that say nothing of any model."""

from typing import Any

from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from serving.embedded.call_server import Handler
from serving.embedded.rpc import Method, handler
from serving.embedded.statuses import not_found

SERVICE = "grpc.health.v1.Health"

# Short names, and only these (model_servers/server.cc).
SERVING_NAMES = ("", "ModelService", "PredictionService")


def handlers() -> dict[str, Handler]:
    """Return both calls: `Check`, and `Watch`, whose first status stays the only one."""
    return {
        f"/{SERVICE}/Check": handler(Method(HealthCheckRequest, _check)),
        f"/{SERVICE}/Watch": handler(Method(HealthCheckRequest, _watch), holds=True),
    }


def _check(request: Any, _timeout_milliseconds: int | None) -> HealthCheckResponse:
    """Answer for a known name; NOT_FOUND in the words of gRPC's C++ server otherwise."""
    if request.service not in SERVING_NAMES:
        raise not_found("service name unknown")
    return HealthCheckResponse(status=HealthCheckResponse.SERVING)


def _watch(request: Any, _timeout_milliseconds: int | None) -> HealthCheckResponse:
    known = request.service in SERVING_NAMES
    status = HealthCheckResponse.SERVING if known else HealthCheckResponse.SERVICE_UNKNOWN
    return HealthCheckResponse(status=status)
