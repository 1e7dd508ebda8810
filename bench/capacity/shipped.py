"""The rules that tfgate ships: of its settings, its channel and its manifests."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.stack import ROOT
from bench.workloads import WORKLOADS
from serving.gateway.inference.operating_point import FIRST_CALLS
from serving.gateway.settings import Settings
from serving.models import MODELS

_BASE = ROOT / "k8s/base"


@dataclass(frozen=True)
class Rules:
    """What a gateway process does; the default values are those of its settings."""

    max_requests: int = Settings.model_fields["max_requests_per_model"].default
    max_calls: int = FIRST_CALLS  # as many as a gateway begins with; more only where they pay
    max_rows: int = MODELS["housing"].max_call_rows
    timeout_seconds: float = Settings.model_fields["predict_timeout_seconds"].default
    # Of serving/gateway/inference/channel.py: maxAttempts, initialBackoff, keepalive and its ping;
    # and for how long the kernel waits until what was sent is acknowledged, which gRPC makes as
    # long as the ping may take.
    attempts: int = 4
    pause_seconds: float = 0.05
    silence_seconds: float = 13.0
    unacknowledged_seconds: float = 3.0
    # Of serving/tf_serving/entrypoint.sh: after so long a connection ends, and DNS is asked.
    connection_seconds: float = 30.0

    @staticmethod
    def of(workload: str) -> "Rules":
        """Give those of the model that a workload asks."""
        return Rules(max_rows=MODELS[WORKLOADS[workload].model].max_call_rows)


@dataclass(frozen=True)
class Step:
    """A policy of an autoscaler: so many pods, or so many for each hundred, within a time."""

    kind: str
    value: int
    seconds: int


@dataclass(frozen=True)
class Scaler:
    """What an autoscaler of k8s/base does; seconds and pods."""

    least: int
    most: int
    targets: dict[str, float]  # by metric; `cpu` is a share of what is requested
    up: list[Step]
    up_window: int
    down: list[Step]
    down_window: int


def scaler(name: str) -> Scaler:
    """Read the autoscaler of `gateway` or of `model-server`."""
    spec = _spec(_BASE / name / "autoscaler.yaml")
    up, down = spec["behavior"].get("scaleUp", {}), spec["behavior"].get("scaleDown", {})
    return Scaler(
        least=spec["minReplicas"],
        most=spec["maxReplicas"],
        targets=dict(map(_target, spec["metrics"])),
        up=_steps(up),
        up_window=up.get("stabilizationWindowSeconds", 0),
        # Kubernetes' own default, where a manifest says none.
        down=_steps(down) if "policies" in down else [Step("Percent", 100, 15)],
        down_window=down.get("stabilizationWindowSeconds", 300),
    )


def _spec(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text())["spec"]
    return found


def _steps(behaviour: dict[str, Any]) -> list[Step]:
    return [
        Step(each["type"], each["value"], each["periodSeconds"]) for each in behaviour["policies"]
    ]


def _target(metric: dict[str, Any]) -> tuple[str, float]:
    match metric:
        case {"type": "Resource", "resource": {"name": name, "target": target}}:
            return name, target["averageUtilization"] / 100
        case {"type": "Pods", "pods": {"metric": {"name": name}, "target": target}}:
            return name, float(target["averageValue"])
        case {"type": "External", "external": {"metric": {"name": name}, "target": target}}:
            return name, float(target["averageValue"])
    message = f"unknown kind of metric: {metric}"
    raise ValueError(message)
