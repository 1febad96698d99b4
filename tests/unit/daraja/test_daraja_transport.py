"""When the network breaks: what is proved unsent, what is unknown, and that nothing is sent twice."""

import datetime as dt
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import daraja_bodies as bodies
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from daraja_servers import PUSH, Reply, raw_server, read_request, reset, stand_in

from app.payments.daraja import (
    Credentials,
    DarajaClient,
    DarajaError,
    MemoryTokenStore,
    NotSent,
    OutcomeUnknown,
    StkPush,
    StkPushAccepted,
    Token,
)

NOW = datetime(2026, 11, 2, 7, 15, tzinfo=UTC)
CREDENTIALS = Credentials("key-of-ours", "secret-of-ours", "600001", "passkey-of-ours")
AN_ASK = StkPush(
    "254700000001", 1500, "HY-7K3M9Q", "Consultation", "https://pay.example.ke/callback/token-of-ours"
)

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(
    bodies.push_accepted()
)
OK += bodies.push_accepted()


def push_to(base_url: str, session: requests.Session | None = None, patience_s: float = 5.0) -> StkPushAccepted:
    """Push with a token at hand, so that the push is the only request."""
    store = MemoryTokenStore()
    store.write(Token(bodies.TOKEN, NOW + timedelta(hours=1)))
    client = DarajaClient(
        CREDENTIALS,
        base_url=base_url,
        now=lambda: NOW,
        token_store=store,
        connect_timeout_s=patience_s,
        read_timeout_s=patience_s,
        session=session,
    )
    return client.stk_push(AN_ASK)


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in")])
    today = dt.datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "stand-in.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


def over_tls(certificate: Path, behave: Callable[[ssl.SSLSocket], None]) -> Callable[[socket.socket], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def handshake_first(connection: socket.socket) -> None:
        with context.wrap_socket(connection.dup(), server_side=True) as secured:
            behave(secured)

    return handshake_first


def test_a_closed_port_proves_that_nothing_was_sent(closed_port: int) -> None:
    with pytest.raises(NotSent, match="ConnectionRefusedError"):
        push_to(f"http://127.0.0.1:{closed_port}")


def test_a_name_that_does_not_resolve_proves_that_nothing_was_sent() -> None:
    with pytest.raises(NotSent, match="gaierror"):
        push_to("https://safaricom.invalid")


def test_a_connect_that_fails_at_first_is_tried_again() -> None:
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))

        def open_late() -> None:
            port.listen()
            connection, _ = port.accept()
            with connection:
                read_request(connection)
                connection.sendall(OK)

        late = threading.Timer(0.1, open_late)
        late.start()
        accepted = push_to(f"http://127.0.0.1:{port.getsockname()[1]}")
        late.join()
    assert accepted.checkout_request_id == bodies.CHECKOUT_ID


def test_an_untrusted_certificate_proves_that_nothing_was_sent(certificate: Path) -> None:
    received: list[bytes] = []
    behave = over_tls(certificate, lambda connection: received.append(read_request(connection)))
    with raw_server(behave) as server, pytest.raises(NotSent, match="SSLCertVerificationError"):
        push_to(f"https://127.0.0.1:{server.port}")
    assert received == []


def test_a_certificate_trusted_by_the_session_is_enough(certificate: Path) -> None:
    def answer(connection: ssl.SSLSocket) -> None:
        read_request(connection)
        connection.sendall(OK)

    session = requests.Session()
    session.verify = str(certificate)
    with raw_server(over_tls(certificate, answer)) as server:
        assert push_to(f"https://127.0.0.1:{server.port}", session).response_code == "0"


