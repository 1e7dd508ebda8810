"""Two of TensorFlow Serving's configuration messages, which tensorflow-serving-api leaves out.

Source: config/monitoring_config.proto and servables/tensorflow/session_bundle_config.proto of
tensorflow/serving.
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2
from google.protobuf.message import Message

_Field = descriptor_pb2.FieldDescriptorProto
_WRAPPED = "google.protobuf.Int64Value"

# Message name -> its fields in the order of their numbers: name, and type or name of a message.
_MESSAGES: dict[str, list[tuple[str, _Field.Type.ValueType | str]]] = {
    "PrometheusConfig": [("enable", _Field.TYPE_BOOL), ("path", _Field.TYPE_STRING)],
    "MonitoringConfig": [("prometheus_config", "tensorflow.serving.PrometheusConfig")],
    "BatchingParameters": [
        ("max_batch_size", _WRAPPED),
        ("batch_timeout_micros", _WRAPPED),
        ("max_enqueued_batches", _WRAPPED),
        ("num_batch_threads", _WRAPPED),
        ("thread_pool_name", "google.protobuf.StringValue"),
        ("allowed_batch_sizes", _Field.TYPE_INT64),
        ("pad_variable_length_inputs", _Field.TYPE_BOOL),
    ],
}
_REPEATED = {"allowed_batch_sizes"}


def message(name: str) -> Message:
    """Return an empty message of this name."""
    return _CLASSES[f"tensorflow.serving.{name}"]()


def _classes() -> dict[str, type[Message]]:
    file = descriptor_pb2.FileDescriptorProto(
        name="configuration.proto",
        package="tensorflow.serving",
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],
    )
    for name, fields in _MESSAGES.items():
        described = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields, start=1):
            described.field.add(
                name=field,
                number=number,
                label=_Field.LABEL_REPEATED if field in _REPEATED else _Field.LABEL_OPTIONAL,
                type=_Field.TYPE_MESSAGE if isinstance(kind, str) else kind,
                type_name=f".{kind}" if isinstance(kind, str) else None,
            )
    # A pool of our own: that of the process may know the messages from TensorFlow already.
    pool = descriptor_pool.DescriptorPool()
    wrappers = descriptor_pb2.FileDescriptorProto()
    wrappers_pb2.DESCRIPTOR.CopyToProto(wrappers)
    return dict(message_factory.GetMessages([wrappers, file], pool=pool))


_CLASSES = _classes()
