"""Versions come and go and labels move while requests run: none fails, none is answered wrongly."""

import shutil
from pathlib import Path

from google.protobuf import text_format

from proto.management_pb2 import ModelServerConfig, ServableVersionPolicy
from serving.tf_serving.model_config import model_config
from serving.tf_serving.repository import find_models
from soak.clients import Outcome
from soak.known_answers import KnownAnswers
from soak.model_server import ModelServer
from soak.questions import Question
from soak.versions import publish_version, write_version
from tests import stack
from tests.e2e.under_load import HOUSES, asking, errors

FLAGS = (
    "--model_config_file_poll_wait_seconds=1",
    # Without it, a server that starts has no version yet that a label could be given to.
    "--allow_version_labels_for_unavailable_models",
)


def choosing(query: str) -> list[Question]:
    return [Question("housing", house.instances, house.batch, query) for house in HOUSES]


LABELLED = choosing("?label=stable")
PINNED = choosing("?version=2")


def test_versions_and_labels_change_under_load(tmp_path: Path) -> None:
    """Two versions are published, a label moves, the newest is withdrawn by a new configuration."""
    known = KnownAnswers([*HOUSES, *LABELLED, *PINNED])
    # A copy, so that versions can be added.
    housing = tmp_path / "models" / "housing"
    shutil.copytree(stack.shipped_version("housing"), housing / "1")
    known.learn("housing", 1, housing / "1")

    def publish(version: int) -> None:
        draft = write_version("housing", version, housing)
        known.learn("housing", version, draft)
        publish_version(draft)

    with ModelServer(housing.parent, tmp_path, *FLAGS) as server:
        configure(server.config, housing.parent, label=1)
        server.start()
        server.wait_until_it_answers()
        with (
            stack.gateway(server.address, **stack.PATIENT) as url,
            asking(url, [*HOUSES, *LABELLED]) as outcomes,
        ):
            publish(2)
            wait_for_version(2, HOUSES, outcomes)
            with asking(url, PINNED) as pinned_outcomes:
                configure(server.config, housing.parent, label=2)
                wait_for_version(2, LABELLED, outcomes)
                publish(3)
                wait_for_version(3, HOUSES, outcomes)
                configure(server.config, housing.parent, label=2, only=2)
                wait_for_version(2, HOUSES, outcomes, after=len(outcomes))

    assert errors([*outcomes, *pinned_outcomes]) == []
    assert [each for each in [*outcomes, *pinned_outcomes] if not known.is_right(each)] == []


def configure(file: Path, repository: Path, *, label: int, only: int | None = None) -> None:
    """Rewrite models.config: `stable` is version `label`, and `only` that version is served."""
    config = text_format.Parse(model_config(find_models(repository)), ModelServerConfig())
    (housing,) = (c for c in config.model_config_list.config if c.name == "housing")
    housing.version_labels["stable"] = label
    if only is not None:
        specific = ServableVersionPolicy.Specific(versions=[only])
        housing.model_version_policy.CopyFrom(ServableVersionPolicy(specific=specific))
    # The server must see the file as a whole.
    draft = file.with_suffix(".draft")
    draft.write_text(text_format.MessageToString(config))
    draft.rename(file)


def wait_for_version(
    version: int, questions: list[Question], outcomes: list[Outcome], after: int = 0
) -> None:
    """Wait until a version has answered one of these questions."""
    stack.wait_until(
        lambda: any(
            each.question in questions and each.document.get("version") == version
            for each in outcomes[after:]
        ),
        f"version {version}",
    )
