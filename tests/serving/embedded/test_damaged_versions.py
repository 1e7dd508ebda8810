"""What is wrong with a version is said as TensorFlow's own loader says it, which TF Serving calls.

That loader takes a version without the index of its variables for one that has none, though every
prediction will fail; here it is refused.
"""

import ctypes
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
    VARIABLES_DATA,
    VARIABLES_INDEX,
    Damage,
    cut,
    remove,
    remove_variables,
)
from tests.serving.embedded.numbered import export_number
from tests.stack import shipped_version

NOT_FOUND = code_number(grpc.StatusCode.NOT_FOUND)

DAMAGES = {
    "none": lambda _: None,
    "index empty": cut(VARIABLES_INDEX, 0),
    "index halved": cut(VARIABLES_INDEX),
    "data lost": remove(VARIABLES_DATA),
    "data empty": cut(VARIABLES_DATA, 0),
    "data halved": cut(VARIABLES_DATA),
    "graph empty": cut(GRAPH, 0),
    "graph halved": cut(GRAPH),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_seen_as_tensorflow_sees_it(tmp_path: Path, damage: Damage) -> None:
    export_number(tmp_path / "1")
    damage(tmp_path / "1")
    assert verdict_of_ours(tmp_path / "1") == verdict_of_tensorflow(tmp_path / "1")


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


def export_table(version: Path) -> None:
    """Save entries that are no variable and yet are restored from the same files."""
    module = tf.Module()
    module.table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    module.look_up = tf.function(
        module.table.lookup, input_signature=[tf.TensorSpec([None], tf.string)]
    )
    tf.saved_model.save(module, str(version), signatures=module.look_up)


@pytest.mark.parametrize("loss", [remove_variables, remove(VARIABLES_INDEX)])
@pytest.mark.parametrize(
    ("export", "tensors"), [(export_number, 1), (saved_models.build_halves, 3), (export_table, 2)]
)
def test_a_version_that_restores_is_refused_without_the_index(
    tmp_path: Path, export: Callable[[Path], None], tensors: int, loss: Damage
) -> None:
    version = tmp_path / "1"
    export(version)
    loss(version)
    assert verdict_of_tensorflow(version) == (0, "")
    reason = f"No such file or directory (the graph restores {tensors} tensors from there)"
    assert verdict_of_ours(version) == (NOT_FOUND, f"{version / VARIABLES_INDEX}; {reason}")


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
