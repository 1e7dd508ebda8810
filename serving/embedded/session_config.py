"""What TensorFlow is told of each session: threads, memory, and in what numbers it computes."""

import logging
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf import rewriter_config_pb2

from serving.embedded.flags import Flags

_CPUINFO = Path("/proc/cpuinfo")
_BFLOAT16 = {"avx512_bf16", "amx_bf16"}  # as Linux names what a processor can do

_log = logging.getLogger(__name__)


def session_config(flags: Flags, cpuinfo: Path = _CPUINFO) -> tf.compat.v1.ConfigProto:
    """Turn the flags into TensorFlow's configuration, for the processor that `cpuinfo` describes.

    TensorFlow would imitate bfloat16 on a processor that has AVX-512 alone, and be slower.
    """
    shared = flags.tensorflow_session_parallelism
    fraction = flags.per_process_gpu_memory_fraction
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=flags.tensorflow_intra_op_parallelism or shared,
        inter_op_parallelism_threads=flags.tensorflow_inter_op_parallelism or shared,
        allow_soft_placement=True,
        gpu_options=tf.compat.v1.GPUOptions(
            per_process_gpu_memory_fraction=fraction, allow_growth=fraction == 0
        ),
    )
    if flags.mixed_precision:
        if _computes_in_bfloat16(cpuinfo):
            on = rewriter_config_pb2.RewriterConfig.ON
            config.graph_options.rewrite_options.auto_mixed_precision_onednn_bfloat16 = on
        else:
            _log.warning("--mixed_precision is left out: this processor has no bfloat16")
    return config


def _computes_in_bfloat16(cpuinfo: Path) -> bool:
    """Tell by Linux's description of the processor; another system has none."""
    return cpuinfo.exists() and not _BFLOAT16.isdisjoint(cpuinfo.read_text().split())
