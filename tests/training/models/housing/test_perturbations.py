"""What careless hands do to block groups is what the card says that they did."""

from pathlib import Path

import numpy as np

from training.models.housing import california
from training.models.housing.perturbations import perturb


def test_careless_hands_leave_out_the_bedrooms_and_change_nothing_else(data_folder: Path) -> None:
    examples = california.load(data_folder).test
    ((description, perturbed),) = perturb(examples).items()
    assert description == "total_bedrooms missing"
    assert np.isnan(perturbed.inputs["total_bedrooms"]).all()
    for name in examples.inputs.keys() - {"total_bedrooms"}:
        np.testing.assert_array_equal(perturbed.inputs[name], examples.inputs[name])
    assert np.array_equal(perturbed.targets, examples.targets)
