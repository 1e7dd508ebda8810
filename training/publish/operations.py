"""Which operations TensorFlow has, and the kinds of device that can run each.

`python -m training.publish.operations` writes the list that tfgate ships, for whoever inspects a
version without TensorFlow.
"""

from pathlib import Path

import tensorflow as tf
from tensorflow.core.framework import op_def_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.client import pywrap_tf_session
from tensorflow.python.framework import kernels

SHIPPED = Path(__file__).parents[2] / "tfgate" / "inspection" / "operations.txt"


def devices_by_operation(version_folder: Path) -> dict[str, set[str]]:
    """Give each operation of the version's graphs with the kinds of device that can run it.

    What runs on any device, as control flow does, is given as both CPU and GPU.
    """
    message = saved_model_pb2.SavedModel()
    message.ParseFromString((version_folder / "saved_model.pb").read_bytes())
    operations = {
        node.op
        for meta_graph in message.meta_graphs
        for nodes in (
            meta_graph.graph_def.node,
            *(function.node_def for function in meta_graph.graph_def.library.function),
        )
        for node in nodes
    }
    return {operation: _devices(operation) for operation in sorted(operations)}


def known_operations() -> dict[str, set[str]]:
    """Give every operation of this TensorFlow in the same way."""
    operations = op_def_pb2.OpList()
    operations.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    return {name: _devices(name) for name in sorted(each.name for each in operations.op)}


def listing() -> str:
    """Write them one a line."""
    head = f"# The operations of TensorFlow {tf.__version__}, and the devices that can run each.\n"
    known = known_operations().items()
    return head + "".join(f"{' '.join([name, *sorted(devices)])}\n" for name, devices in known)


def _devices(operation: str) -> set[str]:
    registered = kernels.get_registered_kernels_for_op(operation).kernel
    devices = {kernel.device_type for kernel in registered}
    return {"CPU", "GPU"} if "DEFAULT" in devices else devices & {"CPU", "GPU"}


if __name__ == "__main__":
    SHIPPED.write_text(listing(), encoding="utf-8")
