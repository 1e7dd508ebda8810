"""What is wrong with a version is said as TensorFlow's own loader says it, which TF Serving calls.

That loader takes a version without the index of its variables for one that has none, though every
prediction will fail; here it is refused.
"""

import ctypes
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from serving.embedded import saved_model
from serving.embedded.statuses import StatusError, code_number
from tests.contract.tf_serving import saved_models
from tests.damage import (
    GRAPH,
    GRAPH_AS_TEXT,
    VARIABLES_DATA,
    VARIABLES_INDEX,
    Damage,
    both,
    cut,
    flip,
    link,
    make_folder,
    remove,
    remove_variables,
    write,
)
from tests.serving.embedded.numbered import export_number
from tests.stack import shipped_version

NOT_FOUND = code_number(grpc.StatusCode.NOT_FOUND)
DATA_LOSS = code_number(grpc.StatusCode.DATA_LOSS)
OUT_OF_RANGE = code_number(grpc.StatusCode.OUT_OF_RANGE)

NOISE = random.Random(12).randbytes(2000)  # noqa: S311 - the same in every run
VOCABULARY = "assets/vocabulary.txt"


def instead(name: str, content: bytes) -> Damage:
    """Find another form of the graph, and not the graph."""
    return both(remove(GRAPH), write(name, content))


def retag(version: Path) -> None:
    """Export for training and not for serving."""
    model = saved_model_pb2.SavedModel.FromString((version / GRAPH).read_bytes())
    model.meta_graphs[0].meta_info_def.tags[:] = ["train"]
    (version / GRAPH).write_bytes(model.SerializeToString())


