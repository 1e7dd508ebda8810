"""What an exported version asks of the machine that serves it: operations, and their devices."""

from pathlib import Path

from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import kernels


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


def _devices(operation: str) -> set[str]:
    registered = kernels.get_registered_kernels_for_op(operation).kernel
    devices = {kernel.device_type for kernel in registered}
    return {"CPU", "GPU"} if "DEFAULT" in devices else devices & {"CPU", "GPU"}
