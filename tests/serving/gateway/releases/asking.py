"""Every way to ask for the price of a house, and what each tells of who has answered."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from proto.classification_pb2 import ClassificationResponse
from proto.example_calls_pb2 import ExampleRequest, MultiInferenceRequest
from proto.metadata_pb2 import GetModelMetadataRequest, GetModelMetadataResponse
from proto.open_inference_pb2 import ModelInferRequest, ModelInferResponse
from proto.predict_pb2 import PredictRequest, PredictResponse
from proto.regression_pb2 import RegressionResponse
from serving import tensors
from serving.contract import Tensors
from serving.gateway.dialects.open_inference import binary
from serving.gateway.dialects.open_inference.datatypes import datatype_of_array
from serving.gateway.inference.model_ref import ModelRef
from serving.gateway.releases.split import position
from serving.models import MODELS
from tests import fake_models
from tests.example_bodies import HOUSE
from tests.fake_model_server import FakeModelServer, FakeVersion, Fault, PredictCall
from tests.fake_models import declared_models, declared_version
from tests.in_process import Gateway, gateway

MODEL = "housing"
UNPINNED = ModelRef(MODEL)
_SERVICE = "/tensorflow.serving.PredictionService"
_INPUTS: Tensors = MODELS[MODEL].preprocess([MODELS[MODEL].example])
_PRICE = float(fake_models.housing(_INPUTS)["price"][0])
_NUMBERS_AND_TEXTS = {
    name: [each.decode() if isinstance(each, bytes) else each for each in array.tolist()]
    for name, array in _INPUTS.items()
}
Headers = Mapping[str, str]


@dataclass(frozen=True)
class Told:
    """Who has answered: as the headers, the body and the answer itself tell it.

    `body` is None in a dialect whose answers do not name a version.
    """

    header: int
    body: int | None
    answer: int
    route: str

    @property
    def version(self) -> int:
        """The one version that everything names."""
        assert {self.header, self.answer} | {self.body or self.answer} == {self.answer}, self
        return self.answer


def version(number: int) -> FakeVersion:
    """A version whose prices tell which one it is: they are so many times those of the first."""

    def run(inputs: Tensors) -> Tensors:
        return {
            name: number * values if name.startswith("price") else values
            for name, values in fake_models.housing(inputs).items()
        }

    return declared_version(MODEL, number, run)


def served(*numbers: int) -> FakeModelServer:
    """Serve these versions."""
    server = declared_models()
    server.models[MODEL] = {number: version(number) for number in numbers}
    return server


def only(number: int, fault: Fault) -> Fault:
    """Apply a fault to one version only."""

    async def chosen(call: PredictCall) -> PredictResponse | bytes:
        is_meant = call.request.model_spec.version.value == number
        return await fault(call) if is_meant else call.answer()

    return chosen


def write(folder: Path, text: str) -> Path:
    """Write the file of releases, as a whole."""
    file, new = folder / "releases.toml", folder / "new"
    new.write_text(text)
    return new.replace(file)


def release(stable: int, candidate: int | None = None, percent: float = 10, more: str = "") -> str:
    """Write a release of the model."""
    lines = [f"[models.{MODEL}]", f"stable = {stable}"]
    if candidate is not None:
        lines += [f"[models.{MODEL}.candidate]", f"version = {candidate}", f"percent = {percent}"]
    return "\n".join([*lines, more, ""])


@contextmanager
def started(server: FakeModelServer, folder: Path, text: str, **more: Any) -> Iterator[Gateway]:
    """Start a gateway that follows a file of releases, and wait until it is ready."""
    with gateway(server, releases=write(folder, text), **more) as tfgate:
        tfgate.wait_until_ready()
        yield tfgate


def key_at(low: float, high: float, candidate: int = 2) -> str:
    """Return a key whose callers stand between two shares, of 0 to 1."""
    salt = f"{MODEL}:{candidate}:".encode()
    keys = (f"caller-{number}" for number in range(1_000_000))
    return next(key for key in keys if low <= position(salt, key.encode()) < high)


def _post(gateway: Gateway, path: str, body: Any, headers: Headers) -> httpx.Response:
    response = gateway.client.post(path, json=body, headers=dict(headers))
    assert response.status_code == 200, response.text
    return response


def _told(headers: Headers, body: int | None, price: float) -> Told:
    answer = round(price / _PRICE)
    assert np.isclose(price, answer * _PRICE, rtol=1e-6)
    return Told(int(headers["x-model-version"]), body, answer, headers["x-model-route"])


def _query(ref: ModelRef) -> str:
    if ref.version is not None:
        return f"?version={ref.version}"
    return "" if ref.label is None else f"?label={ref.label}"


def _typed(gateway: Gateway, ref: ModelRef, headers: Headers) -> Told:
    response = _post(gateway, f"/predict/{MODEL}{_query(ref)}", HOUSE, headers)
    document = response.json()
    return _told(response.headers, document["version"], document["prediction"]["price_usd"])


def _batch(gateway: Gateway, ref: ModelRef, headers: Headers) -> Told:
    body = {"instances": [HOUSE] * 3}
    response = _post(gateway, f"/predict/{MODEL}/batch{_query(ref)}", body, headers)
    document = response.json()
    [price] = {each["price_usd"] for each in document["predictions"]}
    return _told(response.headers, document["version"], price)


def _rest_path(ref: ModelRef, method: str) -> str:
    path = f"/v1/models/{MODEL}"
    if ref.version is not None:
        path += f"/versions/{ref.version}"
    if ref.label is not None:
        path += f"/labels/{ref.label}"
    return f"{path}:{method}"


def _rows(gateway: Gateway, ref: ModelRef, headers: Headers) -> Told:
    row = {name: values[0] for name, values in _NUMBERS_AND_TEXTS.items()}
    response = _post(gateway, _rest_path(ref, "predict"), {"instances": [row]}, headers)
    return _told(response.headers, None, response.json()["predictions"][0]["price"])


def _columns(gateway: Gateway, ref: ModelRef, headers: Headers) -> Told:
    body = {"inputs": _NUMBERS_AND_TEXTS}
    response = _post(gateway, _rest_path(ref, "predict"), body, headers)
    return _told(response.headers, None, response.json()["outputs"]["price"][0])


def _brackets(gateway: Gateway, ref: ModelRef, headers: Headers) -> Told:
    """One dimension more than is declared: passed on for the graph to take."""
    body = {"inputs": {name: [values] for name, values in _NUMBERS_AND_TEXTS.items()}}
    response = _post(gateway, _rest_path(ref, "predict"), body, headers)
    return _told(response.headers, None, np.ravel(response.json()["outputs"]["price"])[0])


def _rest_classify(gateway: Gateway, ref: ModelRef, headers: Headers) -> Told:
    response = _post(gateway, _rest_path(ref, "classify"), {"examples": [{"x": 1}]}, headers)
    return _of_number(response.headers, response.json()["results"][0][0][1], None)


def _rest_regress(gateway: Gateway, ref: ModelRef, headers: Headers) -> Told:
    response = _post(gateway, _rest_path(ref, "regress"), {"examples": [{"x": 1}]}, headers)
    return _of_number(response.headers, response.json()["results"][0], None)


def _infer(gateway: Gateway, ref: ModelRef, headers: Headers) -> Told:
    path = f"/v2/models/{MODEL}"
    if ref.version is not None or ref.label is not None:
        path += f"/versions/{ref.version or ref.label}"
    inputs = [
        {
            "name": name,
            "datatype": datatype_of_array(array),
            "shape": list(array.shape),
            "data": _NUMBERS_AND_TEXTS[name],
        }
        for name, array in _INPUTS.items()
    ]
    response = _post(gateway, f"{path}/infer", {"inputs": inputs}, headers)
    document = response.json()
    [price] = [each["data"][0] for each in document["outputs"] if each["name"] == "price"]
    return _told(response.headers, int(document["model_version"]), price)


def _call(gateway: Gateway, path: str, message: bytes, headers: Headers) -> tuple[Headers, bytes]:
    reply = gateway.call(path, message, {name.lower(): value for name, value in headers.items()})
    assert reply.code.name == "OK", reply.details
    return dict(reply.metadata), reply.body


def _infer_grpc(gateway: Gateway, ref: ModelRef, headers: Headers) -> Told:
    request = ModelInferRequest(model_name=MODEL, model_version=str(ref.version or ""))
    for name, array in _INPUTS.items():
        request.inputs.add(name=name, datatype=datatype_of_array(array), shape=array.shape)
        request.raw_input_contents.append(bytes(binary.encode(array)))
    said, body = _call(
        gateway,
        "/inference.GRPCInferenceService/ModelInfer",
        request.SerializeToString(),
        headers,
    )
    response = ModelInferResponse.FromString(body)
    place = [each.name for each in response.outputs].index("price")
    price = np.frombuffer(response.raw_output_contents[place], np.float32)[0]
    return _told(said, int(response.model_version), float(price))


def _spec(request: Any, ref: ModelRef) -> None:
    request.model_spec.name = MODEL
    if ref.version is not None:
        request.model_spec.version.value = ref.version
    if ref.label is not None:
        request.model_spec.version_label = ref.label


def _predict_grpc(gateway: Gateway, ref: ModelRef, headers: Headers) -> Told:
    return _predicted(gateway, ref, headers, _INPUTS)


def _brackets_grpc(gateway: Gateway, ref: ModelRef, headers: Headers) -> Told:
    inputs = {name: array[np.newaxis] for name, array in _INPUTS.items()}
    return _predicted(gateway, ref, headers, inputs)


def _predicted(gateway: Gateway, ref: ModelRef, headers: Headers, inputs: Tensors) -> Told:
    request = PredictRequest()
    _spec(request, ref)
    tensors.encode_all(request.inputs, inputs)
    said, body = _call(gateway, f"{_SERVICE}/Predict", request.SerializeToString(), headers)
    response = PredictResponse.FromString(body)
    price = tensors.decode(response.outputs["price"]).ravel()[0]
    return _told(said, response.model_spec.version.value, float(price))


def _of_number(headers: Headers, answer: float, body: int | None) -> Told:
    return Told(int(headers["x-model-version"]), body, int(answer), headers["x-model-route"])


def _of_examples(gateway: Gateway, ref: ModelRef, headers: Headers, method: str) -> Any:
    request = ExampleRequest(input={"example_list": {"examples": [b""]}})
    _spec(request, ref)
    return _call(gateway, f"{_SERVICE}/{method}", request.SerializeToString(), headers)


def _classify_grpc(gateway: Gateway, ref: ModelRef, headers: Headers) -> Told:
    said, body = _of_examples(gateway, ref, headers, "Classify")
    response = ClassificationResponse.FromString(body)
    score = response.result.classifications[0].classes[0].score
    return _of_number(said, score, response.model_spec.version.value)


def _regress_grpc(gateway: Gateway, ref: ModelRef, headers: Headers) -> Told:
    said, body = _of_examples(gateway, ref, headers, "Regress")
    response = RegressionResponse.FromString(body)
    value = response.result.regressions[0].value
    return _of_number(said, value, response.model_spec.version.value)


def _tasks_grpc(gateway: Gateway, ref: ModelRef, headers: Headers) -> Told:
    request = MultiInferenceRequest(input={"example_list": {"examples": [b""]}})
    for _ in range(2):
        _spec(request.tasks.add(), ref)
    said, body = _call(gateway, f"{_SERVICE}/MultiInference", request.SerializeToString(), headers)
    tasks = MultiInferenceRequest.FromString(body).tasks
    [number] = {task.model_spec.version.value for task in tasks}
    return _of_number(said, number, number)


Ask = Callable[[Gateway, ModelRef, Headers], Told]

ASKS: Mapping[str, Ask] = {
    "typed": _typed,
    "typed batch": _batch,
    "v1 rows": _rows,
    "v1 columns": _columns,
    "v1 brackets": _brackets,
    "v1 classify": _rest_classify,
    "v1 regress": _rest_regress,
    "v2 infer": _infer,
    "grpc ModelInfer": _infer_grpc,
    "grpc Predict": _predict_grpc,
    "grpc Predict brackets": _brackets_grpc,
    "grpc Classify": _classify_grpc,
    "grpc Regress": _regress_grpc,
    "grpc MultiInference": _tasks_grpc,
}
# ModelInfer's message has no place for a label.
WITH_LABELS = sorted(ASKS.keys() - {"grpc ModelInfer"})


def ask(gateway: Gateway, how: str = "typed", ref: ModelRef = UNPINNED, key: str = "") -> Told:
    """Ask once; with a key that decides on which side of a release it comes to lie."""
    return ASKS[how](gateway, ref, {"X-Release-Key": key} if key else {})


def described_version(gateway: Gateway) -> int:
    """Return the version of which everybody is told who asks for the model, and names none."""
    request = GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = MODEL
    _, body = _call(gateway, f"{_SERVICE}/GetModelMetadata", request.SerializeToString(), {})
    version = GetModelMetadataResponse.FromString(body).model_spec.version.value
    rest = gateway.client.get(f"/v1/models/{MODEL}/metadata").json()
    assert rest["model_spec"]["version"] == str(version)
    assert gateway.client.get(f"/models/{MODEL}").json()["version"] == version
    return version
