from proto import model_pb2 as _model_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExampleInput(_message.Message):
    __slots__ = ("example_list", "example_list_with_context")
    class Examples(_message.Message):
        __slots__ = ("examples",)
        EXAMPLES_FIELD_NUMBER: _ClassVar[int]
        examples: _containers.RepeatedScalarFieldContainer[bytes]
        def __init__(self, examples: _Optional[_Iterable[bytes]] = ...) -> None: ...
    EXAMPLE_LIST_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_LIST_WITH_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    example_list: ExampleInput.Examples
    example_list_with_context: ExampleInput.Examples
    def __init__(self, example_list: _Optional[_Union[ExampleInput.Examples, _Mapping]] = ..., example_list_with_context: _Optional[_Union[ExampleInput.Examples, _Mapping]] = ...) -> None: ...

class ExampleRequest(_message.Message):
    __slots__ = ("model_spec", "input")
    MODEL_SPEC_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    model_spec: _model_pb2.ModelSpec
    input: ExampleInput
    def __init__(self, model_spec: _Optional[_Union[_model_pb2.ModelSpec, _Mapping]] = ..., input: _Optional[_Union[ExampleInput, _Mapping]] = ...) -> None: ...

class MultiInferenceRequest(_message.Message):
    __slots__ = ("tasks", "input")
    class Task(_message.Message):
        __slots__ = ("model_spec",)
        MODEL_SPEC_FIELD_NUMBER: _ClassVar[int]
        model_spec: _model_pb2.ModelSpec
        def __init__(self, model_spec: _Optional[_Union[_model_pb2.ModelSpec, _Mapping]] = ...) -> None: ...
    TASKS_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[MultiInferenceRequest.Task]
    input: ExampleInput
    def __init__(self, tasks: _Optional[_Iterable[_Union[MultiInferenceRequest.Task, _Mapping]]] = ..., input: _Optional[_Union[ExampleInput, _Mapping]] = ...) -> None: ...
