"""Writes docs/settings.md from the gateway's settings class; `make settings` runs it."""

from pathlib import Path
from typing import Any

from serving.gateway.setting_words import bounds, takes
from serving.gateway.settings import Settings

PAGE = Path(__file__).parents[1] / "docs/settings.md"

# In the order of the page; a test sees that every setting is in one of them.
GROUPS = {
    "Where it listens": ["host", "port", "metrics_port"],
    "gRPC": ["grpc_port", "grpc_certificate_file", "grpc_private_key_file", "grpc_client_ca_file"],
    "Who may ask": ["keys_file", "allow_anonymous", "cors_origins"],
    "What gateways share": ["store", "feedback_seconds"],
    "Behind proxies": ["root_path", "trusted_proxies"],
    "The model server": [
        *("model_server", "model_server_ca_file", "model_server_certificate_file"),
        "model_server_private_key_file",
    ],
    "Models": ["models_path", "generic_models", "models_config"],
    "Drift": ["drift_histograms"],
    "Prediction log": [
        *("prediction_log", "prediction_log_format", "prediction_log_percent"),
        *("prediction_log_inputs", "prediction_log_key_file", "prediction_log_bytes"),
    ],
    "Releases": ["releases", "publish_without_traffic", "keep_disagreeing_inputs"],
    "Time": ["predict_timeout_seconds", "status_timeout_seconds", "header_seconds"],
    "Size": ["max_body_bytes", "max_header_bytes"],
    "Readiness": ["required_models"],
    "Load": ["max_calls_in_flight", "max_requests_per_model", "max_requests", "workers"],
    "Stopping": ["drain_seconds", "shutdown_grace_seconds"],
    "What it tells": ["log_level", "log_format", "tracing"],
}
# The part of a name that says what is counted.
_UNITS = {
    "seconds": "seconds",
    "bytes": "bytes",
    "calls": "calls",
    "requests": "requests",
    "workers": "processes",
}

_HEAD = """\
# Settings of the gateway

Written by `make settings` from `serving/gateway/settings.py`; a change by hand does not last.

Each setting is an environment variable. `tfgate gateway` also takes some of them as options, which
then count (`tfgate gateway --help`). A value out of its bounds, or a variable that begins with
`TFGATE_` and is no setting, ends the start with a message that names it.
"""
_FOOT = """
## Together

- Without `TFGATE_KEYS_FILE`, a `TFGATE_HOST` that others can reach is refused, unless
  `TFGATE_ALLOW_ANONYMOUS=true`.
- `TFGATE_PORT` and `TFGATE_METRICS_PORT` differ.
- `TFGATE_MODEL_SERVER_CERTIFICATE_FILE` and `TFGATE_MODEL_SERVER_PRIVATE_KEY_FILE` go together, and
  need `TFGATE_MODEL_SERVER_CA_FILE`. All of them are read at the start, and must be PEM.

## Variables that are read elsewhere

| variable | who reads it |
|---|---|
| `TFGATE_API_KEY` | `tfgate predict`, `models` and `loadtest`: the key that they show |
| `TFGATE_KEYS_FILE` | `tfgate keys` too |
| `OTEL_…` | OpenTelemetry, with `TFGATE_TRACING=true`: where traces go, and how many |
"""


def settings_page() -> str:
    """Return the page: a table for each group, a row for each setting."""
    return _HEAD + "".join(_table(title, names) for title, names in GROUPS.items()) + _FOOT


def _table(title: str, names: list[str]) -> str:
    settings = Settings.model_json_schema()["properties"]
    rows = [
        ["variable", "takes", "default", "bounds", "unit", "what it is"],
        ["---"] * 6,
        *(_row(name, settings[name]) for name in names),
    ]
    return f"\n## {title}\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(name: str, setting: dict[str, Any]) -> list[str]:
    units = [unit for part, unit in _UNITS.items() if part in name.split("_")]
    return [
        f"`TFGATE_{name.upper()}`",
        takes(setting),
        _default(setting["default"]),
        ", ".join(bounds(setting)),
        ", ".join(units[:1]),
        setting["description"],
    ]


def _default(value: Any) -> str:
    if value in (None, []):
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    PAGE.write_text(settings_page())
