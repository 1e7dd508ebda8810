"""Profiles are converted as browsers do; what must come out is computed without lcms."""

import struct

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from serving.pictures.decode import SIDE, decode
from tests.serving.pictures.files import chunk, file_of, soft, with_chunks
from tests.serving.pictures.profiles import (
    ADOBE,
    DISPLAY_P3,
    LINEAR,
    P3,
    PROPHOTO,
    SRGB,
    Space,
    in_srgb,
    profile,
)


def colours() -> NDArray[np.uint8]:
    """Make a picture of 32 by 32 colours, all over the cube: none needs resizing."""
    levels = np.linspace(0, 255, 8).astype(np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, np.linspace(0, 255, 16).astype(np.uint8)), axis=-1)
    return np.ascontiguousarray(grid.reshape(SIDE, SIDE, 3))


@pytest.mark.parametrize(
    ("space", "most"), [(P3, 1.1), (ADOBE, 1.6), (PROPHOTO, 1.6), (LINEAR, 1.1)]
)
@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "WEBP"])
def test_profiles_are_converted_to_srgb(space: Space, most: float, file_format: str) -> None:
    options = {"lossless": True} if file_format == "WEBP" else {}
    picture = Image.fromarray(colours())

    pixels = decode(file_of(picture, file_format, icc_profile=profile(space), **options))

    error = np.abs(pixels - in_srgb(space, colours().astype(float)))
    assert error.max() < most
    assert np.abs(colours() - in_srgb(space, colours().astype(float))).max() > 5


@pytest.mark.parametrize("file_format", ["JPEG", "AVIF"])
def test_profiles_are_converted_in_lossy_formats(file_format: str) -> None:
    picture = soft(300, 300)

    pixels = decode(file_of(picture, file_format, quality=95, icc_profile=DISPLAY_P3))

    plain = decode(file_of(picture, file_format, quality=95)).astype(float)
    assert np.abs(pixels - in_srgb(P3, plain)).mean() < 1.5


def test_pixels_are_converted_before_they_are_joined() -> None:
    """Half the light is 188 of 255 in sRGB; the mean of black and white stays 128 in a browser."""
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[::2] = 255

    pixels = decode(file_of(Image.fromarray(stripes), icc_profile=profile(LINEAR)))

    np.testing.assert_allclose(pixels, 127.5, atol=1)


def test_srgb_under_any_name_changes_nothing() -> None:
    picture = Image.fromarray(colours())
    built_in = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    rounded = Space(((0.641, 0.33), (0.30, 0.60), (0.15, 0.06)), SRGB.white, None)

    for same in (built_in, profile(SRGB), profile(rounded)):
        np.testing.assert_array_equal(decode(file_of(picture, icc_profile=same)), colours())


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_profiles_of_grey_are_for_grey(mode: str) -> None:
    greys = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (SIDE, 1))
    picture = Image.fromarray(greys).convert(mode)

    pixels = decode(file_of(picture, icc_profile=profile(LINEAR, grey=True)))

    expected = in_srgb(LINEAR, np.repeat(greys[..., None], 3, axis=2).astype(float))
    assert np.abs(pixels - expected).max() < 1.6


def test_transparent_grey_stays_so_with_a_profile_of_grey() -> None:
    picture = Image.new("LA", (SIDE, SIDE), (0, 255))
    picture.paste((0, 0), (0, 0, SIDE // 2, SIDE))

    pixels = decode(file_of(picture, icc_profile=profile(LINEAR, grey=True)))

    assert (pixels[:, : SIDE // 2] == 255).all()
    assert (pixels[:, SIDE // 2 :] == 0).all()


def test_a_profile_of_colours_is_also_for_grey_and_for_palettes() -> None:
    greys = Image.fromarray(np.tile(np.arange(0, 256, 8, dtype=np.uint8), (SIDE, 1)))

    for picture in (greys, greys.convert("RGB").quantize(32)):
        before = np.asarray(picture.convert("RGB"), float)
        pixels = decode(file_of(picture, icc_profile=profile(LINEAR)))
        assert np.abs(pixels - in_srgb(LINEAR, before)).max() < 1.6


def test_what_is_transparent_stays_so() -> None:
    picture = Image.fromarray(colours()).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize((SIDE, SIDE)))

    pixels = decode(file_of(picture, icc_profile=profile(LINEAR)))

    alpha = np.asarray(picture.getchannel("A"))[..., None] / 255
    expected = alpha * in_srgb(LINEAR, colours().astype(float)) + 255 * (1 - alpha)
    assert np.abs(pixels - expected).max() < 2.5


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"garbage",
        bytes(3000),
        DISPLAY_P3[:200],
        DISPLAY_P3[:128] + b"\xff" * 400,
        DISPLAY_P3 + bytes(4_000_000),
        profile(LINEAR, grey=True),
    ],
)
def test_a_broken_profile_or_another_mode_s_is_none(broken: bytes) -> None:
    picture = Image.fromarray(colours())

    for file_format in ("PNG", "TIFF"):
        data = file_of(picture, file_format, icc_profile=broken)
        np.testing.assert_array_equal(decode(data), colours())


def test_a_profile_of_colours_on_cmyk_is_none() -> None:
    picture = Image.new("CMYK", (40, 40), (0, 255, 255, 0))

    data = file_of(picture, "JPEG", icc_profile=DISPLAY_P3)

    np.testing.assert_array_equal(decode(data), decode(file_of(picture, "JPEG")))


@pytest.mark.parametrize(("gamma", "is_linear"), [(100_000, True), (45_455, False)])
def test_gamma_of_a_png_is_heeded(gamma: int, is_linear: bool) -> None:
    data = with_chunks(
        file_of(Image.fromarray(colours())), chunk(b"gAMA", struct.pack(">I", gamma))
    )

    expected = in_srgb(LINEAR, colours().astype(float)) if is_linear else colours()
    assert np.abs(decode(data) - expected).max() < 0.6


def test_what_says_srgb_or_has_a_profile_needs_no_gamma() -> None:
    linear = chunk(b"gAMA", struct.pack(">I", 100_000))
    picture = Image.fromarray(colours())

    said = with_chunks(file_of(picture), linear, chunk(b"sRGB", b"\0"))
    profiled = with_chunks(file_of(picture, icc_profile=profile(SRGB)), linear)

    np.testing.assert_array_equal(decode(said), colours())
    np.testing.assert_array_equal(decode(profiled), colours())
