"""Takes a candidate back when all gateways together say that it does harm; looks once.

Asks Prometheus for what every gateway has counted, and changes the ConfigMap that they follow with
`tfgate release rollback`. Runs in the gateway's image, in which tfgate is installed.
"""

import argparse
import json
import logging
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from serving.gateway.releases.release_file import NoReleasesYet, WrongReleases, read_releases

# Where a pod finds who it is.
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TIMEOUT_SECONDS = 10

# What a rule measures, the value above which it is broken, and how that value is told. None has a
# value before there are enough requests. As many errors as chance brings one time in 740 (three
# standard deviations) are left out, were the candidate to fail as often as the stable version does.
RULES = {
    "errors": (
        """
        sum(rate(tfgate_release_requests_total{$candidate, outcome="failed"}[5m]))
          / sum(rate(tfgate_release_requests_total{$candidate}[5m]))
        - sum(rate(tfgate_release_requests_total{$stable, outcome="failed"}[5m]))
          / sum(rate(tfgate_release_requests_total{$stable}[5m]))
        - 3 * sqrt(
            sum(rate(tfgate_release_requests_total{$stable, outcome="failed"}[5m]))
              / sum(rate(tfgate_release_requests_total{$stable}[5m]))
              / sum(increase(tfgate_release_requests_total{$candidate}[5m]))
          )
        and sum(increase(tfgate_release_requests_total{$candidate}[5m])) >= 300
        """,
        0.01,
        "fails {:.1%} more of its requests than the stable version, beyond chance",
    ),
    "latency": (
        """
        histogram_quantile(0.99, sum by (le) (rate(tfgate_release_seconds_bucket{$candidate}[5m])))
          / histogram_quantile(0.99, sum by (le) (rate(tfgate_release_seconds_bucket{$stable}[5m])))
        and on () sum(increase(tfgate_release_requests_total{$candidate}[5m])) >= 1000
        """,
        2,
        "takes {:.1f} times as long as the stable version (p99)",
    ),
    "disagreement": (
        """
        sum(rate(tfgate_disagreeing_rows_total{$compared}[5m]))
          / sum(rate(tfgate_compared_rows_total{$compared}[5m]))
        and sum(increase(tfgate_compared_rows_total{$compared}[5m])) >= 300
        """,
        0.1,
        "answers {:.1%} of the compared rows otherwise than the stable version",
    ),
}


class Cluster:
    """The cluster's API, as far as it is about one ConfigMap."""

    def __init__(self, api: str, account: Path, namespace: str, name: str) -> None:
        self._url = f"{api}/api/v1/namespaces/{namespace}/configmaps/{name}"
        self._token = (account / "token").read_text().strip()
        authority = account / "ca.crt"
        self._tls = ssl.create_default_context(cafile=authority if authority.exists() else None)

    def read(self) -> dict[str, Any]:
        """Return the ConfigMap."""
        return self._ask("GET", None)

    def write(self, before: dict[str, Any], data: dict[str, str], told: str) -> None:
        """Change its files, unless somebody else has changed it meanwhile."""
        version = before["metadata"]["resourceVersion"]
        annotations = {"tfgate/taken-back": told}
        metadata = {"resourceVersion": version, "annotations": annotations}
        self._ask("PATCH", {"metadata": metadata, "data": data})

    def _ask(self, method: str, body: object) -> dict[str, Any]:
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/merge-patch+json",
        }
        content = None if body is None else json.dumps(body).encode()
        request = Request(self._url, content, headers, method=method)  # noqa: S310  # as was said
        with urlopen(request, timeout=_TIMEOUT_SECONDS, context=self._tls) as answer:  # noqa: S310
            document: dict[str, Any] = json.load(answer)
            return document


@contextmanager
def written(files: dict[str, str]) -> Iterator[Path]:
    """Lay the ConfigMap's files out as they are in a pod."""
    with TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text)
        yield Path(folder)


def candidates(files: dict[str, str]) -> dict[str, int]:
    """Return the models that have a candidate, each with its version."""
    with written(files) as folder:
        try:
            releases = read_releases(folder, models=None).models
        except NoReleasesYet:
            return {}
    return {name: each.candidate.version for name, each in releases.items() if each.candidate}


def query(rule: str, namespace: str, model: str, version: int) -> str:
    """Return what Prometheus is asked about a candidate."""
    release = f'namespace="{namespace}", model={json.dumps(model)}'
    return Template(RULES[rule][0]).substitute(
        candidate=f'{release}, version="{version}", route="candidate"',
        stable=f'{release}, route="stable"',
        compared=f'{release}, version="{version}", role="candidate"',
    )


def harm(prometheus: str, namespace: str, model: str, version: int) -> str | None:
    """Say what a candidate does wrong; None if it does nothing, or nobody can tell yet."""
    for rule, (_, limit, told) in RULES.items():
        asked = urlencode({"query": query(rule, namespace, model, version)})
        url = f"{prometheus}/api/v1/query?{asked}"
        with urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310  # as was said
            result = json.load(answer)["data"]["result"]
        if result and float(result[0]["value"][1]) > limit:
            return told.format(float(result[0]["value"][1]))
    return None


def rolled_back(files: dict[str, str], model: str) -> dict[str, str]:
    """Return the files that a rollback changes, as they are then."""
    with written(files) as folder:
        command = ["tfgate", "release", "rollback", model, f"--file={folder}", "--offline"]
        subprocess.run(command, check=True)  # noqa: S603  # the model's name is in the ConfigMap
        after = {name: (folder / name).read_text() for name in files}
    return {name: text for name, text in after.items() if text != files[name]}


def look(cluster: Cluster, prometheus: str, namespace: str) -> bool:
    """Judge every candidate, and take back those that do harm; tells whether any does."""
    any_harm = False
    for model, version in candidates(cluster.read().get("data", {})).items():
        reason = harm(prometheus, namespace, model, version)
        logging.info("%s %s: %s", model, version, reason or "no harm that could be told")
        if reason is not None:
            before = cluster.read()
            told = f"{model} {version} {reason}"
            cluster.write(before, rolled_back(before["data"], model), told)
            logging.error("taken back: %s", told)
            any_harm = True
    return any_harm


def main() -> int:
    """Look once; exits with 1 if a release was taken back, or nobody could look."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--prometheus", required=True, metavar="URL")
    parser.add_argument("--namespace", required=True, help="of the gateways and the ConfigMap")
    parser.add_argument("--config-map", required=True, metavar="NAME")
    parser.add_argument("--api", default="https://kubernetes.default.svc", metavar="URL")
    parser.add_argument("--account", type=Path, default=_ACCOUNT, metavar="FOLDER")
    given = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    cluster = Cluster(given.api, given.account, given.namespace, given.config_map)
    try:
        return int(look(cluster, given.prometheus, given.namespace))
    except HTTPError as error:
        if error.code == 404 and given.config_map in error.url:
            logging.info("there is no ConfigMap %s, and so no release", given.config_map)
            return 0
        logging.error("%s: %s", error.url, error)
    except (OSError, json.JSONDecodeError, WrongReleases, subprocess.CalledProcessError) as error:
        logging.error("%s", error)
    return 1


if __name__ == "__main__":
    sys.exit(main())
