"""Writes the rules of monitoring/rules as the one object in which Kubernetes takes them."""

import argparse
import re
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).parent / "rules"
MANIFEST = Path(__file__).parents[1] / "k8s/base/prometheus-rule.yaml"

_HEADER = """\
# The rules of monitoring/rules for the Prometheus operator; written from them by `make rules`.
"""


class _Dumper(yaml.SafeDumper):
    """Writes every value out where it stands, and expressions over several lines as they were."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Repeat a value rather than point to its first place."""
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _represent_text)


def prometheus_rule() -> str:
    """Return the manifest: a PrometheusRule with every group of every file, in their order."""
    files = [yaml.safe_load(path.read_text()) for path in sorted(RULES.glob("*.yml"))]
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "tfgate", "labels": {"app.kubernetes.io/part-of": "tfgate"}},
        "spec": {"groups": [group for file in files for group in file["groups"]]},
    }
    return _HEADER + yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=100)


def with_runbook(rules: str, address: str) -> str:
    """Return the text of a file of rules whose alerts point to a runbook at another address."""
    return re.sub(r"(runbook_url: )[^\s#]+", lambda found: found[1] + address, rules)


def main() -> None:
    """Write the manifest; first set the runbook's address, if one is given."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--runbook", metavar="URL", help="where docs/runbook.md can be read")
    address = parser.parse_args().runbook
    if address is not None:
        for path in RULES.glob("*.yml"):
            path.write_text(with_runbook(path.read_text(), address))
    MANIFEST.write_text(prometheus_rule())


if __name__ == "__main__":
    main()