DAMAGES = {
    "none": lambda _: None,
    "index empty": cut(VARIABLES_INDEX, 0),
    "index halved": cut(VARIABLES_INDEX),
    "index noise": write(VARIABLES_INDEX, NOISE),
    "index a folder": make_folder(VARIABLES_INDEX),
    "data lost": remove(VARIABLES_DATA),
    "data empty": cut(VARIABLES_DATA, 0),
    "data halved": cut(VARIABLES_DATA),
    "data noise": write(VARIABLES_DATA, NOISE),
    "data a folder": make_folder(VARIABLES_DATA),
    "data a dangling link": link(VARIABLES_DATA, "nowhere"),
    "graph empty": cut(GRAPH, 0),
    "graph halved": cut(GRAPH),
    "graph short of a little": cut(GRAPH, 0.99),
    "graph down to a little": cut(GRAPH, 0.01),
    "graph and more": lambda version: write(GRAPH, (version / GRAPH).read_bytes() + NOISE)(version),
    "graph flipped at its start": flip(GRAPH, 0),
    "graph flipped inside": flip(GRAPH, 200),
    "graph flipped at its end": flip(GRAPH, -1),
    "graph noise": write(GRAPH, NOISE),
    "graph little noise": write(GRAPH, NOISE[:10]),
    "graph zeros": write(GRAPH, bytes(4096)),
    "graph a text": write(GRAPH, b"This text is no graph.\n"),
    "graph a page": write(GRAPH, b"<!DOCTYPE html><html><body>404</body></html>"),
    "graph a pointer": write(GRAPH, b"version https://git-lfs.github.com/spec/v1\noid sha256:0f"),
    "graph as recorded": write(GRAPH, b"\xff\xfenot a proto"),
    "graph a folder": make_folder(GRAPH),
    "graph for training": retag,
    "text beside the graph": write(GRAPH_AS_TEXT, b"garbage {"),
    "text alone, empty": instead(GRAPH_AS_TEXT, b""),
    "text alone, cut": instead(GRAPH_AS_TEXT, b"saved_model_schema_version: 1 meta_graphs {"),
    "text alone, a page": instead(GRAPH_AS_TEXT, b"<html>\n" * 100),
    "text alone, no UTF-8": instead(GRAPH_AS_TEXT, b"\xff\xfe"),
    "text alone, a folder": both(remove(GRAPH), make_folder(GRAPH_AS_TEXT)),
    "fingerprint noise": write("fingerprint.pb", NOISE),
    "fingerprint a folder": make_folder("fingerprint.pb"),
}
DAMAGES_TO_ASSETS = {
    "lost": remove(VOCABULARY),
    "empty": cut(VOCABULARY, 0),
    "twice the same": write(VOCABULARY, b"a\na\n"),
    "a folder": make_folder(VOCABULARY),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_seen_as_tensorflow_sees_it(tmp_path: Path, damage: Damage) -> None:
    export_number(tmp_path / "1")
    damage(tmp_path / "1")
    assert verdict_of_ours(tmp_path / "1") == verdict_of_tensorflow(tmp_path / "1")


def test_garbage_is_not_called_cut_short(tmp_path: Path) -> None:
    """And the other way round: the counts of failed versions are by these codes."""
    export_number(tmp_path / "1")
    cut(GRAPH)(tmp_path / "1")
    assert verdict_of_ours(tmp_path / "1") == (OUT_OF_RANGE, "Read less bytes than requested")
    write(GRAPH, NOISE)(tmp_path / "1")
    text = f"Can't parse {tmp_path / '1' / GRAPH} as binary proto"
    assert verdict_of_ours(tmp_path / "1") == (DATA_LOSS, text)


@pytest.mark.parametrize("damage", DAMAGES_TO_ASSETS.values(), ids=DAMAGES_TO_ASSETS.keys())
def test_damage_to_assets_is_seen_as_tensorflow_sees_it(tmp_path: Path, damage: Damage) -> None:
    export_vocabulary(tmp_path / "1")
    damage(tmp_path / "1")
    verdict = verdict_of_ours(tmp_path / "1")
    assert verdict[0] != 0
    assert verdict == verdict_of_tensorflow(tmp_path / "1")


@pytest.mark.parametrize(
    "damage",
    [remove(GRAPH), link(GRAPH, "nowhere"), link(GRAPH, GRAPH)],
    ids=["lost", "a dangling link", "a link to itself"],
)
def test_no_graph_is_told_as_tf_serving_tells_it(tmp_path: Path, damage: Damage) -> None:
    """It looks before it calls the loader (recorded: reload_version_without_pb)."""
    export_number(tmp_path / "1")
    damage(tmp_path / "1")
    told = (
        "Specified file path does not appear to contain a SavedModel bundle (should have a file "
        f"called `saved_model.pb`)\nSpecified file path: {tmp_path / '1'}"
    )
    assert verdict_of_ours(tmp_path / "1") == (NOT_FOUND, told)
    assert verdict_of_tensorflow(tmp_path / "1")[0] == NOT_FOUND


def verdict_of_ours(version: Path) -> tuple[int, str]:
    try:
        _, session = saved_model.load(version, ["serve"], tf.compat.v1.ConfigProto())
    except StatusError as error:
        return code_number(error.code), error.message
    session.close()
    return 0, ""


def verdict_of_tensorflow(version: Path) -> tuple[int, str]:
    """Load it by TensorFlow's C interface, which calls the loader in C++ that TF Serving calls."""
    library = ctypes.CDLL(str(next(Path(tf.__file__).parent.glob("libtensorflow_cc.*"))))

    def make(function: str, *arguments: object) -> ctypes.c_void_p:
        call = library[function]
        call.restype = ctypes.c_void_p
        return ctypes.c_void_p(call(*arguments))

    status, graph = make("TF_NewStatus"), make("TF_NewGraph")
    options, tags = make("TF_NewSessionOptions"), (ctypes.c_char_p * 1)(b"serve")
    path = str(version).encode()
    make("TF_LoadSessionFromSavedModel", options, None, path, tags, 1, graph, None, status)
    library.TF_Message.restype = ctypes.c_char_p
    return library.TF_GetCode(status), library.TF_Message(status).decode()


def export_without_variables(version: Path) -> None:
    saved_models.build_slow(version)


def export_without_variables_by_tensorflow_1(version: Path) -> None:
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        builder = v1.saved_model.Builder(str(version))
        builder.add_meta_graph_and_variables(session, ["serve"])
        builder.save()


def export_variables_that_nothing_restores(version: Path) -> None:
    saved_models.build_halves(version)
    model = saved_model_pb2.SavedModel.FromString((version / GRAPH).read_bytes())
    model.meta_graphs[0].ClearField("saver_def")
    (version / GRAPH).write_bytes(model.SerializeToString())


def export_vocabulary(version: Path) -> None:
    """Save a table that is filled from a file among the assets."""
    words = version.with_name("vocabulary.txt")
    words.write_text("a\nb\n")
    lines = tf.lookup.TextFileIndex
    table = tf.lookup.TextFileInitializer(
        str(words), tf.string, lines.WHOLE_LINE, tf.int64, lines.LINE_NUMBER
    )
    module = tf.Module()
    module.table = tf.lookup.StaticHashTable(table, -1)
    module.look_up = tf.function(
        module.table.lookup, input_signature=[tf.TensorSpec([None], tf.string)]
    )
    tf.saved_model.save(module, str(version), signatures=module.look_up)


def export_table(version: Path) -> None:
    """Save entries that are no variable and yet are restored from the same files."""
    module = tf.Module()
    module.table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    module.look_up = tf.function(
        module.table.lookup, input_signature=[tf.TensorSpec([None], tf.string)]
    )
    tf.saved_model.save(module, str(version), signatures=module.look_up)


LOSSES: dict[str, tuple[Damage, str]] = {
    "no folder": (remove_variables, "No such file or directory"),
    "no index": (remove(VARIABLES_INDEX), "No such file or directory"),
    "a dangling link": (link(VARIABLES_INDEX, "nowhere"), "No such file or directory"),
    "a file for the folder": (
        both(remove_variables, write("variables", b"")),
        "Not a directory",
    ),
}


@pytest.mark.parametrize(("loss", "reason"), LOSSES.values(), ids=LOSSES.keys())
@pytest.mark.parametrize(
    ("export", "tensors"), [(export_number, 1), (saved_models.build_halves, 3), (export_table, 2)]
)
def test_a_version_that_restores_is_refused_without_the_index(
    tmp_path: Path, export: Callable[[Path], None], tensors: int, loss: Damage, reason: str
) -> None:
    version = tmp_path / "1"
    export(version)
    loss(version)
    assert verdict_of_tensorflow(version) == (0, "")
    text = f"{reason} (the graph restores {tensors} tensors from there)"
    assert verdict_of_ours(version) == (NOT_FOUND, f"{version / VARIABLES_INDEX}; {text}")


@pytest.mark.parametrize(
    "export",
    [
        export_without_variables,
        export_without_variables_by_tensorflow_1,
        export_variables_that_nothing_restores,
    ],
)
def test_a_version_that_does_not_restore_needs_no_folder_of_them(
    tmp_path: Path, export: Callable[[Path], None]
) -> None:
    export(tmp_path / "1")
    remove_variables(tmp_path / "1")
    assert verdict_of_ours(tmp_path / "1") == (0, "")


def test_a_shipped_version_has_its_weights_in_its_graph(tmp_path: Path) -> None:
    """Its folder of variables, which an export always has, holds none that are restored."""
    shutil.copytree(shipped_version("housing"), tmp_path / "1")
    remove_variables(tmp_path / "1")
    assert verdict_of_ours(tmp_path / "1") == (0, "")
