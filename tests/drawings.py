"""Pictures that are drawn here, and the files and requests that they come in."""

import base64
import io

import numpy as np
from PIL import Image


def drawing(seed: int = 0, size: tuple[int, int] = (90, 60)) -> Image.Image:
    """Draw some coloured blocks on a plain ground."""
    random = np.random.default_rng(seed)
    picture = Image.new("RGB", size, tuple(random.integers(0, 256, 3).tolist()))
    for _ in range(6):
        left, top = random.integers(0, size[0] - 20), random.integers(0, size[1] - 20)
        colour = tuple(random.integers(0, 256, 3).tolist())
        picture.paste(colour, (int(left), int(top), int(left) + 20, int(top) + 20))
    return picture


def file_of(picture: Image.Image, file_format: str = "PNG") -> bytes:
    file = io.BytesIO()
    picture.save(file, file_format)
    return file.getvalue()


def as_json(file: bytes) -> dict[str, str]:
    return {"image": base64.b64encode(file).decode()}
