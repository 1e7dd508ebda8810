"""What a version says of labels, in words."""

import numpy as np

from serving.labels import label_outputs, labellings

OUTPUTS = {
    "classes": np.array([[b"corn", b"wheat", b"ship"]], object),
    "scores": np.array([[0.5, 0.25, 0.75]], np.float32),
    "thresholds": np.array([[0.5, 0.5, 0.25]], np.float32),
    "main_classes": np.array([[b"corn", b"ship"]], object),
    "main_scores": np.array([[0.75, 0.25]], np.float32),
}


def test_labels_that_reach_their_thresholds_are_named_the_surest_first() -> None:
    [labelling] = labellings(OUTPUTS)

    assert labelling["labels"] == [
        {"name": "ship", "score": 0.75, "threshold": 0.25},
        {"name": "corn", "score": 0.5, "threshold": 0.5},
    ]


def test_the_main_label_is_the_most_probable_whatever_else_applies() -> None:
    [labelling] = labellings(OUTPUTS)

    assert (labelling["label"], labelling["confidence"]) == ("corn", 0.75)
    assert labelling["probabilities"] == {"corn": 0.75, "ship": 0.25}


def test_outputs_are_as_declared() -> None:
    for name, spec in label_outputs(3, 2).items():
        assert spec.admits(OUTPUTS[name].shape)
    assert labellings({name: each[:0] for name, each in OUTPUTS.items()}) == []
