"""Keeps decoders from writing to the console what a caller's file made them find."""

import ctypes
import logging
import warnings
from contextlib import suppress

from PIL import _imaging


def be_quiet() -> None:
    """Silence Pillow and libtiff for good; what counts comes as an exception."""
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    # libtiff writes errors to stderr by itself; Pillow has switched its warnings off, not these. A
    # Pillow that is built otherwise, with libtiff inside or without it, does not have the name.
    with suppress(AttributeError, OSError):
        ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)
