"""Drawn pictures as large as those that cameras, telephones and web pages send."""

import base64
import io
import random
from dataclasses import dataclass
from functools import cached_property

from PIL import Image

SEED = 20240601
PATCHES = 12  # a side, of different colours, that flow into one another
GRAIN = 40  # of a sensor; JPEGs then have a fifth of a byte per pixel, as photographs have
GRAIN_SHARE = 0.2
EXIF_ORIENTATION = 0x0112
TURNED_RIGHT = 6  # as a telephone writes it that was held upright


@dataclass(frozen=True)
class Picture:
    """A picture file; of a hundred pictures that are sent, about `weight` look like it."""

    content: bytes
    media_type: str
    weight: int

    @cached_property
    def base64(self) -> str:
        """The file as JSON can carry it."""
        return base64.b64encode(self.content).decode()


def _draw(width: int, height: int, file_format: str, weight: int) -> Picture:
    source = random.Random(f"{SEED} {width}")  # noqa: S311  # no secret depends on it
    patches = Image.frombytes("RGB", (PATCHES, PATCHES), source.randbytes(PATCHES * PATCHES * 3))
    grain = Image.effect_noise((width, height), GRAIN).convert("RGB")
    picture = Image.blend(patches.resize((width, height)), grain, GRAIN_SHARE)
    exif = picture.getexif()
    exif[EXIF_ORIENTATION] = TURNED_RIGHT
    file = io.BytesIO()
    picture.save(file, file_format, quality=80, exif=exif)
    return Picture(file.getvalue(), f"image/{file_format.lower()}", weight)


PICTURES = [
    _draw(32, 32, "PNG", weight=10),  # an icon; also the size of what the model was trained on
    _draw(160, 120, "JPEG", weight=20),
    _draw(320, 240, "JPEG", weight=25),
    _draw(640, 480, "JPEG", weight=20),
    _draw(512, 384, "PNG", weight=5),
    _draw(1280, 720, "JPEG", weight=10),
    _draw(1920, 1080, "JPEG", weight=7),
    _draw(4032, 3024, "JPEG", weight=3),  # a telephone's 12 megapixels
]
SMALL_PICTURES = [picture for picture in PICTURES if len(picture.content) < 100_000]


def picture(source: random.Random, among: list[Picture] = PICTURES) -> Picture:
    """Pick one, as often as its weight says."""
    return source.choices(among, [each.weight for each in among])[0]
