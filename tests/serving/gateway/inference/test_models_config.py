"""What models.config says of a model: which versions are kept, and which labels they have."""

from pathlib import Path

import pytest
from google.protobuf import text_format

from proto.management_pb2 import ModelConfig
from serving.embedded.version_policy import wanted_versions
from serving.gateway.inference.models_config import (
    WrongModelsConfig,
    kept,
    labels,
    models_in,
    unkept,
)
from serving.gateway.releases.release import Candidate, Release, Shadow

POLICIES = {
    "": {5},
    "latest {}": {5},
    "latest { num_versions: 1 }": {5},
    "latest { num_versions: 2 }": {3, 5},
    "latest { num_versions: 9 }": {1, 3, 5},
    "all {}": {1, 3, 5},
    "specific { versions: 3 }": {3},
    "specific { versions: 3 versions: 4 }": {3},
    "specific {}": set(),
}


def config(policy: str, more: str = "") -> ModelConfig:
    text = f'name: "sentiment" model_version_policy {{ {policy} }} {more}'
    return text_format.Parse(text, ModelConfig())


def release(
    stable: int,
    *,
    previous: int | None = None,
    candidate: int | None = None,
    shadow: int | None = None,
) -> Release:
    return Release(
        stable=stable,
        previous=previous,
        candidate=None if candidate is None else Candidate(version=candidate, percent=5),
        shadow=None if shadow is None else Shadow(version=shadow),
    )


@pytest.mark.parametrize(("policy", "expected"), POLICIES.items())
def test_a_policy_keeps_what_the_model_server_keeps(policy: str, expected: set[int]) -> None:
    there = [3, 5, 1]
    model = config(policy)
    assert kept(model, there) == expected
    assert wanted_versions(model.model_version_policy, there) == expected
    assert kept(model, []) == set()


def test_labels_are_told_in_order_of_their_names() -> None:
    model = config("", 'version_labels { key: "b" value: 4 } version_labels { key: "a" value: 3 }')
    assert list(labels(model).items()) == [("a", 3), ("b", 4)]
    assert labels(config("")) == {}


@pytest.mark.parametrize(
    ("policy", "needs", "there"),
    [
        ("latest { num_versions: 2 }", release(3, candidate=4), [3, 4]),
        ("latest { num_versions: 2 }", release(3, candidate=4), [3]),
        ("latest { num_versions: 2 }", release(4, previous=3), [2, 3, 4]),
        ("latest { num_versions: 2 }", release(3, shadow=4), [3, 4]),
        # While a candidate is tried, going back means to stable; the one before it can wait.
        ("latest { num_versions: 2 }", release(3, previous=2, candidate=4), [2, 3, 4]),
        ("latest { num_versions: 3 }", release(3, candidate=4), [3, 4, 5]),
        ("", release(4), [4]),
        ("", release(4), []),
        ("all {}", release(1, candidate=7, shadow=9), [1, 2, 3, 7, 9]),
        ("specific { versions: 3 versions: 4 }", release(3, candidate=4), [3, 4, 5, 6]),
    ],
)
def test_what_a_policy_keeps_is_no_complaint(policy: str, needs: Release, there: list[int]) -> None:
    assert unkept(config(policy), needs, there) is None


@pytest.mark.parametrize(
    ("policy", "needs", "there", "says", "advises"),
    [
        (
            *("", release(3, candidate=4), [3, 4]),
            "keeps the newest 1 (4): version 3 (stable) does not stay loaded",
            "latest { num_versions: 2 } } or { specific { versions: 3 versions: 4 }",
        ),
        # The candidate is still to come: it would push the stable one out.
        (
            *("latest { num_versions: 1 }", release(3, candidate=4), [3]),
            "keeps the newest 1 (4): version 3 (stable) does not stay loaded",
            "latest { num_versions: 2 }",
        ),
        # One more has been published, which no release names.
        (
            *("latest { num_versions: 2 }", release(3, candidate=4), [3, 4, 5]),
            "keeps the newest 2 (4 and 5): version 3 (stable) does not stay loaded",
            "latest { num_versions: 3 } } or { specific { versions: 3 versions: 4 }",
        ),
        # A candidate may be older than the stable one.
        (
            *("latest { num_versions: 1 }", release(4, candidate=2), [2, 3, 4]),
            "keeps the newest 1 (4): version 2 (candidate) does not stay loaded",
            "latest { num_versions: 3 }",
        ),
        (
            *("latest {}", release(4, previous=3), [3, 4]),
            "version 3 (previous) does not stay loaded",
            "latest { num_versions: 2 }",
        ),
        (
            *("latest { num_versions: 1 }", release(2, candidate=3, shadow=4), [2, 3, 4]),
            "keeps the newest 1 (4): versions 2 (stable) and 3 (candidate) do not stay loaded",
            "latest { num_versions: 3 }",
        ),
        (
            *("latest { num_versions: 1 }", release(3, shadow=2), [2, 3, 4]),
            "versions 2 (shadow) and 3 (stable) do not stay loaded",
            "latest { num_versions: 3 }",
        ),
        (
            *("specific { versions: 3 }", release(3, candidate=4), [3]),
            "keeps those that are listed (3): version 4 (candidate) does not stay loaded",
            "model_version_policy { specific { versions: 3 versions: 4 } }",
        ),
        (
            *("specific {}", release(3), []),
            "keeps those that are listed, and none is: version 3 (stable) does not stay loaded",
            "model_version_policy { specific { versions: 3 } }",
        ),
    ],
)
def test_a_version_that_is_not_kept_is_told_with_what_to_change(
    policy: str, needs: Release, there: list[int], says: str, advises: str
) -> None:
    complaint = unkept(config(policy), needs, there)

    assert complaint is not None
    assert complaint.startswith("of sentiment's versions the model server ")
    assert says in complaint
    assert advises in complaint


@pytest.mark.parametrize(
    ("needs", "there"),
    [
        (release(3, candidate=4), [3, 4, 5, 6]),
        (release(9, previous=2), [2, 5, 9]),
        (release(1, candidate=2, shadow=3), []),
    ],
)
@pytest.mark.parametrize("choice", ["latest", "specific"])
def test_the_advice_helps(needs: Release, there: list[int], choice: str) -> None:
    complaint = unkept(config("latest {}"), needs, there)
    assert complaint is not None
    _, _, advice = complaint.partition(f"{{ {choice} {{ ")
    policy = f"{choice} {{ {advice.partition(' }')[0]} }}"

    assert unkept(config(policy), needs, there) is None


def test_what_the_gateway_does_not_know_is_passed_over(tmp_path: Path) -> None:
    text = b'model_config_list { config { name: "a" model_type: TENSORFLOW } config {} }'
    assert set(models_in(tmp_path / "models.config", text)) == {"a"}
    with pytest.raises(WrongModelsConfig, match=r"models\.config is no models\.config"):
        models_in(tmp_path / "models.config", b"nonsense {")
