"""The clusters that the manifests make: each overlay with everything else applied to it."""

import pytest

from tests.k8s.cluster import ADDITIONS, OVERLAYS, Cluster, cluster


@pytest.fixture(scope="session", params=OVERLAYS)
def applied(request: pytest.FixtureRequest) -> Cluster:
    return cluster(request.param, *ADDITIONS)


@pytest.fixture(scope="session")
def gpu() -> Cluster:
    return cluster("overlays/gpu")
