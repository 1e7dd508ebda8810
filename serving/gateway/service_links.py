"""What Kubernetes says, in variables, of each Service to the containers beside it.

A Service called `tfgate-metrics` sets TFGATE_METRICS_PORT=tcp://10.0.0.7:80 and six more, which
have nothing to do with settings of the same names (`enableServiceLinks` in Kubernetes' reference).
"""

import re

_NAME = re.compile(
    r"(.+_)?(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_ADDRESS = re.compile(r"(tcp|udp|sctp)://(\[[0-9a-f:]+\]|[0-9.]+):[0-9]+")


def is_service_link(variable: str, value: str) -> bool:
    """Tell whether a variable can only come from Kubernetes."""
    is_port = variable.endswith("_PORT") and _ADDRESS.fullmatch(value) is not None
    return is_port or _NAME.fullmatch(variable) is not None
