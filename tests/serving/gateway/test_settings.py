"""A gateway that is set wrongly does not start, and says what is wrong."""

import os
from pathlib import Path

import pytest

from serving.gateway.middleware.keys import WrongKeys, read_keys
from serving.gateway.server.run import run
from serving.gateway.settings import Settings, WrongSettings, read_settings
from serving.models import MODELS
from tests import stack
from tests.certificates import Authority
from tfgate.keys import create

EVERYWHERE = "0.0.0.0"  # noqa: S104  # a public address is what is tested
GOOD_KEY = '{"name": "shop", "sha256": "%s"}' % ("0" * 64)


def accepted(**variables: str) -> Settings:
    """Read settings, and the keys that they name, as a gateway does before it listens.

    Raises:
        WrongKeys, WrongSettings: it would not start.
    """
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("TFGATE_")]:
            environment.delenv(name)
        for name, value in variables.items():
            environment.setenv(f"TFGATE_{name.upper()}", value)
        settings = read_settings()
    if settings.keys_file is not None:
        read_keys(settings.keys_file, MODELS)
    return settings


def refusal(**variables: str) -> str:
    """Return why a gateway would not start with these settings."""
    with pytest.raises((WrongKeys, WrongSettings)) as refused:
        accepted(**variables)
    return str(refused.value)


def test_a_model_that_is_required_must_exist() -> None:
    with pytest.raises(WrongSettings, match=r"TFGATE_REQUIRED_MODELS: .*tickets.*housing"):
        run(read_settings(required_models="housing,tickets"))


def test_what_is_refused_is_told_in_one_line_and_ends_the_program(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("nonsense")

    assert stack.refusal(host=EVERYWHERE).startswith("tfgate: wrong settings")
    for workers in ("1", "2"):
        message = stack.refusal(keys_file=str(tmp_path / "keys"), workers=workers)
        assert f"{tmp_path / 'keys'}:1: " in message


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "gateway.example"])
def test_a_public_address_needs_keys_or_a_word(host: str) -> None:
    message = refusal(host=host)

    assert host in message
    assert "TFGATE_KEYS_FILE" in message
    assert "TFGATE_ALLOW_ANONYMOUS" in message


def test_a_public_address_is_served_when_told_so() -> None:
    assert accepted(host=EVERYWHERE, allow_anonymous="true").host == EVERYWHERE


def test_a_public_address_is_served_with_keys(tmp_path: Path) -> None:
    create(tmp_path / "keys", "shop")
    assert accepted(host=EVERYWHERE, keys_file=str(tmp_path / "keys")).host == EVERYWHERE


@pytest.mark.parametrize(
    ("lines", "number", "what"),
    [
        (["nonsense"], 1, "JSON"),
        ([GOOD_KEY, '{"name": "half"'], 2, "JSON"),
        ([GOOD_KEY, "", '{"name": "other", "sha256": "12"}'], 3, "sha256"),
        ([GOOD_KEY, GOOD_KEY], 2, "a key named shop already"),
        ([GOOD_KEY, GOOD_KEY.replace("shop", "other")], 2, "this sha256 already"),
        ([GOOD_KEY[:-1] + ', "rates": ["often"]}'], 1, "one is 50/second"),
        ([GOOD_KEY[:-1] + ', "rates": ["0/second"]}'], 1, "let nothing through"),
        ([GOOD_KEY[:-1] + ', "rates": ["50/second;2/day"]}'], 1, "each rate by itself"),
        ([GOOD_KEY[:-1] + ', "models": ["weather"]}'], 1, "weather"),
        ([GOOD_KEY[:-1] + ', "color": "red"}'], 1, "color"),
    ],
)
def test_a_malformed_file_of_keys_is_named_with_its_line(
    tmp_path: Path, lines: list[str], number: int, what: str
) -> None:
    file = tmp_path / "keys.jsonl"
    file.write_text("\n".join(lines))

    message = refusal(keys_file=str(file))

    assert f"{file}:{number}: " in message
    assert what in message


def test_a_missing_file_of_keys_is_named(tmp_path: Path) -> None:
    assert "TFGATE_KEYS_FILE" in refusal(keys_file=str(tmp_path / "none"))


def test_a_file_of_keys_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(b"\xff\xfe")

    assert str(tmp_path / "keys") in refusal(keys_file=str(tmp_path / "keys"))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("drain_second", "; did you mean TFGATE_DRAIN_SECONDS?"),
        ("metric_port", "; did you mean TFGATE_METRICS_PORT?"),
        ("colour", ""),
    ],
)
def test_a_name_that_is_no_setting_is_told_with_the_nearest(name: str, meant: str) -> None:
    message = refusal(**{name: "5"})

    assert message == f"wrong settings: TFGATE_{name.upper()} is none{meant}"


def test_what_kubernetes_says_of_services_is_no_setting() -> None:
    said = {
        "service_host": "10.0.0.7",
        "gateway_service_port": "80",
        "gateway_service_port_http": "80",
        "gateway_port": "tcp://10.0.0.7:80",
        "gateway_port_80_tcp": "tcp://10.0.0.7:80",
        "gateway_port_80_tcp_addr": "10.0.0.7",
    }
    assert accepted(**said) == accepted()


def test_metrics_need_a_port_of_their_own() -> None:
    assert "TFGATE_METRICS_PORT" in refusal(port="8000", metrics_port="8000")


def test_half_an_identity_is_none(tmp_path: Path) -> None:
    (tmp_path / "pem").touch()

    assert "go together" in refusal(model_server_certificate_file=str(tmp_path / "pem"))


@pytest.mark.parametrize("origin", ["https://shop.example/", "shop.example", "https://*.example"])
def test_an_origin_that_can_never_match_is_refused(origin: str) -> None:
    assert origin in refusal(cors_origins=f"https://good.example,{origin}")


def test_a_file_without_certificates_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("hello")

    assert str(tmp_path / "ca.pem") in refusal(model_server_ca_file=str(tmp_path / "ca.pem"))


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours, other = authority.issue("gateway.example"), authority.issue("other.example")

    message = refusal(
        model_server_ca_file=str(authority.certificate),
        model_server_certificate_file=str(ours.certificate),
        model_server_private_key_file=str(other.private_key),
    )

    assert str(ours.certificate) in message


@pytest.mark.parametrize("path", ["tfgate", "//tfgate", "/a/../b", "/a b", "https://x.example/a"])
def test_a_root_path_that_is_none_is_refused(path: str) -> None:
    assert repr(path) in refusal(root_path=path)


@pytest.mark.parametrize("proxy", ["proxy.example", "10.0.0.1/8", "10.0.0.0/33", "*"])
def test_a_proxy_that_has_no_address_is_refused(proxy: str) -> None:
    message = refusal(trusted_proxies=f"127.0.0.1,{proxy}")

    assert proxy in message
    assert "10.0.0.0/8" in message
