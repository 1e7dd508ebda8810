"""One graph ready to run: feeds and fetches without Python's preparation of every call.

`tf.compat.v1.Session.run` spends about 0.2 ms a call on looking names up and turning errors into
longer ones; the function below it, called here, takes prepared names, a deadline, and reports
TensorFlow's errors in the very words that TF Serving passes on.
"""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import graph_pb2
from tensorflow.python.client import pywrap_tf_session

from serving.embedded.statuses import StatusError, code_of_number, invalid_argument
from serving.embedded.tensor_protos import Array

TensorHandle = Any

# A shorter run stays in its caller's thread: handing its operations to TensorFlow's threads costs
# more than they gain. One house took 0.35 instead of 0.48 ms so, and half of the processor time;
# one review, at 2.4 ms, would take half as long again.
_SHORT_RUN_SECONDS = 1.5e-3

# Nothing cancels a run in its caller's thread, so none of its operations may loop or wait.
_ENDLESS = re.compile(r"While|Enter|^For$|Queue|Barrier|Stage|PyFunc|Iterator|BatchFunction|Recv")


@dataclass(frozen=True)
class GraphTensor:
    """A tensor of the graph: the handle that feeds and fetches take, and its dtype's number."""

    handle: TensorHandle
    dtype: int


def status_of(error: tf.errors.OpError) -> StatusError:
    """Translate TensorFlow's error, keeping its code and text."""
    return StatusError(code_of_number(error.error_code), error.message)


class GraphSession:
    """A session over a finished graph; `run` may be called from many threads at once."""

    def __init__(self, graph: tf.Graph, config: tf.compat.v1.ConfigProto) -> None:
        self._graph = graph
        self._session = tf.compat.v1.Session(graph=graph, config=config)
        self._session._extend_graph()
        self._may_run_inline = not _may_be_endless(graph.as_graph_def())
        self._latest_was_short = False

    def tensor(self, name: str) -> GraphTensor:
        """Find a tensor such as `x:0`; `x` alone means its first output.

        Raises:
            StatusError: INVALID_ARGUMENT when the graph has no such operation, OUT_OF_RANGE when
                the operation has fewer outputs.
        """
        operation_name, _, suffix = name.partition(":")
        index = int(suffix or 0)
        try:
            operation = self._graph.get_operation_by_name(operation_name)
        except KeyError as error:
            raise invalid_argument(
                f"Tensor {operation_name}:{index}, specified in either feed_devices or "
                "fetch_devices was not found in the Graph"
            ) from error
        outputs = operation.outputs
        if index >= len(outputs):
            raise StatusError(
                grpc.StatusCode.OUT_OF_RANGE,
                f"Node '{operation_name}' (type: '{operation.type}', num of outputs: "
                f"{len(outputs)}) does not have output {index}",
            )
        dtype = outputs[index].dtype.base_dtype
        return GraphTensor(outputs[index]._as_tf_output(), dtype.as_datatype_enum)

    def run(
        self,
        feeds: Mapping[TensorHandle, Array],
        fetches: Sequence[TensorHandle],
        timeout_milliseconds: int | None = None,
    ) -> list[Array]:
        """Run the graph once.

        Raises:
            StatusError: with the code and text of the kernel that failed, DEADLINE_EXCEEDED
                when the timeout passed first.
        """
        return self._call(feeds, fetches, [], timeout_milliseconds)

    def run_operation(self, name: str, feeds: Mapping[TensorHandle, Array]) -> None:
        """Run one operation for its effect (restore variables, fill tables)."""
        operation = self._graph.get_operation_by_name(name.partition(":")[0])
        self._call(feeds, [], [operation._c_op], None)

    def close(self) -> None:
        """Cancel what still runs and free the variables."""
        self._session.close()

    def _call(
        self,
        feeds: Mapping[TensorHandle, Array],
        fetches: Sequence[TensorHandle],
        targets: Sequence[Any],
        timeout_milliseconds: int | None,
    ) -> list[Array]:
        options = self._options(timeout_milliseconds)
        started = time.perf_counter()
        try:
            results = pywrap_tf_session.TF_SessionRun_wrapper(
                self._session._session, options, feeds, fetches, targets, None
            )
        except tf.errors.OpError as error:
            raise status_of(error) from error
        except UnicodeDecodeError as error:
            # A kernel's text quotes the request's bytes; what it says is kept, its code is lost.
            raise invalid_argument(error.object.decode(errors="replace")) from error
        finally:
            if options is not None:
                pywrap_tf_session.TF_DeleteBuffer(options)
        self._latest_was_short = time.perf_counter() - started < _SHORT_RUN_SECONDS
        return [_as_array(result) for result in results]

    def _options(self, timeout_milliseconds: int | None) -> Any:
        """Return TensorFlow's buffer with the options of a run, None for the usual ones."""
        options = tf.compat.v1.RunOptions()
        if timeout_milliseconds is not None:
            options.timeout_in_ms = timeout_milliseconds
        if self._may_run_inline and self._latest_was_short:
            options.inter_op_thread_pool = -1
        written = options.SerializeToString()
        return pywrap_tf_session.TF_NewBufferFromString(written) if written else None


def _may_be_endless(graph: graph_pb2.GraphDef) -> bool:
    nodes = (graph.node, *(function.node_def for function in graph.library.function))
    return any(_ENDLESS.search(node.op) for each in nodes for node in each)


def _as_array(result: Any) -> Array:
    # A scalar string comes back as bytes, which numpy would cut at trailing zeros.
    return np.asarray(result, object if isinstance(result, bytes) else None)
