"""A gateway that is set wrongly does not start, and says what is wrong."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

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
        run(read_settings(required_models="housing,tickets", generic_models=""))


def test_what_is_refused_is_told_in_one_line_and_ends_the_program(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("nonsense")

    assert stack.refusal(host=EVERYWHERE).startswith("tfgate: wrong settings")
    strange = stack.refusal(host="no-such-host.invalid", allow_anonymous="true")
    assert "--host or TFGATE_HOST" in strange
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
        (["nonsense"], 1, "JSON: expected ident at column 2"),
        ([GOOD_KEY, '{"name": "half"'], 2, "JSON"),
        ([GOOD_KEY, "", '{"name": "other", "sha256": "12"}'], 3, "sha256"),
        ([GOOD_KEY, GOOD_KEY], 2, "a key named shop already"),
        ([GOOD_KEY, GOOD_KEY.replace("shop", "other")], 2, "this sha256 already"),
        ([GOOD_KEY[:-1] + ', "rates": ["often"]}'], 1, "one is 50/second"),
        ([GOOD_KEY[:-1] + ', "rates": ["0/second"]}'], 1, "let nothing through"),
        ([GOOD_KEY[:-1] + ', "rates": ["5 lines/second"]}'], 1, "1000rows/minute"),
        ([GOOD_KEY[:-1] + ', "expires": "soon"}'], 1, "expires"),
        ([GOOD_KEY[:-1] + ', "expires": "2030-01-01T00:00:00"}'], 1, "timezone"),
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


def test_a_file_of_keys_may_come_from_any_editor(tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(b"\xef\xbb\xbf" + GOOD_KEY.encode() + b"\r\n\r\n")

    [key] = read_keys(tmp_path / "keys", MODELS)

    assert key.name == "shop"


def test_a_missing_file_of_keys_is_named(tmp_path: Path) -> None:
    assert "TFGATE_KEYS_FILE" in refusal(keys_file=str(tmp_path / "none"))


def test_a_file_of_keys_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(b"\xff\xfe")

    assert str(tmp_path / "keys") in refusal(keys_file=str(tmp_path / "keys"))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("drain_second", "did you mean TFGATE_DRAIN_SECONDS?"),
        ("metric_port", "did you mean TFGATE_METRICS_PORT?"),
        ("colour", "docs/settings.md lists them"),
    ],
)
def test_a_name_that_is_no_setting_is_told_with_the_nearest(name: str, meant: str) -> None:
    message = refusal(**{name: "5"})

    assert message == f"wrong settings: TFGATE_{name.upper()} is no setting; {meant}"


def test_what_kubernetes_says_of_services_is_no_setting() -> None:
    # A Service called tfgate, tfgate-gateway, tfgate-metrics or tfgate-model-server sets these.
    said = {
        "port": "tcp://10.0.0.7:80",
        "metrics_port": "udp://[fd00::7]:9000",
        "model_server_port": "sctp://10.0.0.7:8500",
        "model_server_service_port_grpc": "8500",
        "service_host": "10.0.0.7",
        "gateway_service_port": "80",
        "gateway_service_port_http": "80",
        "gateway_port": "tcp://10.0.0.7:80",
        "gateway_port_80_tcp": "tcp://10.0.0.7:80",
        "gateway_port_80_tcp_addr": "10.0.0.7",
    }
    assert accepted(**said) == accepted()


@pytest.mark.parametrize("value", ["http://10.0.0.7:80", "tcp://gateway:80", "tcp://", "10.0.0.7"])
def test_what_kubernetes_never_says_of_a_service_is_a_wrong_port(value: str) -> None:
    message = refusal(port=value)

    assert "TFGATE_PORT" in message
    assert value in message
    assert "whole number, at least 0, at most 65,535" in message


@pytest.mark.parametrize(
    "target",
    [
        *("127.0.0.1:8500", "localhost:1", "[::1]:65535", "model_server.tfgate.svc.:8500"),
        *("dns:///models:8500", "dns:models:8500", "dns://10.0.0.2/models:8500", "dns:8500"),
        "xds:8500",
        *("unix:/run/models.sock", "unix:models.sock", "unix:///run/models.sock"),
        *("unix-abstract:models", "ipv4:10.0.0.1:8500,10.0.0.2:8500", "ipv6:[::1]:1,[::2]:2"),
    ],
)
def test_what_grpc_can_reach_is_a_model_server(target: str) -> None:
    assert accepted(model_server=target).model_server == target


@pytest.mark.parametrize(
    ("target", "meant"),
    [
        ("http://models:8501", "Did you mean models:8501?"),
        (
            "HTTPS://models/v1/models",
            "Did you mean models:8500? For TLS, set TFGATE_MODEL_SERVER_CA_FILE",
        ),
        ("grpc://models:8500", "Did you mean models:8500?"),
        ("tcp://10.0.0.7:8500", "Did you mean 10.0.0.7:8500?"),
        ("grpcs://models:8500", "TFGATE_MODEL_SERVER_CA_FILE"),
        ("models", "Did you mean models:8500?"),
        (" models:8500", "Did you mean models:8500?"),
        ("models:8500/", "Did you mean models:8500?"),
        *(
            (target, "give HOST:PORT, dns:///HOST:PORT, unix:FILE, or ipv4:ADDRESS:PORT")
            for target in [
                *("", " ", ":", ":8500", "models:", "models:0", "models:65536", "models:http"),
                *("mod els:8500", "you@models:8500", "-models:8500", "::1:8500", "[::1]", "[x]:1"),
                *("10.0.0:8500", "10.0.0.256:8500", "dns:///models", "dns://models:8500"),
                *("unix:", "unix://", "unix://models.sock", f"unix:/{'x' * 107}", "unix-abstract:"),
                *("ipv4:models:8500", "ipv4:10.0.0.1", "ipv4:10.0.0.1:1,", "ipv6:10.0.0.1:8500"),
                *("a:8500,b:8500", "models:8500\n", "ipv6:::1:8500"),
                *("xds:", "xds:///", "xds:///mod els", "xds://models", "xds:////models"),
            ]
        ),
    ],
)
def test_a_model_server_that_can_never_be_reached_is_refused(target: str, meant: str) -> None:
    message = refusal(model_server=target)

    assert message.startswith(f"wrong settings: TFGATE_MODEL_SERVER: {target!r}")
    assert meant in message


@pytest.mark.parametrize("variable", ["GRPC_XDS_BOOTSTRAP", "GRPC_XDS_BOOTSTRAP_CONFIG"])
@pytest.mark.parametrize(
    "target", ["xds:///models", "xds:///models.tfgate:8500", "xds:models", "xds://plane/models"]
)
def test_a_name_of_a_control_plane_needs_one(
    target: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "set GRPC_XDS_BOOTSTRAP or GRPC_XDS_BOOTSTRAP_CONFIG" in refusal(model_server=target)

    monkeypatch.setenv(variable, "told")
    assert accepted(model_server=target).model_server == target


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("port", "1_000", "whole number, at least 0, at most 65,535"),
        ("port", "", "whole number, at least 0, at most 65,535"),
        ("port", "8000.5", "whole number, at least 0, at most 65,535"),
        ("port", "65536", "whole number, at least 0, at most 65,535"),
        ("workers", "1e1", "whole number, at least 1, at most 128"),
        ("workers", "two", "whole number, at least 1, at most 128"),
        ("workers", "\u0662", "whole number, at least 1, at most 128"),
        ("header_seconds", "nan", "number, more than 0, at most 300"),
        ("header_seconds", "inf", "number, more than 0, at most 300"),
        ("header_seconds", "10s", "number, more than 0, at most 300"),
        ("header_seconds", "1e1", "number, more than 0, at most 300"),
        ("header_seconds", "1_0", "number, more than 0, at most 300"),
        ("header_seconds", "0", "number, more than 0, at most 300"),
        ("allow_anonymous", "yess", "`true`, `false`"),
        ("allow_anonymous", "", "`true`, `false`"),
        ("log_level", "loud", "`DEBUG`, `INFO`, `WARNING`, `ERROR`"),
        ("host", "", "give an address or a name, without a port"),
        ("host", "127.0.0.1:8000", "give an address or a name, without a port"),
        ("host", "http://localhost", "give an address or a name, without a port"),
        ("host", "[::1]", "give an address or a name, without a port"),
        ("cors_origins", "shop", "one is https://shop.example, without a path"),
        ("keys_file", "", "is a folder"),
        ("keys_file", "/none/at/all", "does not exist"),
        ("keys_file", "x" * 5000, "cannot be read: File name too long"),
        ("model_server_ca_file", "/", "is a folder"),
        ("model_server_ca_file", "/dev/null", "no file"),
    ],
)
def test_a_wrong_value_is_told_with_its_variable_and_what_is_taken(
    name: str, value: str, takes: str
) -> None:
    message = refusal(**{name: value})

    assert message.startswith(f"wrong settings: TFGATE_{name.upper()}")
    assert repr(value)[:100] in message or not value
    assert takes in message
    assert "\n" not in message
    assert len(message) < 400


def test_an_option_is_told_as_it_was_given() -> None:
    with pytest.raises(WrongSettings, match=r"^wrong settings: --model-server: 'models' cannot"):
        read_settings(model_server="models")


def test_every_wrong_setting_is_told_at_once() -> None:
    message = refusal(port="a", workers="b")

    assert "TFGATE_PORT" in message
    assert "TFGATE_WORKERS" in message


def test_metrics_need_a_port_of_their_own() -> None:
    message = refusal(port="8000", metrics_port="8000")

    assert "TFGATE_PORT" in message
    assert "TFGATE_METRICS_PORT are both 8000" in message


@pytest.mark.parametrize("other", ["port", "metrics_port"])
def test_grpc_needs_a_port_of_its_own(other: str) -> None:
    message = refusal(**{other: "8001", "grpc_port": "8001"})

    assert "TFGATE_GRPC_PORT are both 8001" in message


def test_free_ports_are_never_the_same() -> None:
    assert accepted(port="0", grpc_port="0").grpc_port == 0


def test_grpc_shows_a_certificate_with_its_key_or_none(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours, other = authority.issue("gateway.example"), authority.issue("other.example")
    certificate, key = str(ours.certificate), str(ours.private_key)
    authorities = str(authority.certificate)

    assert "go together" in refusal(grpc_certificate_file=certificate)
    assert "go together" in refusal(grpc_private_key_file=key)
    assert "only over TLS" in refusal(grpc_client_ca_file=authorities)
    identity = {"grpc_certificate_file": certificate, "grpc_private_key_file": key}
    wrong_key = {**identity, "grpc_private_key_file": str(other.private_key)}
    assert "TFGATE_GRPC_PRIVATE_KEY_FILE" in refusal(**wrong_key)
    assert "TFGATE_GRPC_CLIENT_CA_FILE" in refusal(**identity, grpc_client_ca_file=key)
    assert accepted(**identity, grpc_client_ca_file=authorities).grpc_client_ca_file


def test_half_an_identity_is_none(tmp_path: Path) -> None:
    (tmp_path / "pem").touch()

    assert "go together" in refusal(model_server_certificate_file=str(tmp_path / "pem"))


@pytest.mark.parametrize("origin", ["https://shop.example/", "shop.example", "https://*.example"])
def test_an_origin_that_can_never_match_is_refused(origin: str) -> None:
    assert origin in refusal(cors_origins=f"https://good.example,{origin}")


def test_a_file_without_certificates_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("hello")

    message = refusal(model_server_ca_file=str(tmp_path / "ca.pem"))

    assert f"TFGATE_MODEL_SERVER_CA_FILE: {tmp_path / 'ca.pem'} holds no PEM" in message


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours, other = authority.issue("gateway.example"), authority.issue("other.example")

    message = refusal(
        model_server_ca_file=str(authority.certificate),
        model_server_certificate_file=str(ours.certificate),
        model_server_private_key_file=str(other.private_key),
    )

    assert f"TFGATE_MODEL_SERVER_CERTIFICATE_FILE, {ours.certificate}," in message
    assert f"TFGATE_MODEL_SERVER_PRIVATE_KEY_FILE, {other.private_key}," in message


def test_a_key_with_a_passphrase_is_refused_and_asks_nobody(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours = authority.issue("gateway.example")
    key = load_pem_private_key(ours.private_key.read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    ours.private_key.write_bytes(locked)

    message = refusal(
        model_server_ca_file=str(authority.certificate),
        model_server_certificate_file=str(ours.certificate),
        model_server_private_key_file=str(ours.private_key),
    )

    assert "without a passphrase" in message


@pytest.mark.parametrize("path", ["tfgate", "//tfgate", "/a/../b", "/a b", "https://x.example/a"])
def test_a_root_path_that_is_none_is_refused(path: str) -> None:
    assert repr(path) in refusal(root_path=path)


@pytest.mark.parametrize("proxy", ["proxy.example", "10.0.0.1/8", "10.0.0.0/33", "*"])
def test_a_proxy_that_has_no_address_is_refused(proxy: str) -> None:
    message = refusal(trusted_proxies=f"127.0.0.1,{proxy}")

    assert proxy in message
    assert "10.0.0.0/8" in message
