"""What in a picture speaks for a class, as numbers and as a drawing; knows no model."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from typing_extensions import TypedDict

from serving.contract import Tensors, TensorSpec
from serving.pictures.files import to_base64
from serving.pictures.overlay import overlay

NUM_EXPLAINED = 2  # classes, the best ones


class ClassMap(TypedDict):
    """What in the picture speaks for a class, and what against it."""

    label: str
    base: Annotated[float, Field(description="logit of the picture with nothing to be seen on it")]
    logit: Annotated[
        float,
        Field(description="of the picture; of two classes, the higher one is the more probable"),
    ]
    values: Annotated[
        list[list[float]],
        Field(
            description="what each part of the square that is looked at adds, row by row from the "
            "top left; with the base they add up to the logit"
        ),
    ]
    overlay: Annotated[
        str,
        Field(
            description="the same as a PNG file in a data URL, over the square in grey: yellow is "
            "for the class, blue and hatched against it"
        ),
    ]


def map_specs(side: int) -> dict[str, TensorSpec]:
    """Give what the signature `explain` says besides the answer, of pictures side x side."""
    return {
        "explained_classes": TensorSpec("string", (None, NUM_EXPLAINED)),
        "maps": TensorSpec("float32", (None, NUM_EXPLAINED, side, side)),
        "bases": TensorSpec("float32", (None, NUM_EXPLAINED)),
        "logits": TensorSpec("float32", (None, NUM_EXPLAINED)),
    }


def class_maps(pixels: NDArray[np.uint8], outputs: Tensors) -> list[list[ClassMap]]:
    """Give the maps of each picture, the most probable class first.

    `pixels`, uint8[batch, side, side, 3], are what they are drawn over; `outputs` those of
    `map_specs`.
    """
    columns = (outputs[name] for name in ("explained_classes", "bases", "logits", "maps"))
    return [
        [_map(picture, *each) for each in zip(*row, strict=True)]
        for picture, *row in zip(pixels, *columns, strict=True)
    ]


def _map(
    pixels: NDArray[np.uint8],
    label: bytes,
    base: np.float32,
    logit: np.float32,
    values: NDArray[np.float32],
) -> ClassMap:
    return {
        "label": label.decode(),
        "base": float(base),
        "logit": float(logit),
        # So many digits that a thousand of them add up to the logit as exactly as the graph's do.
        "values": values.astype(np.float64).round(6).tolist(),
        "overlay": f"data:image/png;base64,{to_base64(overlay(pixels, values))}",
    }
