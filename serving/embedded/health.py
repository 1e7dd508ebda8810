"""grpc.health.v1 as TF Serving has it: fixed statuses that say nothing of any model."""

import grpc
from grpc_health.v1 import health, health_pb2

# Short names, and only these (model_servers/server.cc).
SERVING_NAMES = ("", "ModelService", "PredictionService")


class StaticHealth(health.HealthServicer):  # type: ignore[misc]
    """SERVING for every known name for as long as the server runs."""

    def __init__(self) -> None:
        super().__init__()
        for name in SERVING_NAMES:
            self.set(name, health_pb2.HealthCheckResponse.SERVING)

    def Check(  # noqa: N802 - the service's own name
        self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        """Answer for a known name; NOT_FOUND in the words of gRPC's C++ server otherwise."""
        if request.service not in SERVING_NAMES:
            context.abort(grpc.StatusCode.NOT_FOUND, "service name unknown")
        return super().Check(request, context)
