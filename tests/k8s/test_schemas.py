"""Every object is what its API takes: no field is unknown, misspelt, of a wrong type or missing."""

import copy
from typing import Any

import kubernetes_validate
import pytest
from cloudcoil.models.prometheus_operator.v1 import PrometheusRule, ServiceMonitor
from pydantic import BaseModel, ValidationError

from tests.k8s.cluster import TARGETS, Manifest, cluster, identity, load, render
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
    elif manifest["kind"] != "HTTPRoute":  # test_way_in reads it
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("target", TARGETS)
def test_objects_are_valid(target: str) -> None:
    for manifest in load(render(target)):
        try:
            validate(manifest)
        except (kubernetes_validate.ValidationError, ValidationError) as error:
            pytest.fail(f"{identity(manifest)}: {error}")


@pytest.mark.parametrize("target", TARGETS)
def test_each_object_is_there_once_in_the_namespace(target: str) -> None:
    objects = load(render(target))

    assert len({identity(each) for each in objects}) == len(objects)
    for each in objects:
        if each["kind"] != "Namespace":
            assert each["metadata"]["namespace"] == "tfgate", identity(each)


@pytest.mark.parametrize(
    ("kind", "path", "wrong"),
    [
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
    ],
)
def test_a_mistake_is_noticed(kind: str, path: str, wrong: object) -> None:
    manifest = copy.deepcopy(cluster("overlays/cpu").of_kind(kind)[0])
    *parents, field = path.split("/")
    place: Any = manifest
    for parent in parents:
        place = place[int(parent)] if parent.isdigit() else place[parent]
    place[field] = wrong

    with pytest.raises((kubernetes_validate.ValidationError, ValidationError, AssertionError)):
        validate(manifest)
