"""Strangers are pictures of many looks, the same ones each time."""

import numpy as np

from training.data.examples import Examples
from training.models.image.strangers import NUM_PICTURES, strangers

TEST = Examples({"pixels": np.empty((0, 32, 32, 3), np.uint8)}, np.empty(0, np.int64))


def test_there_are_many_different_pictures_of_each_kind_the_same_each_time() -> None:
    kinds, again = strangers(TEST), strangers(TEST)
    assert {"digits", "text", "noise", "stripes", "checks"} < set(kinds)
    for kind, inputs in kinds.items():
        pixels = inputs["pixels"]
        assert pixels.shape == (NUM_PICTURES, 32, 32, 3)
        assert pixels.dtype == np.uint8
        assert len({picture.tobytes() for picture in pixels}) > 0.9 * NUM_PICTURES, kind
        np.testing.assert_array_equal(pixels, again[kind]["pixels"])


def test_each_kind_is_what_it_is_called() -> None:
    kinds = {kind: inputs["pixels"].astype(int) for kind, inputs in strangers(TEST).items()}
    assert not kinds["plain colours"].std(axis=(1, 2)).any()
    colours = {
        kind: np.mean([len(np.unique(each.reshape(-1, 3), axis=0)) for each in pixels])
        for kind, pixels in kinds.items()
    }
    assert colours["stripes"] <= 2
    assert colours["checks"] <= 2
    assert colours["noise"] > 1000
    steps = np.abs(np.diff(kinds["gradients"], axis=2)).max()
    assert steps < 30 < np.abs(np.diff(kinds["checks"], axis=2)).max()
    assert (kinds["digits"][..., 0] == kinds["digits"][..., 2]).all()
