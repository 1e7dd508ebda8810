"""Hyper-parameters as people type them."""

import shlex
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import pytest
from typing_extensions import Doc

from tests.stack import SHIPPED_VERSIONS
from training.cli.hyper_parameters import listing, read, refuse_together, typed, write_changes
from training.errors import WrongOption
from training.models import RECIPES
from training.recipe import AtLeastOne, AtLeastZero


@dataclass(frozen=True)
class HyperParameters:
    """Of no model that there is."""

    units: Annotated[AtLeastZero, Doc("of the only layer")] = 8
    learning_rate: float = 0.1
    flip: bool = True
    precision: str = "float32"
    batch_size: AtLeastOne = 4


def test_options_stand_anywhere_among_the_names() -> None:
    arguments = ["--learning-rate", "0.5", "image", "--flip=false", "housing"]
    names, changes = read(arguments, ["batch-size=2", "precision=a=b"])
    assert names == ["image", "housing"]
    values = typed(HyperParameters(), changes, model="image")
    assert values == {"learning_rate": 0.5, "flip": False, "batch_size": 2, "precision": "a=b"}


@pytest.mark.parametrize(
    ("arguments", "assignments", "message"),
    [
        (["image", "--epochs"], [], "--epochs wants a value"),
        (["image"], ["epochs"], "--set wants key=value, not 'epochs'"),
        (["--epochs", "3"], [], "name a model"),
        (["image", "--batch-size", "3"], ["batch-size=4"], "--batch-size 3 and --set batch_size=4"),
    ],
)
def test_what_is_missing_or_said_twice_is_named(
    arguments: list[str], assignments: list[str], message: str
) -> None:
    with pytest.raises(WrongOption, match=message):
        read(arguments, assignments)


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("unit", "3", "no option 'unit', nor a hyper-parameter of image: these are batch_size, fl"),
        ("units", "many", "units cannot be 'many': input should be a valid integer"),
        ("units", "2.5", "units cannot be '2.5': input should be a valid integer"),
        ("units", "-1", "units cannot be '-1': input should be greater than or equal to 0"),
        ("batch_size", "0", "batch_size cannot be '0': input should be greater than or equal to 1"),
        ("learning_rate", "nan", "learning_rate cannot be 'nan': input should be a finite number"),
        ("flip", "maybe", "flip cannot be 'maybe': input should be a valid boolean"),
    ],
)
def test_what_cannot_be_is_answered_with_what_can(key: str, text: str, message: str) -> None:
    with pytest.raises(WrongOption, match=message):
        typed(HyperParameters(), {key: text}, model="image")


@pytest.mark.parametrize("name", SHIPPED_VERSIONS)
def test_whatever_an_ablation_sets_an_option_can_set(name: str) -> None:
    recipe = RECIPES[name]
    for changes in recipe.ablations.values():
        typed_in = {key: str(value) for key, value in changes.items()}
        assert typed(recipe.hyper_parameters, typed_in, model=name) == changes


@pytest.mark.parametrize(
    "hyper_parameters", [HyperParameters(units=3, flip=False, precision="a b")]
)
def test_what_is_written_for_a_shell_is_read_back(hyper_parameters: Any) -> None:
    changes = {key: str(value) for key, value in asdict(hyper_parameters).items()}
    words = shlex.split(" ".join(write_changes(changes)))
    _, again = read(["image"], words[1::2])
    assert HyperParameters(**typed(HyperParameters(), again, model="image")) == hyper_parameters


@pytest.mark.parametrize("name", SHIPPED_VERSIONS)
def test_the_listing_has_every_hyper_parameter_and_what_is_said_of_it(name: str) -> None:
    hyper_parameters = RECIPES[name].hyper_parameters
    values = {each.name: each.value for each in listing(hyper_parameters)}
    assert values == asdict(hyper_parameters)
    assert all(each.help for each in listing(hyper_parameters))
    assert (listing(HyperParameters())[0].kind, listing(HyperParameters())[0].help) == (
        "int",
        "of the only layer",
    )


def test_options_that_exclude_each_other_are_refused() -> None:
    refuse_together(folds=3, ablations=False)
    with pytest.raises(WrongOption, match="--folds and --find-learning-rate do not go together"):
        refuse_together(folds=3, find_learning_rate=True)
