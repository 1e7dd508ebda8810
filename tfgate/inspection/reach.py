"""Which nodes of a graph are computed when a signature is asked: back from its outputs."""

from collections.abc import Iterable, Iterator

from proto.metadata_pb2 import SignatureDef
from proto.saved_model_pb2 import GraphDef, NodeDef

_VARIABLE, _ASSIGNS = "VarHandleOp", "AssignVariableOp"


class Reach:
    """Finds what nodes need; functions are taken as a whole."""

    def __init__(self, graph: GraphDef) -> None:
        self._nodes = {node.name: node for node in graph.node}
        self._functions = {each.signature.name: each.node_def for each in graph.library.function}

    def nodes(self, signature: SignatureDef) -> list[NodeDef]:
        """Give every node that an output of a signature needs, those of functions among them."""
        own = self._needed(_node_of(info.name) for info in signature.outputs.values())
        functions = self._called(own)
        return [*own, *(node for name in functions for node in self._functions[name])]

    def without_value(self, own: Iterable[NodeDef], restore: str, begin: SignatureDef) -> list[str]:
        """Name the variables among `own` to which nothing gives a value when the graph is loaded.

        `restore` is the node that reads stored values, `begin` what is computed after it. Whatever
        else the graph could assign counts too: graphs of TensorFlow 1 say elsewhere what they run.
        """
        if restore not in self._nodes:
            return []
        ends = [restore, *(_node_of(info.name) for info in begin.outputs.values())]
        assigned = [_node_of(node.input[0]) for node in self._nodes.values() if node.op == _ASSIGNS]
        reached = self._needed([*ends, *assigned])
        given = {_variable(node) for node in reached if node.op == _VARIABLE}
        lacking = {_variable(node) for node in own if node.op == _VARIABLE} - given
        return sorted(lacking)

    def is_function(self, operation: str) -> bool:
        """Tell whether what looks like an operation is a function of the graph."""
        return operation in self._functions

    def _needed(self, names: Iterable[str]) -> list[NodeDef]:
        waiting, found = list(names), dict[str, NodeDef]()
        while waiting:
            name = waiting.pop()
            if name in found or name not in self._nodes:
                continue
            found[name] = self._nodes[name]
            waiting.extend(map(_node_of, found[name].input))
        return list(found.values())

    def _called(self, nodes: Iterable[NodeDef]) -> list[str]:
        waiting = [name for node in nodes for name in _calls(node)]
        found: dict[str, None] = {}
        while waiting:
            name = waiting.pop()
            if name in found or name not in self._functions:
                continue
            found[name] = None
            waiting.extend(each for node in self._functions[name] for each in _calls(node))
        return list(found)


def _node_of(tensor: str) -> str:
    return tensor.removeprefix("^").partition(":")[0]


def _variable(node: NodeDef) -> str:
    """Give the name by which several nodes may mean the same variable."""
    return node.attr["shared_name"].s.decode(errors="replace") or node.name


def _calls(node: NodeDef) -> Iterator[str]:
    yield node.op
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        yield from (function.name for function in value.list.func)
