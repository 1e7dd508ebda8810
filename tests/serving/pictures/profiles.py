"""Colour profiles that are made here, and what their colours are in sRGB, computed without lcms.

Sources: ICC.1:2022; IEC 61966-2-1 (sRGB); SMPTE EG 432-1 (Display P3); ISO 22028-2 (ROMM).
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_D65_XY = (0.3127, 0.329)


@dataclass(frozen=True)
class Space:
    """A space of colours: chromaticities of red, green, blue and white; and its curve.

    The curve is a power, or sRGB's for None.
    """

    primaries: tuple[tuple[float, float], ...]
    white: tuple[float, float]
    gamma: float | None

    def to_xyz(self) -> Floats:
        """Return the matrix from light to XYZ of D50, float64[3, 3]."""
        columns = np.array([_xyz(*xy) for xy in self.primaries]).T
        white = _xyz(*self.white)
        columns = columns * np.linalg.solve(columns, white)
        scale = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white))
        return np.asarray(np.linalg.inv(_BRADFORD) @ scale @ _BRADFORD @ columns)

    def to_light(self, levels: Floats) -> Floats:
        values = levels / 255
        if self.gamma is not None:
            return np.asarray(values**self.gamma)
        return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


SRGB = Space(((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), _D65_XY, None)
P3 = Space(((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), _D65_XY, None)
ADOBE = Space(((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), _D65_XY, 2.19921875)
PROPHOTO = Space(((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), (0.3457, 0.3585), 1.8)
LINEAR = Space(SRGB.primaries, _D65_XY, 1.0)


def in_srgb(space: Space, colours: Floats) -> Floats:
    """Return what colours of the space are in sRGB: float64[..., 3], 0 to 255."""
    light = space.to_light(colours) @ space.to_xyz().T @ np.linalg.inv(SRGB.to_xyz()).T
    light = np.clip(light, 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def profile(space: Space, *, grey: bool = False) -> bytes:
    """Return an ICC profile of version 2 for displays, of colours or of greys alone."""
    curve = _curve(space)
    if grey:
        return _file(b"GRAY", {b"wtpt": _value(_D50), b"kTRC": curve})
    columns = {
        name: _value(column)
        for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), space.to_xyz().T, strict=True)
    }
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return _file(b"RGB ", {b"wtpt": _value(_D50), **columns, **curves})


def _xyz(x: float, y: float) -> Floats:
    return np.array([x / y, 1, (1 - x - y) / y])


def _value(xyz: Floats) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *np.rint(xyz * 65536).astype(int).tolist())


def _curve(space: Space) -> bytes:
    table = np.rint(65535 * space.to_light(np.linspace(0, 255, 1024))).astype(int).tolist()
    return b"curv\0\0\0\0" + struct.pack(f">I{len(table)}H", len(table), *table)


def _file(channels: bytes, tags: dict[bytes, bytes]) -> bytes:
    tags = {b"desc": b"desc\0\0\0\0\0\0\0\5made\0" + bytes(79), b"cprt": b"text\0\0\0\0-\0", **tags}
    at, index, body = 132 + 12 * len(tags), b"", b""
    for name, value in tags.items():
        index += struct.pack(">4sII", name, at + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = struct.pack(">4s4s4s4s", bytes((2, 0x40, 0, 0)), b"mntr", channels, b"XYZ ")
    head = bytes(4) + b"\0\0\0\0" + head[:4] + head[4:] + bytes(12) + b"acsp"
    head += bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    head += bytes(128 - len(head))
    file = head + struct.pack(">I", len(tags)) + index + body
    return struct.pack(">I", len(file)) + file[4:]


DISPLAY_P3 = profile(P3)
