"""Class of a picture: what a request is, how a file becomes pixels, and what the scores mean."""

import base64
import io
import re
from collections.abc import Sequence
from typing import Annotated
from urllib.parse import unquote

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from serving.card import ModelCard
from serving.contract import Model, Signature, Tensors, TensorSpec, Upload
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

TOP = 5  # classes in an answer


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
    return [_answer(*each) for each in zip(labels, scores, strict=True)]


def _answer(labels: list[bytes], scores: list[float]) -> ImageResponse:
    top: list[ClassProbability] = [
        {"label": label.decode(), "probability": score}
        for label, score in zip(labels, scores, strict=True)
    ]
    return {"label": top[0]["label"], "confidence": top[0]["probability"], "top": top}


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
        },
    ),
    example=ImageRequest(image=_example_picture()),
    preprocess=preprocess,
    postprocess=postprocess,
    preprocess_seconds=preprocess_seconds,
    max_call_rows=32,
    upload=Upload(media_type="image/*", read=_read_upload),
)
