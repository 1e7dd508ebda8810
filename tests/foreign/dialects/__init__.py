"""Every way to ask the gateway for tensors, each spoken without anything of ours."""

from tests.foreign.dialects.asking import Dialect, no_small_floats
from tests.foreign.dialects.open_inference_grpc import ask_raw, ask_typed
from tests.foreign.dialects.open_inference_http import ask_binary, ask_json, takes_json
from tests.foreign.dialects.tf_serving_grpc import ask_predict
from tests.foreign.dialects.tf_serving_rest import ask_columns, ask_rows, takes_columns, takes_rows

DIALECTS = {
    "v1_rows": Dialect(ask_rows, takes_rows, tells_dtypes=False),
    "v1_columns": Dialect(ask_columns, takes_columns, tells_dtypes=False),
    "v2_json": Dialect(ask_json, takes_json),
    "v2_binary": Dialect(ask_binary),
    "open_inference_grpc_raw": Dialect(ask_raw),
    "open_inference_grpc_typed": Dialect(ask_typed, no_small_floats),
    "tf_serving_grpc": Dialect(ask_predict),
}
