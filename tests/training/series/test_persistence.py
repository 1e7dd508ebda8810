"""The forecast that repeats what was last."""

import numpy as np
import pytest

from training.data.examples import Examples
from training.series.persistence import persistence

NAN = np.nan


def test_persistence_repeats_the_last_known_value() -> None:
    train = Examples({"x": np.full((50, 3), 10, np.float32)}, np.full((50, 2), 12, np.float32))
    outputs = persistence("x", 0.9)(train, {"x": np.array([[5, 20, NAN]], np.float32)})

    assert outputs["forecast"].tolist() == [[20, 20]]
    # In training a value rose from 10 to 12, so 1 + value by 13/11.
    assert outputs["forecast_high"][0].tolist() == pytest.approx([21 * 13 / 11 - 1] * 2, rel=1e-5)
