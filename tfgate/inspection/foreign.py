"""What a file is that is no SavedModel, told by its first bytes, and how it becomes one."""

import zipfile
from pathlib import Path

_NUM_BYTES = 512  # of a file's beginning; the mark of a tar archive lies 257 bytes in
_EXPORT = "then name its folder: 'tfgate inspect' says whether all is there"

_KERAS = (
    'load it where it can be loaded, and export it: python3 -c "import keras; keras.saving.'
    "load_model('{name}').export('NAME/1')\""
)
_UNPACK = "unpack it"
# By a file's first bytes.
_MARKS: dict[bytes, tuple[str, str]] = {
    b"\x89HDF\r\n\x1a\n": ("an HDF5 file, as Keras 2 wrote models and weights", _KERAS),
    b"\x1f\x8b": ("a compressed archive", f"{_UNPACK}: tar -xzf '{{name}}'; {_EXPORT}"),
    b"BZh": ("a compressed archive", f"{_UNPACK}: tar -xjf '{{name}}'; {_EXPORT}"),
    b"\xfd7zXZ": ("a compressed archive", f"{_UNPACK}: tar -xJf '{{name}}'; {_EXPORT}"),
    b"version https://git-lfs": (
        "a pointer of Git LFS, in the place of the file that it stands for",
        "fetch the file itself: git lfs pull",
    ),
    b"<": ("a page of HTML or XML", "look at it: a download may have ended at an error's page"),
}
_LITE = (
    "a model of TensorFlow Lite, which no model server loads",
    "export the model that it was converted from; there is no way back from the file itself",
)
_ONNX = (
    "an ONNX model",
    "convert it: pip install onnx2tf, then onnx2tf -i '{name}' -o NAME/1 -osd",
)
_TORCH = (
    "a file of PyTorch",
    "export it to ONNX with torch.onnx.export, and convert that: pip install onnx2tf, then onnx2tf "
    "-i FILE -o NAME/1 -osd",
)
_FROZEN = (
    "a frozen graph of TensorFlow 1, which has no signature",
    "give it one: import it with tf.compat.v1.import_graph_def, and save it with "
    "tf.compat.v1.saved_model.simple_save(session, 'NAME/1', inputs={{…}}, outputs={{…}})",
)
_CHECKPOINT = (
    "a part of a checkpoint, which holds weights and no graph",
    "restore it in the program that made the model, and export the model from there: "
    "model.export('NAME/1'), or tf.saved_model.save",
)
_SUFFIXES: dict[str, tuple[str, str]] = {
    ".keras": ("a model of Keras", _KERAS),
    ".h5": _MARKS[b"\x89HDF\r\n\x1a\n"],
    ".hdf5": _MARKS[b"\x89HDF\r\n\x1a\n"],
    ".tflite": _LITE,
    ".lite": _LITE,
    ".onnx": _ONNX,
    ".pt": _TORCH,
    ".pth": _TORCH,
    ".ckpt": _CHECKPOINT,
    ".index": _CHECKPOINT,
    ".meta": _CHECKPOINT,
    ".safetensors": (
        "weights in the format safetensors, without a graph",
        "load them in the program that made the model, and export the model from there",
    ),
    ".pkl": ("an object that Python has pickled", "export the model from Python, where it loads"),
    ".joblib": (
        "an object that joblib has pickled",
        "TensorFlow Serving serves TensorFlow's models; scikit-learn's need another server",
    ),
    ".pb": _FROZEN,
}


def told(path: Path) -> str | None:
    """Say what a file is, and what to do with it; None if nothing of it is known."""
    found = _look(path)
    if found is None:
        return None
    what, remedy = found
    return f"{path.name} is {what}: {remedy.format(name=path.name)}"


def frozen_graph(path: Path) -> str:
    """Say the same of a file that was found to hold a graph alone."""
    what, remedy = _FROZEN
    return f"{path.name} is {what}: {remedy.format()}"


def of_folder(folder: Path) -> str | None:
    """Say it of the first file in a folder that something is known of."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return next(filter(None, map(told, files)), None)


def _look(path: Path) -> tuple[str, str] | None:
    with path.open("rb") as file:
        head = file.read(_NUM_BYTES)
    if not head:
        return "empty", "it was not copied, or its disk was full; copy it again"
    if head.startswith(b"PK\x03\x04"):
        return _look_into(path)
    marked = (what for mark, what in _MARKS.items() if head.startswith(mark))
    return next(marked, None) or _by_content(head) or _by_name(path)


def _by_content(head: bytes) -> tuple[str, str] | None:
    """Know a file by what stands further in."""
    if head[4:8] == b"TFL3":
        return _LITE
    if head[257:262] == b"ustar":
        return "an archive", f"{_UNPACK}: tar -xf '{{name}}'; {_EXPORT}"
    if b'"modelTopology"' in head or b'"format": "layers-model"' in head:
        return "a model of TensorFlow.js", "export the model that it was converted from"
    # An ONNX file says early on what wrote it, as a rule.
    if head[:1] == b"\x08" and any(word in head[:64] for word in (b"onnx", b"pytorch")):
        return _ONNX
    return None


def _by_name(path: Path) -> tuple[str, str] | None:
    if path.name.startswith("saved_model."):
        return None
    return _CHECKPOINT if ".data-0" in path.name else _SUFFIXES.get(path.suffix.lower())


def _look_into(path: Path) -> tuple[str, str]:
    """Tell the kinds of zip archives apart."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return "a zip archive that is cut off", "copy it again"
    if "model.weights.h5" in names:
        return _SUFFIXES[".keras"]
    if any(name.endswith("data.pkl") for name in names):
        return _TORCH
    return "a zip archive", f"{_UNPACK}: unzip '{{name}}'; {_EXPORT}"
