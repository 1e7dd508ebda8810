"""The gateway's settings; each can be given as an environment variable with the prefix TFGATE_."""

from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class WrongSettings(Exception):
    """A setting is out of its bounds; the message names it."""


class Settings(BaseSettings):
    """Every knob of the gateway, with its unit, its bounds and the reason for its default."""

    model_config = SettingsConfigDict(env_prefix="TFGATE_", frozen=True)

    host: str = Field(default="127.0.0.1", description="address to listen on; private until told")
    port: int = Field(default=8000, ge=0, le=65535, description="0 takes any free port")
    model_server: str = Field(
        default="127.0.0.1:8500",
        min_length=1,
        description="gRPC target of TensorFlow Serving; dns:///NAME:8500 spreads over its replicas",
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
        description="time to ask for states, signatures and cards; below a probe's usual limit",
    )
    max_body_bytes: int = Field(
        default=32_000_000,
        ge=1_000,
        le=1_000_000_000,
        description="largest body read; four pictures of the largest size as base64 fit",
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
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG also shows the probes' requests"
    )


def read_settings(**given: Any) -> Settings:
    """Read the settings from the environment; those that are given here come first.

    Raises:
        WrongSettings: one is out of its bounds.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        wrong = "; ".join(f"{each['loc'][0]}: {each['msg']}" for each in error.errors())
        message = f"wrong settings (options or TFGATE_… variables): {wrong}"
        raise WrongSettings(message) from error
