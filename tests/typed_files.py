"""A folder of typed models as a user may write it, in files of a few lines."""

from pathlib import Path

TYPED = '''
"""A number, doubled."""

import numpy as np
from pydantic import BaseModel
from typing_extensions import TypedDict

from serving.contract import Model, Signature, TensorSpec


class Request(BaseModel):
    x: float


class Response(TypedDict):
    y: float


MODEL = Model(
    request=Request,
    response=Response,
    signature=Signature({"x": TensorSpec("float32")}, {"y": TensorSpec("float32")}),
    example=Request(x=1),
    preprocess=lambda requests: {"x": np.array([each.x for each in requests], np.float32)},
    postprocess=lambda _inputs, outputs, _card: [{"y": each} for each in outputs["y"].tolist()],
    preprocess_seconds=lambda _requests: 0,
    max_call_rows=32,
)
'''


def write(folder: Path, **files: str) -> Path:
    """Write files of these names, with .py after them, and give their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder
