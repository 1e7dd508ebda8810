"""Colours as a browser shows them: pixels of any mode and profile to sRGB, 8 bits a channel."""

import io
from functools import cache, lru_cache

import numpy as np
from PIL import Image, ImageCms
from PIL.ImageCms import ImageCmsProfile, ImageCmsTransform

from serving.pictures.pixels import MOST_PROFILE_BYTES

_SAME = 2  # levels; a profile that changes no colour by more is sRGB under whatever name

# What Pillow calls the channels of the colour spaces that profiles are for.
_CHANNELS = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_GREYS = frozenset({"1", "L", "LA", "La"})
_SRGB = ImageCmsProfile(ImageCms.createProfile("sRGB"))

# libpng takes gammas as close to sRGB's as these to mean it.
_SRGB_GAMMA = (0.43, 0.48)


def to_srgb(image: Image.Image, profile: bytes, gamma: float | None) -> Image.Image:
    """Return the picture as RGB, or as RGBA if some of it may be transparent.

    A profile that cannot be read, or that is for other channels than the picture's, is none.
    """
    if image.mode.startswith("I;16"):
        image = _to_8_bits(image)
    if image.mode == "LAB":
        return _from_lab().apply(image)
    mode = "RGBA" if image.has_transparency_data else "RGB"
    transform = _transform(profile, image.mode, mode) if profile else None
    if transform is None:
        image = image if image.mode == mode else image.convert(mode)
        return image if gamma is None else _from_gamma(image, gamma)
    if transform.input_mode == transform.output_mode:
        return transform.apply_in_place(image.convert(mode))
    converted = transform.apply(image.convert(transform.input_mode))
    if mode == "RGBA":
        converted.putalpha(image.convert("RGBA").getchannel("A"))
    return converted


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit grey, which Pillow's own conversion clips, and keep its transparent value."""
    values = np.asarray(image)  # uint16[height, width]
    grey = Image.fromarray((values // 257).astype(np.uint8))
    transparent = image.info.get("transparency")
    if transparent is None:
        return grey
    opaque = Image.fromarray((values != transparent).astype(np.uint8) * 255)
    return Image.merge("LA", (grey, opaque))


@cache
def _from_lab() -> ImageCmsTransform:
    lab = ImageCmsProfile(ImageCms.createProfile("LAB"))
    return ImageCmsTransform(lab, _SRGB, "LAB", "RGB")


@lru_cache(maxsize=8)  # most pictures have one of the few profiles of telephones and programs
def _transform(profile: bytes, image_mode: str, mode: str) -> ImageCmsTransform | None:
    """Return what makes sRGB of the profile's colours; None if nothing does, or nothing is to do.

    Grey and CMYK become RGB in it; what is RGB or RGBA keeps its channels, the last as it is.
    """
    if len(profile) > MOST_PROFILE_BYTES:
        return None
    try:
        source = ImageCmsProfile(io.BytesIO(profile))
        channels = _CHANNELS.get(source.profile.xcolor_space.strip())
        if channels == "RGB" and image_mode != "CMYK":
            transform = ImageCmsTransform(source, _SRGB, mode, mode)
            return None if _is_identity(transform, mode) else transform
        if channels == image_mode or (channels == "L" and image_mode in _GREYS):
            return ImageCmsTransform(source, _SRGB, channels, "RGB")
    except (OSError, ValueError):  # what lcms finds wrong with it
        return None
    return None


def _is_identity(transform: ImageCmsTransform, mode: str) -> bool:
    steps = np.linspace(0, 255, 6, dtype=np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    before = Image.fromarray(grid).convert(mode)
    after = transform.apply(before)
    return bool(np.abs(np.asarray(before, np.int16) - np.asarray(after, np.int16)).max() <= _SAME)


def _from_gamma(image: Image.Image, gamma: float) -> Image.Image:
    """Undo a PNG file's gamma, and apply sRGB's. Source: IEC 61966-2-1, section 5.2."""
    if _SRGB_GAMMA[0] <= gamma <= _SRGB_GAMMA[1]:
        return image
    light = np.linspace(0, 1, 256) ** (1 / gamma)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    table = np.rint(255 * encoded).astype(int).tolist()
    return image.point(table * 3 + list(range(256)) * (image.mode == "RGBA"))
