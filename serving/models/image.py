"""Class of a picture: what a request is, how a file becomes pixels, and what the scores mean."""

import base64
import io
import re
from collections.abc import Sequence
from typing import Annotated
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError
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
from serving.pictures.kinds import ALL_NAMES
from serving.pictures.overlay import overlay
from serving.pictures.quantities import quantities

TOP = 5  # classes in an answer
NUM_EXPLAINED = 2  # classes, the best ones
METHOD = "integrated gradients from plain grey, spread over neighbouring pixels"


_URL_SAFE = str.maketrans("-_", "+/")


def _from_base64(value: object) -> bytes:
    """Accept base64 text, also in lines, for URLs or in a data URL; bytes pass as they are."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("base64", "Input should be a string of base64")
    encoded = value.strip()
    if encoded[:5].lower() == "data:":
        header, _, encoded = encoded.partition(",")
        encoded = unquote(encoded)
        if not re.search(r"; *base64\s*$", header, re.IGNORECASE):
            raise PydanticCustomError("base64", "Input should be a data URL with ;base64 in it")
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError:
        letters = "".join(encoded.split()).translate(_URL_SAFE).rstrip("=")
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)
    except ValueError as error:
        is_url = value.startswith(("http://", "https://"))
        wanted = "the file's base64, not its address" if is_url else "a string of valid base64"
        raise PydanticCustomError("base64", f"Input should be {wanted}") from error


def _to_base64(file: bytes) -> str:
    return base64.b64encode(file).decode()


FileBytes = Annotated[
    bytes,
    PlainValidator(_from_base64),
    PlainSerializer(_to_base64, when_used="json"),
    WithJsonSchema(
        {
            "type": "string",
            "contentEncoding": "base64",
            "minLength": 1,
            "maxLength": 4 * -(-MAX_JPEG_BYTES // 3),
        }
    ),
]


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
            description="what each of the crop's 32 x 32 parts adds, row by row from the top left; "
            "with the base they add up to the logit"
        ),
    ]
    overlay: Annotated[
        str,
        Field(
            description="the same as a PNG file in a data URL, over the crop in grey: orange is "
            "for the class, blue and hatched against it"
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
    names = ("explained_classes", "bases", "logits", "maps")
    rows = zip(requests, inputs["pixels"], *(outputs[name] for name in names), strict=True)
    return [
        {
            "maps": [_map(pixels, *each) for each in zip(*columns, strict=True)],
            "crop": crop_of(request.image),
            "method": METHOD,
        }
        for request, pixels, *columns in rows
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
        "overlay": f"data:image/png;base64,{_to_base64(overlay(pixels, values))}",
    }


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
        outputs={
            "explained_classes": TensorSpec("string", (None, NUM_EXPLAINED)),
            "maps": TensorSpec("float32", (None, NUM_EXPLAINED, SIDE, SIDE)),
            "bases": TensorSpec("float32", (None, NUM_EXPLAINED)),
            "logits": TensorSpec("float32", (None, NUM_EXPLAINED)),
        },
        response=ImageExplanation,
        postprocess=explain,
    ),
    measure=measure,
)
