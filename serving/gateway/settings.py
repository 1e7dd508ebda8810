"""The gateway's settings; each can be given as an environment variable with the prefix TFGATE_."""

import ipaddress
import os
import re
import ssl
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from serving.gateway.certificates import check_pair, load_authorities, load_pair
from serving.gateway.service_links import is_service_link
from serving.gateway.setting_words import bounds, takes
from serving.gateway.store import check_store, is_redis
from serving.gateway.target import check_target

_PREFIX = "TFGATE_"
ANY_MODEL = "*"
# Segments of letters, digits, dots, hyphens, underscores and tildes, none of which leads elsewhere.
ROOT_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)+")
_READ_BY_OTHERS = {"TFGATE_API_KEY", "TFGATE_LOADTEST_PIPE"}  # clients of the gateway
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
# Python would also take 1_000 and 1e3, nan and digits of any script.
_PLAIN_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
_MAX_TOLD = 200  # characters of a value


class WrongSettings(Exception):
    """A setting is out of its bounds, or there is no such setting; the message names it."""


def _readable(path: Path) -> Path:
    try:
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "does not exist, or is no file"
            message = f"{str(path)[:_MAX_TOLD]!r} {what}"
            raise ValueError(message)
        path.open("rb").close()
    except OSError as error:
        message = f"{str(path)[:_MAX_TOLD]!r} cannot be read: {error.strerror}"
        raise ValueError(message) from error
    return path


def _enterable(path: Path) -> Path:
    if not path.is_dir():
        what = "is a file" if path.exists() else "does not exist"
        message = f"{str(path)[:_MAX_TOLD]!r} {what}; it takes a folder"
        raise ValueError(message)
    if not os.access(path, os.R_OK | os.X_OK):
        message = f"{str(path)[:_MAX_TOLD]!r} may not be read by this user"
        raise ValueError(message)
    return path


