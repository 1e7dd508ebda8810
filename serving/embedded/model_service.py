"""TF Serving's ModelService: reports states and takes new configurations; loads nothing itself."""

from tensorflow_serving.apis import get_model_status_pb2, model_management_pb2

from serving.embedded.lifecycle import Lifecycle
from serving.embedded.rpc import Method
from serving.embedded.served_models import ServedModels
from serving.embedded.state_reports import Report, StateReports
from serving.embedded.statuses import code_number, invalid_argument, not_found

SERVICE = "tensorflow.serving.ModelService"


class ModelService:
    """The calls, each a function of request and time left in milliseconds."""

    def __init__(self, served: ServedModels, reports: StateReports, lifecycle: Lifecycle) -> None:
        self._served = served
        self._reports = reports
        self._lifecycle = lifecycle

    def methods(self) -> dict[str, Method]:
        return {
            "GetModelStatus": Method(
                get_model_status_pb2.GetModelStatusRequest, self.get_model_status
            ),
            "HandleReloadConfigRequest": Method(
                model_management_pb2.ReloadConfigRequest, self.handle_reload_config_request
            ),
        }

    def get_model_status(
        self,
        request: get_model_status_pb2.GetModelStatusRequest,
        timeout_milliseconds: int | None,  # noqa: ARG002 - every call has it
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """Report one version, or all versions ever seen, newest first; labels are ignored."""
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        spec = request.model_spec
        reports = self._reports.of_model(spec.name)
        if spec.HasField("version"):
            reports = [report for report in reports if report.version == spec.version.value]
            if not reports:
                raise not_found(f"Could not find version {spec.version.value} of model {spec.name}")
        if not reports:
            raise not_found(f"Could not find any versions of model {spec.name}")
        return get_model_status_pb2.GetModelStatusResponse(
            model_version_status=[_status_message(report) for report in reports]
        )

    def handle_reload_config_request(
        self,
        request: model_management_pb2.ReloadConfigRequest,
        timeout_milliseconds: int | None,  # noqa: ARG002 - the wait has no limit in TF Serving
    ) -> model_management_pb2.ReloadConfigResponse:
        """Replace the configuration; returns when one version of each new model is available."""
        if request.config.WhichOneof("config") != "model_config_list":
            raise invalid_argument(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. "
                "Only ModelConfigList is currently supported"
            )
        before = self._lifecycle.load_metrics.copy()
        self._served.reload(request.config)
        after = self._lifecycle.load_metrics
        response = model_management_pb2.ReloadConfigResponse()
        response.status.SetInParent()
        for name in dict.fromkeys(request.metric_names):
            response.metric.add(name=name, int64_value_increase=after[name] - before[name])
        return response


def _status_message(report: Report) -> get_model_status_pb2.ModelVersionStatus:
    message = get_model_status_pb2.ModelVersionStatus(version=report.version, state=report.state)
    message.status.SetInParent()
    if report.error:
        message.status.error_code = code_number(report.error.code)
        message.status.error_message = report.error.message
    return message
