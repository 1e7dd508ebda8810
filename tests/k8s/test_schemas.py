"""Every object is what its API takes: no field is unknown, misspelt, of a wrong type or missing."""

import copy
from typing import Any

import kubernetes_validate
from cloudcoil.models.prometheus_operator.v1 import PrometheusRule, ServiceMonitor
from pydantic import BaseModel, ValidationError

from tests.k8s.cluster import TARGETS, Manifest, cluster, identity, objects
from tests.programs import needs

pytestmark = needs("kubectl", package="kubernetes-client")

# The Prometheus operator's own resources, as classes that are generated from its published schemas.
CUSTOM: dict[str, type[BaseModel]] = {
    "ServiceMonitor": ServiceMonitor,
    "PrometheusRule": PrometheusRule,
}


def validate(manifest: Manifest) -> None:
    """Raise unless the object is valid, and every field of it is known."""
    if manifest["kind"] in CUSTOM:
        parsed = CUSTOM[manifest["kind"]].model_validate(manifest)
        # The classes leave out what they do not know.
        assert parsed.model_dump(by_alias=True, exclude_unset=True, mode="json") == manifest
    elif manifest["kind"] not in {"HTTPRoute", "GRPCRoute"}:  # test_way_in reads them
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def wrong(manifest: Manifest) -> str | None:
    """Say what is wrong with an object, if anything is."""
    try:
        validate(manifest)
    except (kubernetes_validate.ValidationError, ValidationError, AssertionError) as error:
        return f"{identity(manifest)}: {error}"
    return None


def test_objects_are_valid() -> None:
    found = [(target, wrong(each)) for target in TARGETS for each in objects(target)]

    assert [(target, why) for target, why in found if why is not None] == []


def test_each_object_is_there_once_in_the_namespace() -> None:
    for target in TARGETS:
        found = objects(target)

        assert len({identity(each) for each in found}) == len(found), target
        for each in found:
            if each["kind"] != "Namespace":
                assert each["metadata"]["namespace"] == "tfgate", (target, identity(each))


def test_mistakes_are_noticed() -> None:
    mistakes: list[tuple[str, str, object]] = [
        ("Deployment", "spec/template/spec/terminationGracePeriodSecond", 60),
        ("Deployment", "spec/template/spec/containers/0/readinesProbe", {}),
        ("Deployment", "spec/strategy/rollingUpdate/maxSurge", [1]),
        ("HorizontalPodAutoscaler", "spec/maxReplicas", "ten"),
        ("NetworkPolicy", "spec/podSelectors", {}),
        ("PodDisruptionBudget", "spec/maxUnavailble", 1),
        ("Service", "spec/ports/0/targetport", 8000),
        ("ServiceMonitor", "spec/endpoints/0/intervall", "15s"),
        ("ServiceMonitor", "spec/selector", "app"),
        ("PrometheusRule", "spec/group", []),
    ]
    applied = cluster("overlays/cpu")
    for kind, path, value in mistakes:
        manifest = copy.deepcopy(applied.of_kind(kind)[0])
        *parents, field = path.split("/")
        place: Any = manifest
        for parent in parents:
            place = place[int(parent)] if parent.isdigit() else place[parent]
        place[field] = value

        assert wrong(manifest) is not None, (kind, path)
