"""Brings a server of half_plus_two to the models of the recordings, with their labels."""

import json
from pathlib import Path

import grpc

from tests.contract.tf_serving import recorded
from tests.contract.tf_serving.servers import wait_until_available

VERSIONS = {
    "half_plus_two": 1,
    "hp2v": 2,
    "hp3": 1,
    "counter": 1,
    "hp2tf2": 1,
    "multi": 2,
    "clf": 1,
    "dtypes": 1,
}


def load_recorded(channel: grpc.Channel, models: Path) -> None:
    """Load all models, and label their versions: a label is taken once its version is there."""
    labels = next(c for c in recorded.read("grpc_main", models) if c["id"] == "reload_labels")
    unlabelled = json.loads(json.dumps(labels))
    for model in unlabelled["request"]["config"]["model_config_list"]["config"]:
        model.pop("version_labels", None)
    assert recorded.ask(channel, unlabelled) == recorded.expected(labels)
    for model, count in VERSIONS.items():
        wait_until_available(channel, model, count)
    assert recorded.ask(channel, labels) == recorded.expected(labels)
