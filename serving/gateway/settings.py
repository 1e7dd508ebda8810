"""The gateway's settings; each can be given as an environment variable with the prefix TFGATE_."""

import ipaddress
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Annotated, Any, Literal, Self

from pydantic import Field, FilePath, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_PREFIX = "TFGATE_"
# What else begins so: what clients of the gateway read, and what Kubernetes says of each service to
# the containers beside it.
_NO_SETTINGS = re.compile(
    "TFGATE_(API_KEY|LOADTEST_PIPE|(.+_)?SERVICE_(HOST|PORT(_.+)?)|(.+_)?PORT_[0-9]+_(TCP|UDP)(_.+)?)"
)


class WrongSettings(Exception):
    """A setting is out of its bounds, or there is no such setting; the message names it."""


class Settings(BaseSettings):
    """Every knob of the gateway, with its unit, its bounds and the reason for its default."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True)

    host: str = Field(default="127.0.0.1", description="address to listen on; private until told")
    port: int = Field(default=8000, ge=0, le=65535, description="0 takes any free port")
    metrics_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="port of /metrics alone, for which no key is needed; if left out, /metrics is "
        "among the rest, or nowhere if there are keys",
    )
    keys_file: FilePath | None = Field(
        default=None,
        description="API keys, as tfgate keys create writes them; everybody may ask if left out",
    )
    allow_anonymous: bool = Field(
        default=False,
        description="serve without keys on an address that others can reach",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="web pages that may ask from browsers, with commas between; * is all",
    )
    model_server: str = Field(
        default="127.0.0.1:8500",
        min_length=1,
        description="gRPC target of TensorFlow Serving; dns:///NAME:8500 spreads over its replicas",
    )
    model_server_ca_file: FilePath | None = Field(
        default=None,
        description="PEM certificates that the model server's is checked against; plain text if "
        "left out",
    )
    model_server_certificate_file: FilePath | None = Field(
        default=None, description="PEM certificate shown to a model server that asks for one"
    )
    model_server_private_key_file: FilePath | None = Field(
        default=None, description="PEM private key of that certificate"
    )
    predict_timeout_seconds: float = Field(
        default=5,
        gt=0,
        le=300,
        description="time for one prediction; a full batch of long texts takes about one second",
    )
    status_timeout_seconds: float = Field(
        default=2,
        gt=0,
        le=60,
        description="time to ask for states and cards, and for a new version's first question; "
        "below a probe's usual limit",
    )
    max_body_bytes: int = Field(
        default=32_000_000,
        ge=1_000,
        le=1_000_000_000,
        description="largest body read; four pictures of the largest size as base64 fit",
    )
    max_header_bytes: int = Field(
        default=32_768,
        ge=1_000,
        le=1_000_000,
        description="largest request line and header lines together; browsers send a tenth",
    )
    header_seconds: float = Field(
        default=10,
        gt=0,
        le=300,
        description="time for a request's line and headers to arrive; a body has the prediction's",
    )
    max_calls_in_flight: int = Field(
        default=2,
        ge=1,
        le=64,
        description="calls of one servable at once; while one is computed, the next is on its way",
    )
    max_requests_per_model: int = Field(
        default=128,
        ge=8,
        le=65_536,
        description="most predictions of one model at work at once; more of them fill no call, "
        "and only wait. The adaptive limit stays below",
    )
    max_requests: int = Field(
        default=1024,
        ge=8,
        le=65_536,
        description="most predictions inside at once, those included whose body still arrives; "
        "above the limits of all models together, so that none can shut out the others",
    )
    workers: int = Field(
        default=1,
        ge=1,
        le=128,
        description="processes that serve; more than one pays only on processors that idle",
    )
    drain_seconds: float = Field(
        default=5,
        ge=0,
        le=300,
        description="time after SIGTERM in which all is still answered while readiness is refused; "
        "a load balancer must notice within it",
    )
    shutdown_grace_seconds: int = Field(
        default=20,
        ge=0,
        le=600,
        description="time for requests in progress to finish; longer than any may take",
    )
    tracing: bool = Field(
        default=False,
        description="send traces, as OpenTelemetry's OTEL_… variables say; needs tfgate[tracing]",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG also shows the probes' requests"
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="auto writes text to a terminal, and JSON everywhere else"
    )

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(origin.strip() for origin in value.split(",") if origin.strip())

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if origin != "*" and not re.fullmatch(r"https?://[^/*\s]+", origin):
                message = f"{origin!r} is no origin; one is https://shop.example, without a path"
                raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _is_guarded(self) -> Self:
        if self.keys_file is None and not self.allow_anonymous and not _is_loopback(self.host):
            message = (
                f"{self.host} can be reached by others, and nobody needs a key: name a file of "
                "keys in TFGATE_KEYS_FILE (tfgate keys create makes one), or set "
                "TFGATE_ALLOW_ANONYMOUS=true if that is meant"
            )
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _has_whole_identity(self) -> Self:
        certificate, key = self.model_server_certificate_file, self.model_server_private_key_file
        if (certificate is None) != (key is None):
            message = (
                "TFGATE_MODEL_SERVER_CERTIFICATE_FILE and TFGATE_MODEL_SERVER_PRIVATE_KEY_FILE "
                "go together"
            )
            raise ValueError(message)
        if certificate is not None and self.model_server_ca_file is None:
            message = (
                "a certificate of our own is only shown over TLS: "
                "set TFGATE_MODEL_SERVER_CA_FILE, too"
            )
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _has_good_certificates(self) -> Self:
        # gRPC would start with anything, and then fail for ever.
        file = self.model_server_ca_file
        if file is None:
            return self
        try:
            context = ssl.create_default_context(cafile=file)
            if (file := self.model_server_certificate_file) is not None:
                context.load_cert_chain(file, self.model_server_private_key_file)
        except OSError as error:
            message = f"{file} holds no PEM certificate, or not the one of the private key: {error}"
            raise ValueError(message) from error
        return self

    @field_validator("tracing")
    @classmethod
    def _can_trace(cls, value: bool) -> bool:
        if value and find_spec("opentelemetry") is None:
            message = "OpenTelemetry is not installed: pip install 'tfgate[tracing]'"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _has_two_ports(self) -> Self:
        if self.metrics_port == self.port:
            message = "TFGATE_PORT and TFGATE_METRICS_PORT are the same"
            raise ValueError(message)
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_settings(**given: Any) -> Settings:
    """Read the settings from the environment; those that are given here come first.

    Raises:
        WrongSettings: one is out of its bounds, or a variable is none.
    """
    if unknown := "; ".join(_unknown(os.environ)):
        message = f"wrong settings: {unknown}"
        raise WrongSettings(message)
    try:
        return Settings(**given)
    except ValidationError as error:
        wrong = "; ".join(map(_told, error.errors()))
        message = f"wrong settings (variables, or options of these names): {wrong}"
        raise WrongSettings(message) from error


def _unknown(variables: Mapping[str, str]) -> Iterator[str]:
    """Say of each variable that looks like a setting, and is none, which one may be meant."""
    settings = [_variable(name) for name in Settings.model_fields]
    for variable, value in variables.items():
        name = variable.upper()
        if not name.startswith(_PREFIX) or name in settings:
            continue
        if _NO_SETTINGS.fullmatch(name) or value.startswith(("tcp://", "udp://")):
            continue
        nearest = get_close_matches(name, settings, n=1, cutoff=0.8)
        yield f"{variable} is none" + "".join(f"; did you mean {each}?" for each in nearest)


def _variable(name: str) -> str:
    return _PREFIX + name.upper()


def _told(error: ErrorDetails) -> str:
    what = error["msg"].removeprefix("Value error, ")
    return ": ".join([*(_variable(str(name)) for name in error["loc"][:1]), what])
