"""Centres a single character as MNIST's are: light ink on black, by its box and its middle.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits": scaled in
its proportions into 20 x 20 pixels, and laid into 28 x 28 by the centre of its mass.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serving.errors import FieldError, InvalidImage
from serving.pictures.quantities import luma

SIDE, BOX = 28, 20  # pixels
MOST_SIDE = 560  # of a picture that is centred: more shows nothing that is left in the box
_LEAST_CONTRAST = 25  # of 255, between paper and ink
_LEAST_INK = 0.05  # of the most: what is fainter is paper, and no part of the box


def centred(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give uint8[28, 28], from 0 for paper to 255 for ink, of uint8[height, width, 3].

    Whatever most of the margin has is taken for paper, and may be light or dark.

    Raises:
        InvalidImage: nothing is written on it.
    """
    grey = luma(picture)  # [height, width]
    margin = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ink = np.abs(grey - np.median(margin))
    if ink.max() < _LEAST_CONTRAST:
        message = "nothing is written on the picture: all of it has nearly the same colour"
        raise InvalidImage(message, fields=[FieldError("image", message)])
    ink = ink / ink.max()
    is_ink = ink >= _LEAST_INK
    rows, columns = np.flatnonzero(is_ink.any(axis=1)), np.flatnonzero(is_ink.any(axis=0))
    written = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    share = BOX / max(written.shape)
    height, width = (max(1, round(share * size)) for size in written.shape)
    small = Image.fromarray(written.astype(np.float32)).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    return _laid(np.asarray(small))


def _laid(ink: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Lay what is written, at most 20 x 20, with its centre of mass in the pixel of the middle.

    That is the one right below the middle, as it is on all of MNIST's own pictures.
    """
    places = np.indices(ink.shape) + 0.5  # [2, height, width]
    middle = (places * ink).sum(axis=(1, 2)) / ink.sum()
    most = SIDE - np.array(ink.shape)
    top, left = np.ceil(SIDE / 2 - middle).astype(int).clip(0, most)
    laid = np.zeros((SIDE, SIDE), np.uint8)
    laid[top : top + ink.shape[0], left : left + ink.shape[1]] = np.rint(255 * ink)
    return laid
