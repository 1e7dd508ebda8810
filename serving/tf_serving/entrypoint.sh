#!/bin/bash
# Starts TensorFlow Serving on the configuration beside this file. Flags given here come after its
# own, and of a repeated flag the last one counts.
#
# The image's own entrypoint keeps running in front of the server and keeps SIGTERM to itself; this
# one makes way for it, so that stopping the container stops the server and not its grace period.
set -euo pipefail

configuration=$(dirname "${BASH_SOURCE[0]}")

# TensorFlow starts a thread for each of the machine's processors, also in a container that may use
# only a few of them, and is then throttled. cpu.max holds the share, in microseconds per period.
processors=$(nproc)
if read -r quota period 2>/dev/null </sys/fs/cgroup/cpu.max && [[ $quota != max ]]; then
  processors=$(((quota + period - 1) / period))
fi

# Otherwise TensorFlow takes all of a GPU's memory, and nothing else fits beside it.
export TF_FORCE_GPU_ALLOW_GROWTH=true

flags=(
  # Where the gateway asks.
  --port=8500

  # Where Prometheus asks; nobody else needs it, so nobody else should reach it.
  --rest_api_port=8501
  --monitoring_config_file="$configuration/monitoring.config"

  # Made of the repository by serving.tf_serving, which runs beside. Read again all the time: models
  # come and go, and labels move, without a restart.
  --model_config_file="${TF_SERVING_MODELS_CONFIG:-/run/models/models.config}"
  --model_config_file_poll_wait_seconds=5

  # A label may be given to a version before it has loaded; without this, a configuration with
  # labels ends the server at its next start.
  --allow_version_labels_for_unavailable_models=true

  # A published version is noticed within this time. Every look lists the repository, which on
  # network storage is not free.
  --file_system_poll_wait_seconds=5

  # A version answers its own warm-up requests before anybody else's; one that cannot fails to load.
  --enable_model_warmup=true

  # Loads run in a thread of their own and not in the one that manages all models, but only one at a
  # time: each takes processors from predictions. The first models are loaded by many.
  --num_load_threads=1

  # Storage that is away for less than a minute costs no version. At the start the whole server
  # waits for these tries and then ends, so that a longer outage is the restart policy's to bridge.
  --max_num_load_retries=5
  --load_retry_interval_micros=10000000

  # Calls beyond are refused with RESOURCE_EXHAUSTED; the default is four per processor. Enough for
  # twenty gateways with two calls out for each of three models in two versions.
  --grpc_max_threads=256

  # A gateway's connection ends after half a minute, once its calls are done, and the gateway asks
  # DNS anew: within that time a new replica gets its share.
  --grpc_channel_arguments=grpc.max_connection_age_ms=30000

  # Not on: answers as one run of bytes. Numbers would be read 2 us faster, but the class names
  # beside them must then be cut out one by one: 33 us more for 32 pictures, in the gateway.
  --enable_serialization_as_tensor_content=false

  # For probes. The port opens only when every model is available, so an answer means ready.
  --enable_grpc_healthcheck_service=true

  # On by default, and open to whoever reaches the port.
  --enable_profiler=false

  --tensorflow_intra_op_parallelism="$processors"
  --tensorflow_inter_op_parallelism="$processors"
)

if [[ -n ${TF_SERVING_BATCHING:-} ]]; then
  batching="$configuration/batching-$TF_SERVING_BATCHING.config"
  if [[ ! -f $batching ]]; then
    echo "TF_SERVING_BATCHING is '$TF_SERVING_BATCHING', but there is no $batching: use cpu or gpu" >&2
    exit 2
  fi
  flags+=(--enable_batching=true --batching_parameters_file="$batching")
fi

# Half the time of convolutions and products of matrices, in numbers of 8 bits' precision. A processor
# without them imitates them slowly, or not at all.
if [[ -n ${TF_SERVING_MIXED_PRECISION:-} ]]; then
  if grep -qwE "avx512_bf16|amx_bf16" /proc/cpuinfo; then
    flags+=(--mixed_precision="$TF_SERVING_MIXED_PRECISION")
  else
    echo "TF_SERVING_MIXED_PRECISION is left out: this processor has no bfloat16" >&2
  fi
fi

exec tensorflow_model_server "${flags[@]}" "$@"