File = Annotated[Path, AfterValidator(_readable)]
Folder = Annotated[Path, AfterValidator(_enterable)]


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
    grpc_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="port for gRPC, of which Triton's is 8001; 0 takes any free port, and without "
        "one there is no gRPC",
    )
    grpc_certificate_file: File | None = Field(
        default=None,
        description="PEM certificate of that port, intermediate ones behind it; plain text if left "
        "out",
    )
    grpc_private_key_file: File | None = Field(
        default=None, description="PEM private key of that certificate"
    )
    grpc_client_ca_file: File | None = Field(
        default=None,
        description="PEM certificates that vouch for gRPC's clients; if set, whoever has none is "
        "turned away",
    )
    keys_file: File | None = Field(
        default=None,
        description="API keys, as tfgate keys create writes them; everybody may ask if left out",
    )
    allow_anonymous: bool = Field(
        default=False,
        description="serve without keys on an address that others can reach",
    )
    store: str = Field(
        default="sqlite",
        repr=False,  # it may hold a password
        description="what gateways share: redis://…, rediss://… or a file, sqlite:///…; sqlite is "
        "a file that ends with this gateway, none is nothing. Over Redis, keys' rates are counted "
        "by all of them together; needs tfgate[redis]",
    )
    feedback_seconds: int = Field(
        default=604_800,
        ge=1,
        le=31_536_000,
        description="how long answers are kept in the store for feedback to be joined to; a week",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="web pages that may ask from browsers, with commas between; * is all",
    )
    root_path: str = Field(
        default="",
        description="path under which a proxy shows the gateway, such as /tfgate; with or without "
        "it, requests are understood",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="proxies' addresses and networks, with commas between; they are believed what "
        "X-Forwarded-For, -Proto and -Prefix say, or Forwarded",
    )
    model_server: str = Field(
        default="127.0.0.1:8500",
        description="gRPC target of TensorFlow Serving; dns:///NAME:8500 spreads over its "
        "replicas, xds:///NAME asks a control plane, unix:FILE is a socket on this machine",
    )
    model_server_ca_file: File | None = Field(
        default=None,
        description="PEM certificates that the model server's is checked against; plain text if "
        "left out",
    )
    model_server_certificate_file: File | None = Field(
        default=None, description="PEM certificate shown to a model server that asks for one"
    )
    model_server_private_key_file: File | None = Field(
        default=None, description="PEM private key of that certificate"
    )
    models_path: Folder | None = Field(
        default=None,
        description="folder of typed models, a file each, beside tfgate's own and those of "
        "installed packages; tfgate new-model writes such files",
    )
    generic_models: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(ANY_MODEL,),
        description="models that may be asked although there is no file for them, by what "
        "the model server tells of them, with commas between; * is all, nothing is none",
    )
    models_config: File | None = Field(
        default=None,
        description="models.config that the model server reads: then the models are those that it "
        "lists, also when it changes",
    )
    releases: Path | None = Field(
        default=None,
        description="file of releases, or a folder of them: which version answers which share of "
        "a model's traffic; tfgate release writes it. It is followed, and may come later",
    )
    publish_without_traffic: bool = Field(
        default=False,
        description="a new version gets no traffic before a release names it: of a model without a "
        "release, the oldest version that can answer does, and not the newest",
    )
    keep_disagreeing_inputs: bool = Field(
        default=False,
        description="keep the inputs, and not only their digest, of the last requests that two "
        "versions have answered otherwise; they may be somebody's secret",
    )
    drift_histograms: Path | None = Field(
        default=None,
        description="folder of MODEL.json, each a list of histograms of the training, as "
        "GET /models/MODEL/drift is counted in; for models whose versions tell none, whose bins "
        "are else learned from the first 1,000 rows",
    )
    prediction_log: str | None = Field(
        default=None,
        repr=False,  # an address may hold a password
        description="where predictions are logged: a folder's whole path, or an http:// or "
        "https:// address that takes CloudEvents as KServe's logger sends them",
    )
    prediction_log_format: Literal["jsonl", "parquet"] = Field(
        default="jsonl", description="of files; parquet needs tfgate[parquet]"
    )
    prediction_log_percent: float = Field(
        default=100, gt=0, le=100, description="share of the requests that are logged, in percent"
    )
    prediction_log_inputs: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("*=leave-out",),
        description="what becomes of each input, with commas between: NAME=keep, NAME=hash or "
        "NAME=leave-out; * is all that are not named. Inputs may be somebody's secret",
    )
    prediction_log_key_file: File | None = Field(
        default=None,
        description="file of a secret of 16 bytes or more, with which inputs are hashed: equal "
        "ones stay equal in all processes that have it; without it, in one process",
    )
    prediction_log_bytes: int = Field(
        default=1_000_000_000,
        ge=1_000_000,
        description="most that a folder's files may have together: the oldest are taken away",
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
    required_models: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="models without any of which the gateway is not ready, with commas between; if "
        "left out, one that can be asked is enough",
    )
    max_body_bytes: int = Field(
        default=32_000_000,
        ge=1_000,
        le=1_000_000_000,
        description="largest body read; a photograph of the largest size as base64 fits",
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
        default=128,
        ge=1,
        le=1_024,
        description="most calls of one servable at once; as many as pay are chosen by measuring, "
        "beginning with two",
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

    def known_models(self, typed: Iterable[str]) -> set[str] | None:
        """Return the models that keys and settings may name; None where nobody knows them all."""
        if self.models_config is not None or ANY_MODEL in self.generic_models:
            return None
        return {*typed, *self.generic_models}

    @model_validator(mode="before")
    @classmethod
    def _without_service_links(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {
            name: value
            for name, value in values.items()
            if not (isinstance(value, str) and is_service_link(_variable(name), value))
        }

    @field_validator("*", mode="before")
    @classmethod
    def _is_plain(cls, value: Any, info: ValidationInfo) -> Any:
        kind = cls.model_fields[info.field_name or ""].annotation
        is_number = kind in {int, float, int | None}
        if is_number and isinstance(value, str) and not _PLAIN_NUMBER.fullmatch(value.strip()):
            message = f"{value[:_MAX_TOLD]!r} is no number in plain digits"
            raise ValueError(message)
        return value

    @field_validator("host")
    @classmethod
    def _is_host(cls, value: str) -> str:
        if not _HOST_NAME.fullmatch(value) and not _is_address(value):
            message = f"{value[:_MAX_TOLD]!r} is no host; give an address or a name, without a port"
            raise ValueError(message)
        return value

    @field_validator("model_server")
    @classmethod
    def _is_target(cls, value: str) -> str:
        return check_target(value)

    @field_validator("store")
    @classmethod
    def _is_store(cls, value: str) -> str:
        if is_redis(check_store(value)) and find_spec("redis") is None:
            message = "the client of Redis is not installed: pip install 'tfgate[redis]'"
            raise ValueError(message)
        return value

    @field_validator(
        *("cors_origins", "generic_models", "required_models", "trusted_proxies"),
        "prediction_log_inputs",
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(each.strip() for each in value.split(",") if each.strip())

    @field_validator("prediction_log")
    @classmethod
    def _is_log(cls, value: str | None) -> str | None:
        is_address = value is not None and re.fullmatch(r"https?://[^/\s]+(/\S*)?", value)
        if value is None or is_address or Path(value).is_absolute():
            return value
        message = "is no folder's whole path, and no http:// or https:// address"
        raise ValueError(message)

    @field_validator("prediction_log_format")
    @classmethod
    def _is_installed(cls, value: str) -> str:
        if value == "parquet" and find_spec("pyarrow") is None:
            message = "what writes Parquet is not installed: pip install 'tfgate[parquet]'"
            raise ValueError(message)
        return value

    @field_validator("prediction_log_inputs")
    @classmethod
    def _are_ways(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            name, _, way = each.rpartition("=")
            if not name or way not in {"keep", "hash", "leave-out"}:
                message = f"{each[:_MAX_TOLD]!r} is none; write NAME=keep, =hash or =leave-out"
                raise ValueError(message)
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if origin != "*" and not re.fullmatch(r"https?://[^/*\s]+", origin):
                message = f"{origin!r} is no origin; one is https://shop.example, without a path"
                raise ValueError(message)
        return value

    @field_validator("root_path")
    @classmethod
    def _is_root_path(cls, value: str) -> str:
        value = value.rstrip("/")
        if value and not ROOT_PATH.fullmatch(value):
            message = f"{value!r} is no path of plain segments; one is /tfgate, or /ml/tfgate"
            raise ValueError(message)
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            try:
                ipaddress.ip_network(each)
            except ValueError as error:
                message = f"{error}; addresses are 10.0.0.7 or ::1, networks 10.0.0.0/8 or fd00::/8"
                raise ValueError(message) from error
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
    def _can_speak_tls_to_model_server(self) -> Self:
        certificate, key = self.model_server_certificate_file, self.model_server_private_key_file
        check_pair("TFGATE_MODEL_SERVER", certificate, key)
        if self.model_server_ca_file is None:
            if certificate is not None:
                message = (
                    "a certificate of our own is only shown over TLS: "
                    "set TFGATE_MODEL_SERVER_CA_FILE, too"
                )
                raise ValueError(message)
            return self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        load_authorities(context, "TFGATE_MODEL_SERVER_CA_FILE", self.model_server_ca_file)
        if certificate is not None:
            load_pair(context, "TFGATE_MODEL_SERVER", certificate, key)
        return self

    @model_validator(mode="after")
    def _can_speak_tls_to_grpc_clients(self) -> Self:
        certificate, key = self.grpc_certificate_file, self.grpc_private_key_file
        check_pair("TFGATE_GRPC", certificate, key)
        if certificate is None:
            if self.grpc_client_ca_file is not None:
                message = (
                    "clients show certificates only over TLS: "
                    "set TFGATE_GRPC_CERTIFICATE_FILE, too, or leave TFGATE_GRPC_CLIENT_CA_FILE out"
                )
                raise ValueError(message)
            return self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        load_pair(context, "TFGATE_GRPC", certificate, key)
        if self.grpc_client_ca_file is not None:
            load_authorities(context, "TFGATE_GRPC_CLIENT_CA_FILE", self.grpc_client_ca_file)
        return self

    @field_validator("tracing")
    @classmethod
    def _can_trace(cls, value: bool) -> bool:
        if value and find_spec("opentelemetry") is None:
            message = "OpenTelemetry is not installed: pip install 'tfgate[tracing]'"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _has_ports_of_their_own(self) -> Self:
        ports = {
            "TFGATE_PORT (or --port)": self.port,
            "TFGATE_METRICS_PORT": self.metrics_port,
            "TFGATE_GRPC_PORT": self.grpc_port,
        }
        for (one, port), (other, same) in combinations(ports.items(), 2):
            if port == same and port:
                message = f"{one} and {other} are both {port}; choose two ports"
                raise ValueError(message)
        return self


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback if _is_address(host) else host == "localhost"


def read_settings(**given: Any) -> Settings:
    """Read the settings from the environment; the options that are given here come first.

    Raises:
        WrongSettings: one is out of its bounds, or a variable is none.
    """
    if unknown := "; ".join(_unknown(os.environ)):
        message = f"wrong settings: {unknown}"
        raise WrongSettings(message)
    with _told(given):
        return Settings(**given)


def settings_of_parent(line: str) -> Settings:
    """Read the settings that another process has read before, and passes on as JSON.

    Raises:
        WrongSettings: one has become wrong since, such as a file that has gone.
    """
    with _told(()):
        return Settings.model_validate_json(line)


def service_links() -> list[str]:
    """Name the variables that look like settings, and are what Kubernetes says of Services."""
    settings = map(_variable, Settings.model_fields)
    return [name for name in settings if is_service_link(name, os.environ.get(name, ""))]


def _unknown(variables: Mapping[str, str]) -> Iterator[str]:
    """Say of each variable that looks like a setting, and is none, which one may be meant."""
    settings = [_variable(name) for name in Settings.model_fields]
    for variable, value in variables.items():
        name = variable.upper()
        if not name.startswith(_PREFIX) or name in settings or name in _READ_BY_OTHERS:
            continue
        if is_service_link(name, value):
            continue
        nearest = get_close_matches(name, settings, n=1, cutoff=0.8)
        meant = f"did you mean {nearest[0]}?" if nearest else "docs/settings.md lists them"
        yield f"{variable} is no setting; {meant}"


def _variable(name: str) -> str:
    return _PREFIX + name.upper()


@contextmanager
def _told(options: Collection[str]) -> Iterator[None]:
    """Say in one sentence what is wrong, with each setting's name as it was given."""
    try:
        yield
    except ValidationError as error:
        wrong = "; ".join(_wrong(each, options) for each in error.errors())
        message = f"wrong settings: {wrong}"
        raise WrongSettings(message) from error


def _wrong(error: ErrorDetails, options: Collection[str]) -> str:
    what = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return what
    name = str(error["loc"][0])
    given = f"--{name.replace('_', '-')}" if name in options else _variable(name)
    schema = Settings.model_json_schema()["properties"][name]
    takes_what = ", ".join([takes(schema), *bounds(schema)])
    if error["type"] != "value_error":
        return f"{given} is {str(error['input'])[:_MAX_TOLD]!r}; it takes {takes_what}"
    if takes(schema) in {"number", "whole number"}:
        return f"{given}: {what}; it takes {takes_what}"
    return f"{given}: {what}"
