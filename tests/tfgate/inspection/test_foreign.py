"""What is no SavedModel is told as what it is, with what to do about it."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from proto.saved_model_pb2 import GraphDef, NodeDef
from tests.tfgate.inspection.written import graph, write
from tfgate.cli import app


def refused(path: Path) -> str:
    """Inspect where there is nothing to inspect; return the one sentence that says why."""
    result = CliRunner().invoke(app, ["inspect", str(path)])
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    return result.stderr


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return file.getvalue()


def tarred(mode: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        archive.addfile(tarfile.TarInfo("saved_model.pb"))
    return file.getvalue()


FROZEN = GraphDef(node=[NodeDef(name="x", op="Placeholder")]).SerializeToString()
FILES = [
    ("m.keras", zipped("config.json", "metadata.json", "model.weights.h5"), "Keras", ".export("),
    ("m.h5", b"\x89HDF\r\n\x1a\n", "HDF5", ".export("),
    ("weights", b"\x89HDF\r\n\x1a\n", "HDF5", ".export("),
    ("m.tflite", b"\x1c\0\0\0TFL3", "TensorFlow Lite", "converted from"),
    ("m.onnx", b"\x08\x07\x12\x07pytorch", "ONNX", "onnx2tf"),
    ("m", b"\x08\x07\x12\x07pytorch", "ONNX", "onnx2tf"),
    ("m.pt", zipped("m/data.pkl", "m/version"), "PyTorch", "onnx2tf"),
    ("m.pth", b"\x80\x02", "PyTorch", "onnx2tf"),
    ("m.safetensors", b"\x08\0\0\0\0\0\0\0{}", "safetensors", "export"),
    ("m.joblib", b"\x80\x04", "joblib", "another server"),
    ("m.pkl", b"\x80\x04", "pickled", "export"),
    ("frozen.pb", FROZEN, "frozen graph", "simple_save"),
    ("m.tar.gz", tarred("w:gz"), "compressed archive", "tar -xzf 'm.tar.gz'"),
    ("m.tar", tarred("w"), "archive", "tar -xf 'm.tar'"),
    ("m.zip", zipped("1/saved_model.pb"), "zip archive", "unzip"),
    ("m.zip", zipped("1/saved_model.pb")[:40], "cut off", "copy it again"),
    ("model.json", b'{"format": "layers-model"}', "TensorFlow.js", "converted from"),
    ("m.ckpt.index", b"\0", "checkpoint", "tf.saved_model.save"),
    ("variables.data-00000-of-00001", b"\0", "checkpoint", "tf.saved_model.save"),
    ("m.pb", b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS", "git lfs pull"),
    ("m.pb", b"<!DOCTYPE html><html>", "HTML", "look at it"),
    ("m.pb", b"", "empty", "copy it again"),
    ("notes.txt", b"hello", "not known", "saved_model.pb"),
]


@pytest.mark.parametrize(("name", "content", "what", "remedy"), FILES)
def test_a_file_is_told_by_what_it_is(
    tmp_path: Path, name: str, content: bytes, what: str, remedy: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)

    message = refused(file)

    assert name in message
    assert what in message
    assert remedy in message


@pytest.mark.parametrize(("name", "content", "what", "remedy"), FILES[:-1])
def test_so_is_one_in_a_folder(
    tmp_path: Path, name: str, content: bytes, what: str, remedy: str
) -> None:
    (tmp_path / name).write_bytes(content)

    message = refused(tmp_path)

    assert str(tmp_path) in message
    assert what in message
    assert remedy in message


@pytest.mark.parametrize(
    ("content", "what"),
    [
        *[(content, what) for name, content, what, _ in FILES if name in {"weights", "m", "m.pb"}],
        (FROZEN, "frozen graph"),
        (b"\x08\x01", "cut off"),
        (b"not a protobuf", "cut off"),
    ],
)
def test_so_is_one_under_the_name_of_a_graph(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "saved_model.pb").write_bytes(content)

    assert what in refused(tmp_path)


def test_a_graph_that_is_cut_off_anywhere_is_refused_or_whole(tmp_path: Path) -> None:
    whole = (write(tmp_path / "1", graph()) / "saved_model.pb").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "1" / "saved_model.pb").write_bytes(whole[:length])

        assert "saved_model.pb" in refused(tmp_path / "1")


def test_text_that_is_none_of_ours_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pbtxt").write_text("meta_graphs {\n  graph_def {\n")

    assert "no SavedModel as text: 2:13" in refused(tmp_path)


def test_a_graph_in_pieces_is_told(tmp_path: Path) -> None:
    (tmp_path / "saved_model.cpb").write_bytes(b"x")

    assert "saved_model.cpb" in refused(tmp_path)


def test_a_graph_that_no_message_can_hold_is_told_without_being_read(tmp_path: Path) -> None:
    with (tmp_path / "saved_model.pb").open("wb") as file:
        file.truncate(2**31)  # which takes no room on the disk

    assert "2.1 GB" in refused(tmp_path)


def test_a_copy_without_its_graph_is_told(tmp_path: Path) -> None:
    (tmp_path / "variables").mkdir()

    assert "copied in part" in refused(tmp_path)


def test_what_is_not_there_is_told_with_what_is(tmp_path: Path) -> None:
    (tmp_path / "churn").mkdir()

    message = refused(tmp_path / "chrun" / "1")

    assert f"there is no {tmp_path / 'chrun' / '1'}" in message
    assert "churn/" in message


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    assert "holds nothing" in refused(tmp_path)
