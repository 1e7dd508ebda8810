"""The clusters that the manifests make: each overlay with every job applied to it."""

import pytest

from tests.k8s.cluster import JOBS, OVERLAYS, Cluster, cluster


@pytest.fixture(scope="session", params=OVERLAYS)
def applied(request: pytest.FixtureRequest) -> Cluster:
    return cluster(request.param, *JOBS)


@pytest.fixture(scope="session")
def gpu() -> Cluster:
    return cluster("overlays/gpu")
