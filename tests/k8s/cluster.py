"""What `kubectl apply -k` would send to a cluster, and how its objects refer to one another."""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.stack import ROOT

Manifest = dict[str, Any]
MANIFESTS = ROOT / "k8s"
OVERLAYS = ("overlays/cpu", "overlays/gpu", "xds")
# Each is applied by itself, after an overlay.
ADDITIONS = ("shipped-models", "training", "load", "ingress", "http-route", "store")
TARGETS = (*OVERLAYS, *ADDITIONS)
WORKLOADS = ("Deployment", "Job", "StatefulSet")


@dataclass(frozen=True)
class Pod:
    """The pods of one workload: they are alike."""

    workload: str
    labels: Mapping[str, str]
    spec: Manifest

    @property
    def containers(self) -> list[Manifest]:
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def ports(self) -> dict[str, int]:
        """The ports on which its containers listen, by name."""
        return {
            port["name"]: port["containerPort"]
            for container in self.containers
            for port in container.get("ports", [])
        }


@dataclass(frozen=True)
class Cluster:
    """A cluster to which nothing else was applied."""

    objects: list[Manifest]

    def of_kind(self, *kinds: str) -> list[Manifest]:
        return [each for each in self.objects if each["kind"] in kinds]

    def named(self, kind: str, name: str) -> Manifest:
        found = [each for each in self.of_kind(kind) if name_of(each) == name]
        assert len(found) == 1, f"{len(found)} objects are {kind} {name}"
        return found[0]

    def pods(self) -> list[Pod]:
        return [_pod(workload) for workload in self.of_kind(*WORKLOADS)]

    def pod(self, workload: str) -> Pod:
        found = [pod for pod in self.pods() if pod.workload == workload]
        assert len(found) == 1, f"{len(found)} workloads are called {workload}"
        return found[0]

    def claims_of(self, pod: Pod) -> list[Manifest]:
        """Return the claims that come with a workload itself."""
        workload = next(each for each in self.of_kind(*WORKLOADS) if name_of(each) == pod.workload)
        claims: list[Manifest] = workload["spec"].get("volumeClaimTemplates", [])
        return claims

    def selected(self, labels: Mapping[str, str]) -> list[Pod]:
        return [pod for pod in self.pods() if labels.items() <= pod.labels.items()]


def _pod(workload: Manifest) -> Pod:
    template = workload["spec"]["template"]
    return Pod(name_of(workload), template["metadata"]["labels"], template["spec"])


def name_of(manifest: Manifest) -> str:
    name: str = manifest["metadata"]["name"]
    return name


def identity(manifest: Manifest) -> str:
    return f"{manifest['apiVersion']} {manifest['kind']} {name_of(manifest)}"


@cache
def render(target: str) -> str:
    """Render a folder of k8s/ as `kubectl apply -k` does."""
    return render_folder(MANIFESTS / target)


def render_folder(folder: Path) -> str:
    kubectl = shutil.which("kubectl")
    assert kubectl is not None
    rendered = subprocess.run(
        [kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False, timeout=60
    )
    assert rendered.returncode == 0, rendered.stderr
    return rendered.stdout


@cache
def objects(target: str) -> list[Manifest]:
    """Return what a folder of k8s/ defines."""
    # The loader in C reads the same, nine times as fast.
    documents = yaml.load_all(render(target), Loader=yaml.CSafeLoader)
    return [document for document in documents if document]


def cluster(*targets: str) -> Cluster:
    """Apply folders of k8s/, one after the other, to an empty cluster."""
    return Cluster([each for target in targets for each in objects(target)])


def in_every_overlay(rule: Callable[[Cluster], None]) -> Callable[[], None]:
    """Make one test of a rule for clusters with everything applied; a failure names the overlay."""

    def test() -> None:
        for overlay in OVERLAYS:
            try:
                rule(cluster(overlay, *ADDITIONS))
            except AssertionError as error:
                error.add_note(f"in k8s/{overlay}")
                raise

    return test


def environment(container: Manifest) -> dict[str, str]:
    """The variables of a container whose values are no secret."""
    return {each["name"]: each["value"] for each in container.get("env", []) if "value" in each}


def megabytes(quantity: str) -> float:
    """Convert a quantity of memory."""
    units = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
    return float(quantity[:-2]) * units[quantity[-2:]] / 1e6


def processors(quantity: str) -> float:
    """Convert a quantity of processors, which may be in thousandths."""
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)