def answer_in_plain_text(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def say_nothing(connection: socket.socket) -> None:
    connection.recv(65536)


def reset_after_the_hello(connection: socket.socket) -> None:
    connection.recv(65536)
    reset(connection)


@pytest.mark.parametrize("behave", [answer_in_plain_text, say_nothing, reset_after_the_hello])
def test_a_tls_handshake_that_fails_in_any_way_proves_that_nothing_was_sent(
    behave: Callable[[socket.socket], None],
) -> None:
    with raw_server(behave) as server, pytest.raises(NotSent):
        push_to(f"https://127.0.0.1:{server.port}", patience_s=0.2)


def hang_up(connection: socket.socket) -> None:
    read_request(connection)
    connection.shutdown(socket.SHUT_RDWR)


def answer_outside_of_tls(connection: socket.socket) -> None:
    """Make the client fail with the same SSLError as a broken handshake would, but after its request."""
    read_request(connection)
    socket.socket.sendall(connection, b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize("behave", [hang_up, answer_outside_of_tls])
def test_an_answer_that_is_lost_over_tls_is_unknown(
    behave: Callable[[socket.socket], None], certificate: Path
) -> None:
    session = requests.Session()
    session.verify = str(certificate)
    with raw_server(over_tls(certificate, behave)) as server:
        with pytest.raises(OutcomeUnknown):
            push_to(f"https://127.0.0.1:{server.port}", session)
        assert len(server.accepted) == 1


def reset_in_the_request(connection: socket.socket) -> None:
    connection.recv(1)
    reset(connection)


def reset_after_the_request(connection: socket.socket) -> None:
    read_request(connection)
    reset(connection)


def never_answer(connection: socket.socket) -> None:
    read_request(connection)


def send_half_a_body(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(OK[:-40])
    connection.shutdown(socket.SHUT_RDWR)


def stop_in_the_body(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(OK[:-40])


def reset_in_the_body(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(OK[:-40])
    reset(connection)


def send_half_a_chunk(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n200\r\n{"ResponseCode"')
    connection.shutdown(socket.SHUT_RDWR)


def send_false_gzip(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello")


def send_no_http(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    connection.shutdown(socket.SHUT_RDWR)


def send_too_much(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 300_000)
    connection.shutdown(socket.SHUT_WR)


def send_a_bomb(connection: socket.socket) -> None:
    read_request(connection)
    bomb = zlib.compress(b" " * 20_000_000, 9)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    connection.sendall(head + bomb)


def redirect_with_an_endless_body(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\n\r\n")
    while True:
        connection.sendall(b" " * 65536)


@pytest.mark.parametrize(
    "behave",
    [
        reset_in_the_request,
        reset_after_the_request,
        hang_up,
        never_answer,
        send_half_a_body,
        stop_in_the_body,
        reset_in_the_body,
        send_half_a_chunk,
        send_false_gzip,
        send_no_http,
        send_too_much,
        send_a_bomb,
        redirect_with_an_endless_body,
    ],
)
def test_once_connected_every_failure_is_unknown_and_nothing_is_sent_again(
    behave: Callable[[socket.socket], None],
) -> None:
    with raw_server(behave) as server:
        with pytest.raises(OutcomeUnknown):
            push_to(f"http://127.0.0.1:{server.port}", patience_s=0.5)
        assert len(server.accepted) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with stand_in(push=[Reply(status, b"", {"Location": "/elsewhere"})]) as safaricom:
        with pytest.raises(OutcomeUnknown, match=f"HTTP {status}"):
            push_to(safaricom.url)
        assert [request.path for request in safaricom.received] == [PUSH]


@pytest.mark.parametrize("status", [413, 429, 500, 502, 503, 504])
def test_an_answer_that_asks_to_be_asked_again_is_not_obeyed_by_sending_twice(status: int) -> None:
    with stand_in(push=[Reply(status, b"", {"Retry-After": "0"})]) as safaricom:
        with pytest.raises(DarajaError):
            push_to(safaricom.url)
        assert len(safaricom.received) == 1


def test_a_connection_left_open_is_never_used_again() -> None:
    """A server may ignore `Connection: close` and drop the socket later, just as the next push is written."""

    def answer_once_and_stay_open(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(OK)

    session = requests.Session()
    with raw_server(answer_once_and_stay_open) as server:
        for _ in range(3):
            push_to(f"http://127.0.0.1:{server.port}", session)
        assert len(server.accepted) == 3
    session.close()


def test_no_proxy_and_no_password_is_taken_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, closed_port: int
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    monkeypatch.delenv("no_proxy", raising=False)
    with stand_in(push=[Reply(200, bodies.push_accepted())]) as safaricom:
        push_to(safaricom.url)
        assert safaricom.received[0].headers["Authorization"] == f"Bearer {bodies.TOKEN}"


def test_a_base_url_may_end_in_a_slash_or_a_path() -> None:
    with stand_in(push=[Reply(200, bodies.push_accepted())]) as safaricom:
        safaricom.replies[f"/daraja{PUSH}"] = safaricom.replies[PUSH]
        push_to(f"{safaricom.url}/")
        push_to(f"{safaricom.url}/daraja")
        assert [request.path for request in safaricom.received] == [PUSH, f"/daraja{PUSH}"]


@pytest.mark.parametrize("base_url", ["", "sandbox.safaricom.co.ke", "https://"])
def test_a_malformed_base_url_is_an_error_at_once(base_url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        DarajaClient(CREDENTIALS, base_url=base_url, now=lambda: NOW)


def test_no_failure_shows_a_secret(closed_port: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    shown = ""
    with raw_server(reset_in_the_body) as server:
        for port in (closed_port, server.port):
            with pytest.raises(DarajaError) as caught:
                push_to(f"http://127.0.0.1:{port}")
            error: BaseException | None = caught.value
            while error:
                shown += repr(error) + str(error)
                error = error.__cause__
    shown += caplog.text
    for secret in (bodies.TOKEN, "secret-of-ours", "passkey-of-ours", "token-of-ours", "254700000001"):
        assert secret not in shown
