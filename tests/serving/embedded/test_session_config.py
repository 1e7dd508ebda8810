"""In what numbers a session computes: in bfloat16 only if that is wanted and can be had."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import rewriter_config_pb2
from tensorflow_serving.apis import predict_pb2

from serving.embedded.flags import Flags
from serving.embedded.servable import Servable, ServableOptions
from serving.embedded.session_config import session_config
from tests import stack

WANTED = Flags(mixed_precision="bfloat16")


def described(tmp_path: Path, flags: str) -> Path:
    """Write what Linux says of a processor that can do this."""
    file = tmp_path / "cpuinfo"
    file.write_text(f"processor\t: 0\nmodel name\t: a\nflags\t\t: fpu {flags} sse\n")
    return file


def in_bfloat16(config: tf.compat.v1.ConfigProto) -> bool:
    options = config.graph_options.rewrite_options
    on = rewriter_config_pb2.RewriterConfig.ON
    return bool(options.auto_mixed_precision_onednn_bfloat16 == on)


@pytest.mark.parametrize("ability", ["avx512_bf16", "avx512f amx_bf16"])
def test_a_processor_with_bfloat16_computes_in_it(ability: str, tmp_path: Path) -> None:
    assert in_bfloat16(session_config(WANTED, described(tmp_path, ability)))


@pytest.mark.parametrize("ability", ["avx2", "avx512f", "avx512_bf16_of_another_name"])
def test_another_one_does_not_and_says_so(
    ability: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert not in_bfloat16(session_config(WANTED, described(tmp_path, ability)))
    assert "this processor has no bfloat16" in caplog.text


def test_a_system_without_a_description_does_not(tmp_path: Path) -> None:
    assert not in_bfloat16(session_config(WANTED, tmp_path / "none"))


def test_nobody_gets_bfloat16_unasked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert not in_bfloat16(session_config(Flags(), described(tmp_path, "avx512_bf16")))
    assert not caplog.records


def test_a_version_answers_with_it_too(tmp_path: Path) -> None:
    """Whatever this machine's processor is: TensorFlow itself leaves out what it cannot do."""
    folder = max((stack.ROOT / "models" / "image").iterdir(), key=lambda each: int(each.name))
    config = session_config(WANTED, described(tmp_path, "avx512_bf16"))
    scores = []
    for options in (config, session_config(Flags())):
        servable = Servable(folder, ServableOptions(("serve",), options))
        request = predict_pb2.PredictRequest()
        request.inputs["pixels"].CopyFrom(
            tf.make_tensor_proto(np.full([2, 32, 32, 3], 90, np.uint8))
        )
        scores.append(tf.make_ndarray(servable.predict(request).outputs["scores"]))
        servable.close()
    np.testing.assert_allclose(scores[0], scores[1], atol=0.05)
