"""Which digit is written on a picture: what a request is, how it is centred, what comes back."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from pydantic import Field
from typing_extensions import TypedDict

from serving.class_sets import P_VALUES
from serving.contract import Explanation, Model, Signature, Tensors, TensorSpec, Upload
from serving.familiarity import FAMILIARITY, FAMILIARITY_SPEC
from serving.models.image import ImageRequest, ImageResponse, postprocess, preprocess_seconds
from serving.pictures.decode import decode_whole
from serving.pictures.files import FileBytes
from serving.pictures.handwriting import MOST_SIDE, SIDE, centred
from serving.pictures.maps import ClassMap, class_maps, map_specs

CLASSES = tuple("0123456789")
METHOD = "integrated gradients from an empty sheet, spread over neighbouring pixels"


class DigitRequest(ImageRequest):
    """A picture of a single digit."""

    image: FileBytes = Field(
        description="a picture file as base64, of one digit, dark on light or light on dark",
        json_schema_extra={"x-drawn": True},
    )


class DigitExplanation(TypedDict):
    """Where in the digit the two most probable classes come from."""

    maps: list[ClassMap]
    method: str


def preprocess(requests: Sequence[ImageRequest]) -> Tensors:
    """Decode the files, and centre what is written on them."""
    pictures = [centred(decode_whole(request.image, MOST_SIDE)) for request in requests]
    return {"pixels": np.stack(pictures)}


def explain(
    _requests: Sequence[ImageRequest], inputs: Tensors, outputs: Tensors
) -> list[DigitExplanation]:
    """Give the maps as numbers and as drawings."""
    pixels = np.repeat(inputs["pixels"][..., None], 3, axis=-1)
    return [{"maps": maps, "method": METHOD} for maps in class_maps(pixels, outputs)]


def _read_upload(data: bytes) -> ImageRequest:
    return DigitRequest(image=data)


def _example() -> ImageRequest:
    """Draw a 7 as a PNG file, black on white."""
    picture = Image.new("L", (56, 56), 255)
    ImageDraw.Draw(picture).line([(14, 12), (42, 12), (24, 46)], fill=0, width=6, joint="curve")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return DigitRequest(image=file.getvalue())


_SCORES = TensorSpec("float32", (None, len(CLASSES)))
MODEL = Model(
    request=DigitRequest,
    response=ImageResponse,
    signature=Signature(
        inputs={"pixels": TensorSpec("uint8", (None, SIDE, SIDE))},
        outputs={
            "classes": TensorSpec("string", (None, len(CLASSES))),
            "scores": _SCORES,
            P_VALUES: _SCORES,
            FAMILIARITY: FAMILIARITY_SPEC,
        },
        optional_outputs=frozenset({P_VALUES, FAMILIARITY}),
    ),
    example=_example(),
    preprocess=preprocess,
    postprocess=postprocess,
    preprocess_seconds=preprocess_seconds,
    max_call_rows=32,
    upload=Upload(media_type="image/*", read=_read_upload),
    explanation=Explanation(map_specs(SIDE), DigitExplanation, explain),
)
