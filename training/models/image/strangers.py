"""Pictures of none of the classes, which no version should find familiar: digits, text, textures.

The digits are real, handwritten ones that scikit-learn brings along: E. Alpaydin, C. Kaynak,
"Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998. All else is
drawn by chance, and by the same chance each time.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_digits

from serving.contract import Tensors
from serving.pictures.decode import SIDE
from training.data.examples import Examples

NUM_PICTURES = 300  # of each kind

Picture = NDArray[np.uint8]  # [32, 32, 3]


def strangers(_test: Examples) -> Mapping[str, Tensors]:
    """Give pictures, uint8[picture, 32, 32, 3], by their kind."""
    return {"digits": {"pixels": _digits()}} | {
        name: {"pixels": np.stack([draw(random) for _ in range(NUM_PICTURES)])}
        for name, draw in _DRAWN.items()
        for random in [np.random.default_rng(list(name.encode()))]
    }


def _digits() -> NDArray[np.uint8]:
    """Enlarge pictures of 8 x 8 pixels of 17 greys; every other one is dark on white."""
    small = load_digits().images[:NUM_PICTURES] * (255 / 16)  # float64[picture, 8, 8]
    small[::2] = 255 - small[::2]
    return np.stack(
        [
            np.asarray(
                Image.fromarray(picture.astype(np.uint8)).resize((SIDE, SIDE)).convert("RGB")
            )
            for picture in small
        ]
    )


def _text(random: np.random.Generator) -> Picture:
    """Write some lines of letters."""
    ground, ink = (tuple(random.integers(0, 256, 3).tolist()) for _ in range(2))
    picture = Image.new("RGB", (SIDE, SIDE), ground)
    letters = random.choice(list("abcdefghijklmnopqrstuvwxyz   ABCDEFGHIJ0123456789"), (4, 8))
    lines = "\n".join("".join(line) for line in letters)
    font = ImageFont.load_default(int(random.integers(8, 16)))
    ImageDraw.Draw(picture).multiline_text((0, -2), lines, ink, font, spacing=1)
    return np.asarray(picture)


def _noise(random: np.random.Generator) -> Picture:
    return random.integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def _plain(random: np.random.Generator) -> Picture:
    return np.broadcast_to(random.integers(0, 256, 3, np.uint8), (SIDE, SIDE, 3))


def _gradient(random: np.random.Generator) -> Picture:
    return _mixed(random, (_across(random) + 1) / 2)


def _stripes(random: np.random.Generator) -> Picture:
    periods = random.uniform(1, 8)
    return _mixed(random, np.sin(np.pi * periods * _across(random)) > 0)


def _checks(random: np.random.Generator) -> Picture:
    down, across = np.indices((SIDE, SIDE)) // random.integers(1, 9)
    return _mixed(random, (down + across) % 2)


def _across(random: np.random.Generator) -> NDArray[np.float64]:
    """Give how far each pixel lies in some direction, about -1 to 1."""
    angle = random.uniform(0, 2 * np.pi)
    down, across = (np.indices((SIDE, SIDE)) * 2 + 1) / SIDE - 1
    distance: NDArray[np.float64] = (down * np.sin(angle) + across * np.cos(angle)) / np.sqrt(2)
    return distance


def _mixed(random: np.random.Generator, share: NDArray[np.number | np.bool_]) -> Picture:
    """Mix two colours; float[32, 32] is the share of the second."""
    first, second = random.integers(0, 256, (2, 3))
    mixed: Picture = (first + share[..., None] * (second - first)).clip(0, 255).astype(np.uint8)
    return mixed


_DRAWN: dict[str, Callable[[np.random.Generator], Picture]] = {
    "text": _text,
    "noise": _noise,
    "plain colours": _plain,
    "gradients": _gradient,
    "stripes": _stripes,
    "checks": _checks,
}
