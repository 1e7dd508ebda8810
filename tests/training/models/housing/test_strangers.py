"""Strangers are block groups of the test part, of each kind wrong in what it says and no other."""

from pathlib import Path

import numpy as np
import pytest

from training.data.examples import Examples
from training.models.housing import california
from training.models.housing.strangers import NUM_STRANGERS, Columns, strangers

PLACE = {"longitude", "latitude"}


@pytest.fixture
def test_part(data_folder: Path) -> Examples:
    return california.load(data_folder).test


@pytest.fixture
def kinds(test_part: Examples) -> dict[str, Columns]:
    return {kind: dict(inputs) for kind, inputs in strangers(test_part).items()}


def rows(columns: Columns, but: set[str]) -> set[tuple[object, ...]]:
    """Give the block groups, without some columns."""
    kept = [column.tolist() for name, column in sorted(columns.items()) if name not in but]
    return {tuple(map(str, row)) for row in zip(*kept, strict=True)}


def test_there_are_as_many_of_each_kind_the_same_each_time(
    test_part: Examples, kinds: dict[str, Columns]
) -> None:
    assert len(kinds) == 8
    for kind, again in strangers(test_part).items():
        for name, column in test_part.inputs.items():
            assert kinds[kind][name].shape == (NUM_STRANGERS,)
            assert kinds[kind][name].dtype == column.dtype
            np.testing.assert_array_equal(kinds[kind][name], again[name])


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("in the Pacific", PLACE),
        ("in the Nevada desert", PLACE),
        ("in the eastern states", PLACE),
        ("longitude and latitude swapped", PLACE),
        ("a thousand rooms a household", {"total_rooms"}),
        ("one person in all", {"population"}),
        ("income a thousand times too high", {"median_income"}),
    ],
)
def test_all_else_is_as_it_was(
    test_part: Examples, kinds: dict[str, Columns], kind: str, changed: set[str]
) -> None:
    known = dict(test_part.inputs)
    assert rows(kinds[kind], changed) <= rows(known, changed)
    assert not rows(kinds[kind], set()) & rows(known, set())


@pytest.mark.parametrize(
    ("kind", "longitudes", "latitudes"),
    [
        ("in the Pacific", (-126.5, -123.5), (33, 37)),
        ("in the Nevada desert", (-118, -114.5), (38, 41)),
        ("in the eastern states", (-100, -70), (30, 45)),
        ("longitude and latitude swapped", (30, 45), (-126, -113)),
    ],
)
def test_they_lie_where_it_is_said(
    kinds: dict[str, Columns],
    kind: str,
    longitudes: tuple[float, float],
    latitudes: tuple[float, float],
) -> None:
    for name, (lowest, highest) in {"longitude": longitudes, "latitude": latitudes}.items():
        assert lowest <= kinds[kind][name].min()
        assert kinds[kind][name].max() <= highest


def test_they_are_as_absurd_as_it_is_said(test_part: Examples, kinds: dict[str, Columns]) -> None:
    crowded = kinds["a thousand rooms a household"]
    np.testing.assert_allclose(crowded["total_rooms"], 1_000 * crowded["households"])
    assert (kinds["one person in all"]["population"] == 1).all()
    rich = kinds["income a thousand times too high"]["median_income"]
    assert rich.min() >= 1_000 * test_part.inputs["median_income"].min()


def test_mixed_ones_have_fields_of_the_test_part_but_not_together(
    test_part: Examples, kinds: dict[str, Columns]
) -> None:
    mixed = kinds["each field of another block group"]
    for name, column in test_part.inputs.items():
        assert set(map(str, mixed[name])) <= set(map(str, column))
    together = rows(mixed, set()) & rows(dict(test_part.inputs), set())
    assert len(together) < 0.1 * NUM_STRANGERS
