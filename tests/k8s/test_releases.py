"""The guard over all gateways: what it asks, when it is right, and how it takes a release back."""

import importlib.util
import json
import logging
import os
import re
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import kubernetes_validate
import pytest

from tests.k8s.cluster import MANIFESTS, Cluster, Manifest, cluster, identity, name_of
from tests.programs import needs
from tests.promtool import try_queries

pytestmark = needs("kubectl", package="kubernetes-client")

SCRIPT = MANIFESTS / "releases/guard.py"
_spec = importlib.util.spec_from_file_location("guard", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
guard: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(guard)

RELEASES = """\
[models.sentiment]
stable = 3

[models.sentiment.candidate]
version = 4
percent = 5
started = 2026-11-29T12:00:00Z

[models.housing]
stable = 1
"""


@pytest.fixture(scope="module")
def applied() -> Cluster:
    return cluster("overlays/cpu", "releases")


@pytest.fixture(scope="module")
def pod(applied: Cluster) -> Manifest:
    found: Manifest = applied.named("CronJob", "release-guard")["spec"]["jobTemplate"]["spec"]
    spec: Manifest = found["template"]["spec"]
    return spec


def test_objects_are_valid(applied: Cluster) -> None:
    for manifest in applied.objects:
        if manifest["kind"] in {"CronJob", "Role", "RoleBinding", "ServiceAccount", "ConfigMap"}:
            latest = kubernetes_validate.latest_version()
            kubernetes_validate.validate(manifest, latest, strict=True)


def test_it_may_change_the_one_config_map_that_gateways_follow(
    applied: Cluster, pod: Manifest
) -> None:
    [rule] = applied.named("Role", "release-guard")["rules"]
    volumes = {each["name"]: each for each in applied.pod("gateway").spec["volumes"]}
    followed = volumes["releases"]["configMap"]["name"]
    assert rule == {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "resourceNames": [followed],
        "verbs": ["get", "patch"],
    }
    binding = applied.named("RoleBinding", "release-guard")
    [subject] = binding["subjects"]
    account = applied.named("ServiceAccount", subject["name"])
    assert subject["namespace"] == account["metadata"]["namespace"] == "tfgate"
    assert binding["roleRef"]["name"] == "release-guard"
    assert pod["serviceAccountName"] == name_of(account)
    # Where everybody else has none, and this account none by itself.
    assert pod["automountServiceAccountToken"]
    assert not account["automountServiceAccountToken"]
    assert f"--config-map={followed}" in pod["containers"][0]["command"]


def test_its_pod_is_as_restricted_as_all_others(pod: Manifest) -> None:
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_it_runs_the_script_of_the_config_map(applied: Cluster, pod: Manifest) -> None:
    [volume] = [each for each in pod["volumes"] if "configMap" in each]
    data = applied.named("ConfigMap", volume["configMap"]["name"])["data"]
    [mount] = [m for m in pod["containers"][0]["volumeMounts"] if m["name"] == volume["name"]]
    python, script, *_ = pod["containers"][0]["command"]
    assert python == "python"
    assert script == f"{mount['mountPath']}/guard.py"
    assert data["guard.py"] == SCRIPT.read_text()


# What Argo Rollouts and Flagger call an object's fields, and which they cannot do without.
# Source: the CustomResourceDefinitions of Argo Rollouts 1.8 and Flagger 1.41.
FIELDS: dict[str, tuple[set[str], set[str]]] = {
    "argoproj.io/v1alpha1 AnalysisTemplate": ({"args", "metrics"}, {"metrics"}),
    "flagger.app/v1beta1 MetricTemplate": ({"provider", "query"}, {"provider", "query"}),
}
METRIC = (
    {"name", "interval", "count", "failureCondition", "consecutiveErrorLimit", "provider"},
    {"name", "provider"},
)


def test_objects_of_argo_and_flagger_have_the_fields_that_they_know() -> None:
    objects = cluster("releases/argo", "releases/flagger").objects
    for manifest in objects:
        kind = f"{manifest['apiVersion']} {manifest['kind']}"
        known, needed = FIELDS[kind]
        assert needed <= manifest["spec"].keys() <= known, identity(manifest)
        assert manifest["metadata"]["namespace"] == "tfgate"
    [template] = cluster("releases/argo").objects
    for metric in template["spec"]["metrics"]:
        assert METRIC[1] <= metric.keys() <= METRIC[0]
        assert metric["provider"].keys() == {"prometheus"}
        assert metric["provider"]["prometheus"].keys() == {"address", "query"}
        assert isinstance(metric["count"], int)
    given = {each["name"] for each in template["spec"]["args"]}
    assert set(re.findall(r"\{\{args\.([\w-]+)\}\}", json.dumps(template))) == given


def test_argo_judges_by_the_guards_rules() -> None:
    [template] = cluster("releases/argo").objects
    judged = {each["name"]: each for each in template["spec"]["metrics"]}
    assert judged.keys() == guard.RULES.keys()
    for rule, (_, limit, _) in guard.RULES.items():
        condition = f"len(result) > 0 && result[0] > {limit}"
        assert judged[rule]["failureCondition"] == condition
        asked = judged[rule]["provider"]["prometheus"]["query"]
        assert spaced(filled(asked, "args.")) == spaced(query(rule))


def test_flagger_judges_by_the_guards_rules() -> None:
    judged = {
        name_of(each).removeprefix("tfgate-release-"): each
        for each in cluster("releases/flagger").objects
    }
    text = (MANIFESTS / "releases/flagger/metric-templates.yaml").read_text()
    assert judged.keys() == guard.RULES.keys()
    for rule, (_, limit, _) in guard.RULES.items():
        asked = filled(judged[rule]["spec"]["query"], "variables.")
        assert spaced(asked) == spaced(f"({query(rule)}) > -Inf or on () vector(0)")
        above = text[: text.index(f"name: tfgate-release-{rule}")]
        assert above.rindex(f"thresholdRange: {{max: {limit}}}") > above.rfind("---")


def query(rule: str) -> str:
    asked: str = guard.query(rule, "tfgate", "sentiment", 4)
    return asked


def filled(text: str, prefix: str) -> str:
    """Put values in the place of a template's variables."""
    for name, value in {"namespace": "tfgate", "model": "sentiment", "version": "4"}.items():
        text = re.sub(rf"\{{\{{ ?({re.escape(prefix)})?{name} ?\}}\}}", value, text)
    return text


def spaced(text: str) -> str:
    return " ".join(re.sub(r"([()])", r" \1 ", dedent(text)).split())


def series(outcome: str, route: str, version: int, a_minute: int, pod: str = "a") -> dict[str, str]:
    labels = f'namespace="tfgate", model="sentiment", version="{version}", route="{route}"'
    name = f'tfgate_release_requests_total{{{labels}, outcome="{outcome}", instance="{pod}"}}'
    return {"series": name, "values": f"0+{a_minute}x20"}


def seconds(route: str, version: int, quick: int, slow: int) -> list[dict[str, str]]:
    labels = f'namespace="tfgate", model="sentiment", version="{version}", route="{route}"'
    return [
        {
            "series": f'tfgate_release_seconds_bucket{{{labels}, le="{bound}"}}',
            "values": f"0+{number}x20",
        }
        for bound, number in (("0.1", quick), ("0.5", quick + slow), ("+Inf", quick + slow))
    ]


def rows(of: str, a_minute: int) -> dict[str, str]:
    labels = 'namespace="tfgate", model="sentiment", version="4", role="candidate"'
    return {"series": f"tfgate_{of}_rows_total{{{labels}}}", "values": f"0+{a_minute}x20"}


QUIET = [
    series("ok", "stable", 3, 10_000),
    series("failed", "stable", 3, 100),
    series("failed", "candidate", 4, 0),
]
CASES: dict[str, tuple[str, list[dict[str, str]], bool | None]] = {
    # 20 of 600 fail, where a hundredth of the stable version's do: twice what chance explains.
    "fails, over two gateways": (
        "errors",
        [
            *QUIET,
            series("ok", "candidate", 4, 53),
            series("failed", "candidate", 4, 4, "b"),
            series("ok", "candidate", 4, 43, "b"),
        ],
        True,
    ),
    "fails as the stable version does": (
        "errors",
        [*QUIET, series("ok", "candidate", 4, 990), series("failed", "candidate", 4, 10, "b")],
        False,
    ),
    "fails a little more than it, within chance": (
        "errors",
        [*QUIET, series("ok", "candidate", 4, 97), series("failed", "candidate", 4, 2, "b")],
        False,
    ),
    "fails always, of too few": (
        "errors",
        [*QUIET, series("ok", "candidate", 4, 0), series("failed", "candidate", 4, 20, "b")],
        None,
    ),
    "is another version": (
        "errors",
        [*QUIET, series("ok", "candidate", 5, 50), series("failed", "candidate", 5, 50, "b")],
        None,
    ),
    "is slow": (
        "latency",
        [
            series("ok", "candidate", 4, 500),
            *seconds("candidate", 4, 450, 50),
            *seconds("stable", 3, 10_000, 10),
        ],
        True,
    ),
    "is as fast": (
        "latency",
        [
            series("ok", "candidate", 4, 500),
            *seconds("candidate", 4, 500, 0),
            *seconds("stable", 3, 10_000, 10),
        ],
        False,
    ),
    "is slow, of too few": (
        "latency",
        [
            series("ok", "candidate", 4, 50),
            *seconds("candidate", 4, 45, 5),
            *seconds("stable", 3, 10_000, 10),
        ],
        None,
    ),
    "answers otherwise": ("disagreement", [rows("compared", 100), rows("disagreeing", 20)], True),
    "answers alike": ("disagreement", [rows("compared", 100), rows("disagreeing", 5)], False),
    "answers few": ("disagreement", [rows("compared", 10), rows("disagreeing", 10)], None),
}


@needs("promtool", package="prometheus")
def test_rules_are_broken_by_harm_and_by_nothing_else(tmp_path: Path) -> None:
    tests = []
    for name, (rule, inputs, is_broken) in CASES.items():
        limit = guard.RULES[rule][1]
        found = 0 if is_broken is None else 1
        tests.append(
            {
                "name": name,
                "interval": "1m",
                "input_series": inputs,
                "promql_expr_test": [
                    _expected(f"count({query(rule)}) or vector(0)", found),
                    _expected(
                        f"count(({query(rule)}) > {limit}) or vector(0)", int(is_broken or 0)
                    ),
                ],
            }
        )
    try_queries(tmp_path, *tests)


def _expected(expression: str, value: float) -> dict[str, Any]:
    samples = [{"labels": "{}", "value": value}]
    return {"expr": expression, "eval_time": "10m", "exp_samples": samples}


class Surroundings:
    """A cluster's API with one ConfigMap, and a Prometheus that gives one value to each rule."""

    def __init__(self, data: dict[str, str] | None) -> None:
        self.data = data
        self.values: dict[str, str] = {}
        self.asked: list[str] = []
        self.patches: list[dict[str, Any]] = []
        self.version = 7
        self.changed_by_another = False
        self.broken: tuple[int, bytes] | None = None  # what Prometheus answers then

    def answer(self, method: str, path: str, body: bytes, headers: Any) -> tuple[int, bytes]:
        url = urlsplit(path)
        if url.path == "/api/v1/query" and self.broken is not None:
            return self.broken
        status, document = self._answer(method, url, body, headers)
        return status, json.dumps(document).encode()

    def _answer(
        self, method: str, url: SplitResult, body: bytes, headers: Any
    ) -> tuple[int, object]:
        if url.path == "/api/v1/query":
            [asked] = parse_qs(url.query)["query"]
            self.asked.append(asked)
            [value] = [self.values.get(rule) for rule in guard.RULES if query(rule) == asked]
            result = [] if value is None else [{"metric": {}, "value": [0, value]}]
            return 200, {"status": "success", "data": {"result": result}}
        assert url.path == "/api/v1/namespaces/tfgate/configmaps/tfgate-releases"
        assert headers["Authorization"] == "Bearer secret"
        if self.data is None:
            return 404, {"reason": "NotFound"}
        if method == "PATCH":
            assert headers["Content-Type"] == "application/merge-patch+json"
            patch = json.loads(body)
            if self.changed_by_another:
                return 409, {"reason": "Conflict"}
            assert patch["metadata"]["resourceVersion"] == str(self.version)
            self.patches.append(patch)
            self.data.update(patch["data"])
        return 200, {"metadata": {"resourceVersion": str(self.version)}, "data": self.data}


@contextmanager
def serving(surroundings: Surroundings) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, content = surroundings.answer(self.command, self.path, body, self.headers)
            if status:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(content)

        do_PATCH = do_GET  # noqa: N815  # as the base class wants it

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@dataclass(frozen=True)
class Guard:
    """The guard as its job runs it, in other surroundings."""

    pod: Manifest
    folder: Path
    patch: pytest.MonkeyPatch
    log: pytest.LogCaptureFixture

    def look(self, surroundings: Surroundings) -> int:
        """Look once, with its own arguments; returns how it ended."""
        (self.folder / "token").write_text("secret\n")
        _, *words = self.pod["containers"][0]["command"]
        with serving(surroundings) as url:
            words = [re.sub(r"^--prometheus=.*", f"--prometheus={url}", each) for each in words]
            self.patch.setattr(sys, "argv", [*words, f"--api={url}", f"--account={self.folder}"])
            status: int = guard.main()
        return status


@pytest.fixture
def judge(
    pod: Manifest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> Guard:
    caplog.set_level(logging.INFO)
    # Where its image has the command line.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    return Guard(pod, tmp_path, monkeypatch, caplog)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"errors": "0.04"}, "fails 4.0% more of its requests than the stable version"),
        ({"errors": "NaN", "latency": "3.5"}, "takes 3.5 times as long"),
        ({"disagreement": "0.2"}, "answers 20.0% of the compared rows otherwise"),
    ],
)
def test_a_candidate_that_does_harm_is_taken_back(
    judge: Guard, values: dict[str, str], told: str
) -> None:
    surroundings = Surroundings({"releases.toml": RELEASES, "notes.md": "by shop's team"})
    surroundings.values = values

    assert judge.look(surroundings) == 1

    [patch] = surroundings.patches
    assert patch["data"].keys() == {"releases.toml"}
    models = tomllib.loads(patch["data"]["releases.toml"])["models"]
    assert models == {"sentiment": {"stable": 3}, "housing": {"stable": 1}}
    assert told in patch["metadata"]["annotations"]["tfgate/taken-back"]
    assert f"taken back: sentiment 4 {told}" in judge.log.text

    assert judge.look(surroundings) == 0
    assert len(surroundings.patches) == 1


