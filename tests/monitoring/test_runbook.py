"""The runbook: a section for each alert, and commands that name what is there."""

import re

import yaml

from monitoring import prometheus_rule
from tests import stack
from tests.monitoring import expressions
from tests.monitoring.expressions import RUNBOOK

TEXT = RUNBOOK.read_text()
SECTIONS: dict[str, str] = dict(
    re.findall(r"^### (\w+)\n(.*?)(?=^##)", TEXT, re.DOTALL | re.MULTILINE)
)
ALERTS = sorted({rule["alert"] for rule in expressions.alerts()})


def test_every_alert_has_a_section_and_every_section_an_alert() -> None:
    assert sorted(SECTIONS) == ALERTS


def test_sections_say_what_somebody_needs_who_was_just_woken() -> None:
    for alert, section in SECTIONS.items():
        leads = re.findall(r"^\*\*(.+?)\.?\*\*", section, re.MULTILINE)
        assert leads == ["Means", "Callers see", "Look first", "Likely causes", "Do"], alert


def test_alerts_point_to_their_sections() -> None:
    """By a whole address: a pager cannot open a path."""
    bases = set()
    for rule in expressions.alerts():
        base, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        bases.add(base)
        assert anchor == rule["alert"].lower()
    [base] = bases
    assert re.fullmatch(r"https://\S+/docs/runbook\.md", base)


def test_the_runbooks_address_can_be_set_for_every_alert_at_once() -> None:
    rules = (prometheus_rule.RULES / "alerts.yml").read_text()

    elsewhere = prometheus_rule.with_runbook(rules, "https://wiki.example/tfgate")

    alerts = [rule for group in yaml.safe_load(elsewhere)["groups"] for rule in group["rules"]]
    assert {rule["annotations"]["runbook_url"] for rule in alerts} == {
        f"https://wiki.example/tfgate#{alert.lower()}" for alert in ALERTS
    }
    assert elsewhere.count("\n") == rules.count("\n")


def test_links_lead_to_headings_and_files() -> None:
    headings = re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    anchors = {f"#{heading.lower().replace(' ', '-')}" for heading in headings}
    for link in re.findall(r"\]\(([^)]+)\)", TEXT):
        if link.startswith("#"):
            assert link in anchors
        elif not link.startswith("https://"):
            assert (RUNBOOK.parent / link).exists()


def test_commands_name_what_the_manifests_define() -> None:
    manifests = [
        manifest
        for path in (stack.ROOT / "k8s/base").glob("*/deployment.yaml")
        for manifest in yaml.safe_load_all(path.read_text())
    ]
    deployments = {manifest["metadata"]["name"] for manifest in manifests}
    apps = {manifest["metadata"]["labels"]["app.kubernetes.io/name"] for manifest in manifests}
    containers = {
        container["name"]
        for manifest in manifests
        for container in manifest["spec"]["template"]["spec"]["containers"]
    }

    assert set(re.findall(r"deploy/([\w-]+)", TEXT)) == deployments
    assert set(re.findall(r"app\.kubernetes\.io/name=([\w-]+)", TEXT)) == apps
    assert set(re.findall(r" -c ([\w-]+)", TEXT)) <= containers
