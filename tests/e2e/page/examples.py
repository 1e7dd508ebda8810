"""A gateway with one of the examples among its models, answered for by functions of a test."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from serving.contract import Signature, Tensors
from serving.gateway.inference.model_ref import EXPLAIN_SIGNATURE
from serving.typed_models import load_models
from tests import stack
from tests.examples.published import FOLDER
from tests.fake_model_server import DEFAULT_SIGNATURE, FakeSignature, FakeVersion
from tests.fake_models import declared_models
from tests.fake_over_grpc import listening

Answer = Callable[[Tensors], Tensors]


@contextmanager
def example(
    name: str, folder: Path, outputs: Collection[str], respond: Answer, explain: Answer
) -> Iterator[str]:
    """Serve it beside the fake models, with a folder for what the gateway finds it by.

    Of its outputs the version has those that are named, and those that explain.
    """
    (folder / name).symlink_to(FOLDER / name)  # no other example is there to be asked
    model = load_models(FOLDER)[name]
    inputs, known = model.signature.inputs, model.signature.outputs
    answered = {each: known[each] for each in outputs}
    more = model.explanation.outputs if model.explanation else {}
    version = FakeVersion(
        {
            DEFAULT_SIGNATURE: FakeSignature(Signature(inputs, answered), respond),
            EXPLAIN_SIGNATURE: FakeSignature(Signature(inputs, {**answered, **more}), explain),
        }
    )
    server = declared_models()
    server.models[name] = {1: version}
    with listening(server) as address, stack.gateway(address, models_path=str(folder)) as url:
        stack.wait_until_ready(url)
        yield url