@pytest.mark.parametrize("values", [{}, {"errors": "0.01", "latency": "NaN", "disagreement": "0"}])
def test_a_candidate_that_does_none_goes_on(judge: Guard, values: dict[str, str]) -> None:
    surroundings = Surroundings({"releases.toml": RELEASES})
    surroundings.values = values
    assert judge.look(surroundings) == 0
    assert surroundings.asked == [query(rule) for rule in guard.RULES]
    assert surroundings.patches == []


@pytest.mark.parametrize("data", [None, {}, {"releases.toml": "# none"}])
def test_without_a_release_nothing_is_asked(judge: Guard, data: dict[str, str] | None) -> None:
    surroundings = Surroundings(data)
    assert judge.look(surroundings) == 0
    assert surroundings.asked == []


def test_what_somebody_else_has_changed_meanwhile_stays(judge: Guard) -> None:
    surroundings = Surroundings({"releases.toml": RELEASES})
    surroundings.values = {"errors": "0.5"}
    surroundings.changed_by_another = True
    assert judge.look(surroundings) == 1
    assert "Conflict" in judge.log.text
    assert "taken back" not in judge.log.text


@pytest.mark.parametrize("text", ["[models", "[models.sentiment]\nstable = 'x'\ncandidate = {}\n"])
def test_releases_that_are_wrong_are_told(judge: Guard, text: str) -> None:
    assert judge.look(Surroundings({"releases.toml": text})) == 1
    assert "releases.toml:" in judge.log.text


@pytest.mark.parametrize("broken", [(503, b"{}"), (200, b"<html>"), (0, b"")])
def test_a_prometheus_that_is_away_takes_nothing_back(
    judge: Guard, broken: tuple[int, bytes]
) -> None:
    surroundings = Surroundings({"releases.toml": RELEASES})
    surroundings.broken = broken
    assert judge.look(surroundings) == 1
    assert surroundings.patches == []
    assert judge.log.records[-1].levelname == "ERROR"
