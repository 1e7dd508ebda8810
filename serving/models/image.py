"""Class of a picture: what a request is, how a file becomes pixels, and what the scores mean."""

import base64
import binascii
import io
import struct
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from serving.card import ModelCard
from serving.contract import Model, Signature, Tensors, TensorSpec, Upload
from serving.errors import FieldError, InvalidImage, PayloadTooLarge

SIDE = 32  # pixels, of the square that the network sees
TOP = 5  # classes in an answer
MAX_BYTES = 5_000_000
MAX_PIXELS = 25_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")

# A JPEG may be decoded at 1/2, 1/4 or 1/8 of its size while it stays above this: a photograph of 12
# megapixels then costs a quarter, and eight source pixels still stand behind each of ours.
_DRAFT_SIZE = (8 * SIDE, 8 * SIDE)

# What Pillow's decoders raise on broken files; its UnidentifiedImageError is an OSError.
_DECODER_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error),
    *(AssertionError, IndexError, KeyError, OverflowError),
)

# Pillow warns from 89 megapixels on and raises at twice that; the check below is stricter and
# speaks to the caller.
Image.MAX_IMAGE_PIXELS = None


def _from_base64(value: object) -> bytes:
    """Accept base64 text, also as a data URL; bytes pass through as they are."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("base64", "Input should be a string of base64")
    encoded = value.partition(",")[2] if value.startswith("data:") else value
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PydanticCustomError("base64", "Input should be a string of valid base64") from error


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
            "maxLength": 4 * -(-MAX_BYTES // 3),
        }
    ),
]


class ImageRequest(BaseModel):
    """A picture whose subject is wanted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    image: FileBytes = Field(
        description="a PNG, JPEG, WebP or GIF file of at most 5 MB and 25 megapixels, as base64; "
        "the middle square is used, and the first frame of a GIF"
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


def decode(data: bytes) -> NDArray[np.uint8]:
    """Turn a picture file into pixels: uint8[32, 32, 3], RGB, row-major from the top left.

    EXIF orientation is honoured, transparency is laid over white, the middle square is cut out and
    resized with a Lanczos filter. Training decodes its pictures with this same function.

    Raises:
        PayloadTooLarge: more than 5 MB; nothing is decoded then.
        InvalidImage: no picture, not one of the formats, animated, too many pixels, or broken.
    """
    if len(data) > MAX_BYTES:
        raise PayloadTooLarge(
            f"the picture has {len(data):,} bytes; at most {MAX_BYTES:,} are read"
        )
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _refuse_tricks(image)
            image.draft("RGB", _DRAFT_SIZE)
            return _to_pixels(image)
    except _DECODER_ERRORS as error:
        raise _invalid("the bytes are not a complete PNG, JPEG, WebP or GIF file") from error


def _invalid(message: str) -> InvalidImage:
    return InvalidImage(message, fields=[FieldError("image", message)])


def _refuse_tricks(image: Image.Image) -> None:
    """Judge by the header alone, before any pixel is decoded."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _invalid(
            f"the picture has {width} x {height} pixels; at most {MAX_PIXELS:,} are decoded"
        )
    if image.format != "GIF" and getattr(image, "is_animated", False):
        raise _invalid(f"the {image.format} file is animated; send a still picture")


def _to_pixels(image: Image.Image) -> NDArray[np.uint8]:
    # Pillow clips 16-bit grey to 255 instead of scaling it.
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) / 257).astype(np.uint8))
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    if side != SIDE:
        image = image.resize((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=3)
    # On 32 x 32 pixels the rest costs nothing, and both steps commute with cutting and resizing.
    image = ImageOps.exif_transpose(image)
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image).convert("RGB")
    return np.asarray(image, dtype=np.uint8)


def preprocess(requests: Sequence[ImageRequest]) -> Tensors:
    """Decode the files."""
    return {"pixels": np.stack([decode(request.image) for request in requests])}


def preprocess_seconds(requests: Sequence[ImageRequest]) -> float:
    """Estimate, from the sizes that the files' headers state: some 20 ns a pixel."""
    return sum(1e-4 + 2e-8 * _num_pixels(request.image) for request in requests)


def _num_pixels(file: bytes) -> int:
    try:
        with Image.open(io.BytesIO(file), formats=FORMATS) as image:
            return image.width * image.height
    except _DECODER_ERRORS:
        return 0


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
        inputs={"pixels": TensorSpec("uint8", (SIDE, SIDE, 3))},
        outputs={"classes": TensorSpec("string", (10,)), "scores": TensorSpec("float32", (10,))},
    ),
    example=ImageRequest(image=_example_picture()),
    preprocess=preprocess,
    postprocess=postprocess,
    preprocess_seconds=preprocess_seconds,
    max_call_rows=32,
    upload=Upload(media_type="image/*", read=_read_upload),
)
