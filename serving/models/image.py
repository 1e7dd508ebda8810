"""Class of a picture: what a request is, how a file becomes pixels, and what the scores mean."""

import io
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from serving.card import ModelCard
from serving.class_sets import P_VALUES, ClassSet, class_sets
from serving.contract import Explanation, Model, Signature, Tensors, TensorSpec, Upload
from serving.familiarity import FAMILIARITY, FAMILIARITY_SPEC, Familiarity, familiarities
from serving.pictures.crop import Crop, crop_of
from serving.pictures.decode import (
    MAX_BYTES,
    MAX_JPEG_BYTES,
    MAX_JPEG_PIXELS,
    MAX_PIXELS,
    SIDE,
    decode,
    decode_seconds,
)
from serving.pictures.files import FileBytes
from serving.pictures.kinds import ALL_NAMES
from serving.pictures.maps import ClassMap, class_maps, map_specs
from serving.pictures.quantities import quantities

TOP = 5  # classes in an answer
METHOD = "integrated gradients from plain grey, spread over neighbouring pixels"


class ImageRequest(BaseModel):
    """A picture whose subject is wanted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    image: FileBytes = Field(
        description=f"a {ALL_NAMES} file as base64, of at most {MAX_BYTES // 10**6} MB and "
        f"{MAX_PIXELS // 10**6} megapixels, a JPEG file {MAX_JPEG_BYTES // 10**6} MB and "
        f"{MAX_JPEG_PIXELS // 10**6} megapixels; the middle square is used, of the first picture"
    )


class ClassProbability(TypedDict):
    """One class with its probability."""

    label: str
    probability: Annotated[float, Field(ge=0, le=1)]


class ImageResponse(TypedDict):
    """The most probable classes of the picture."""

    label: Annotated[
        str, Field(description="the class with the highest probability", examples=["ship"])
    ]
    confidence: Annotated[
        float, Field(ge=0, le=1, description="probability of the label", examples=[0.97])
    ]
    top: Annotated[
        list[ClassProbability],
        Field(description="the five most probable classes, the most probable first"),
    ]
    familiarity: Annotated[
        Familiarity | None, Field(description="null of a version that does not tell it")
    ]
    class_sets: Annotated[
        list[ClassSet] | None,
        Field(
            description="classes that hold the true one with a promised probability; null of a "
            "version that promises none"
        ),
    ]


class ImageExplanation(TypedDict):
    """Where in the picture the two most probable classes come from."""

    maps: Annotated[list[ClassMap], Field(description="the most probable class first")]
    crop: Crop
    method: str


def preprocess(requests: Sequence[ImageRequest]) -> Tensors:
    """Decode the files."""
    return {"pixels": np.stack([decode(request.image) for request in requests])}


def preprocess_seconds(requests: Sequence[ImageRequest]) -> float:
    """Estimate by the files' sizes, and of small files by the sizes that their headers state."""
    return sum(decode_seconds(request.image) for request in requests)


def postprocess(_inputs: Tensors, outputs: Tensors, _card: ModelCard | None) -> list[ImageResponse]:
    """Name the five classes with the highest scores of each picture."""
    order = np.argsort(-outputs["scores"], axis=1, kind="stable")[:, :TOP]  # [batch, 5]
    scores = np.take_along_axis(outputs["scores"], order, axis=1).tolist()
    labels = np.take_along_axis(outputs["classes"], order, axis=1).tolist()
    told = familiarities(outputs, len(labels)), class_sets(outputs, len(labels))
    return [_answer(*each) for each in zip(labels, scores, *told, strict=True)]


def _answer(
    labels: list[bytes],
    scores: list[float],
    familiarity: Familiarity | None,
    sets: list[ClassSet] | None,
) -> ImageResponse:
    top: list[ClassProbability] = [
        {"label": label.decode(), "probability": score}
        for label, score in zip(labels, scores, strict=True)
    ]
    return {
        "label": top[0]["label"],
        "confidence": top[0]["probability"],
        "top": top,
        "familiarity": familiarity,
        "class_sets": sets,
    }


def explain(
    requests: Sequence[ImageRequest], inputs: Tensors, outputs: Tensors
) -> list[ImageExplanation]:
    """Give the maps as numbers and as drawings, and say where in the picture they are."""
    rows = zip(requests, class_maps(inputs["pixels"], outputs), strict=True)
    return [
        {"maps": maps, "crop": crop_of(request.image), "method": METHOD} for request, maps in rows
    ]


def measure(inputs: Tensors, outputs: Tensors) -> Tensors:
    """Give how the pictures look, and what was answered."""
    best = outputs["scores"].argmax(axis=1)[:, None]  # [batch, 1]
    known = {
        **quantities(inputs["pixels"]),
        "answer.label": np.take_along_axis(outputs["classes"], best, axis=1)[:, 0],
        "answer.confidence": outputs["scores"].max(axis=1).astype(np.float64),
    }
    if FAMILIARITY in outputs:
        known[FAMILIARITY] = outputs[FAMILIARITY].astype(np.float64)
    return known


def _read_upload(data: bytes) -> ImageRequest:
    return ImageRequest(image=data)


def _example_picture() -> bytes:
    """Draw a grey hull with a white deck on blue water under a pale sky, as a PNG file."""
    picture = Image.new("RGB", (SIDE, SIDE), (170, 200, 230))
    picture.paste((30, 70, 130), (0, 20, SIDE, SIDE))
    picture.paste((90, 90, 95), (3, 17, 29, 23))
    picture.paste((235, 235, 235), (8, 12, 24, 17))
    picture.paste((180, 40, 40), (14, 7, 18, 12))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


MODEL = Model(
    request=ImageRequest,
    response=ImageResponse,
    signature=Signature(
        inputs={"pixels": TensorSpec("uint8", (None, SIDE, SIDE, 3))},
        outputs={
            "classes": TensorSpec("string", (None, 10)),
            "scores": TensorSpec("float32", (None, 10)),
            P_VALUES: TensorSpec("float32", (None, 10)),
            FAMILIARITY: FAMILIARITY_SPEC,
        },
        optional_outputs=frozenset({P_VALUES, FAMILIARITY}),
    ),
    example=ImageRequest(image=_example_picture()),
    preprocess=preprocess,
    postprocess=postprocess,
    preprocess_seconds=preprocess_seconds,
    max_call_rows=32,
    upload=Upload(media_type="image/*", read=_read_upload),
    explanation=Explanation(
        outputs=map_specs(SIDE),
        response=ImageExplanation,
        postprocess=explain,
    ),
    measure=measure,
)
