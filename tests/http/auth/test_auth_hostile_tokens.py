"""Tokens that nobody but us should be able to make, and that only a careless server takes."""

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from app.auth import tokens
from tests.people import bearer, header, log_in, make_user

THEIR_KEY = "another key, long enough for HS256"


@pytest.fixture
def achieng(app):
    return make_user(app, "Achieng")


@pytest.fixture
def good(client, achieng):
    return log_in(client, achieng)["access_token"]


@pytest.fixture
def key(settings):
    return settings.jwt_secret_key


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


def b64(data):
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def me(client, token):
    return client.get("/api/auth/me", headers=header(token))


def refused(answer):
    body = {name: value for name, value in answer.json.items() if name != "request_id"}
    return answer.status_code == 401 and body == {
        "success": False,
        "code": "invalid_token",
        "error": "This token is not valid (any more). Log in again.",
    }


def test_the_tests_own_way_of_signing_makes_a_good_token(client, good, key):
    assert me(client, jwt.encode(claims_of(good), key, algorithm="HS256")).status_code == 200


@pytest.mark.parametrize("signature", ["", "the good one", "AAAA"])
def test_no_other_algorithm_is_believed(client, good, signature):
    _, payload, kept = good.split(".")
    for algorithm in ("none", "None", "NONE", "nOnE", "", None, "HS512", "hs256", 7, ["HS256"]):
        head = {"typ": "JWT"} if algorithm is None else {"typ": "JWT", "alg": algorithm}
        token = f"{b64(head)}.{payload}.{kept if signature == 'the good one' else signature}"
        assert refused(me(client, token)), algorithm


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_our_key_with_another_algorithm_is_refused(client, good, key, algorithm):
    assert refused(me(client, jwt.encode(claims_of(good), key.ljust(64, "x"), algorithm=algorithm)))


def test_an_rsa_signature_is_refused(client, good):
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    jwk = {"kty": "RSA", "n": "AQAB", "e": "AQAB"}
    assert refused(me(client, jwt.encode(claims_of(good), pem, algorithm="RS256", headers={"jwk": jwk})))


def test_another_key_is_refused(client, good):
    assert refused(me(client, jwt.encode(claims_of(good), THEIR_KEY, algorithm="HS256")))


POINTERS = [
    {"kid": "../../dev/null"},
    {"kid": "' OR 1=1 --"},
    {"kid": "https://evil.example/key"},
    {"jku": "https://evil.example/jwks.json"},
    {"x5u": "https://evil.example/cert.pem"},
    {"x5c": ["AAAA"]},
    {"jwk": {"kty": "oct", "k": "AAAA"}},
]


def test_a_key_that_the_token_points_to_is_ignored(client, good, key):
    for extra in POINTERS:
        theirs = jwt.encode(claims_of(good), THEIR_KEY, algorithm="HS256", headers=extra)
        assert refused(me(client, theirs)), extra
        ours = jwt.encode(claims_of(good), key, algorithm="HS256", headers=extra)
        assert me(client, ours).status_code == 200, extra


def test_a_header_that_must_be_understood_and_is_not_is_refused(client, good, key):
    for extra in ({"crit": ["exp-2"], "exp-2": 1}, {"crit": []}, {"kid": 7}):
        assert refused(me(client, _sign(claims_of(good), key, **extra))), extra


def test_every_claim_must_be_there(client, good, key):
    for claim in ("exp", "nbf", "iat", "aud", "iss", "sub", "sid", "jti"):
        claims = claims_of(good)
        del claims[claim]
        assert refused(me(client, _sign(claims, key))), claim


WRONG_VALUES = {
    "iss": ["somebody-else", ""],
    "aud": ["somebody-else", ["haki-yetu", "somebody-else"], [], None],
    "type": ["refresh", "reset", None],
    "exp": ["1795414500", 1795414500.5, "never", True, None, [1795414500]],
    "nbf": ["now", None],
    "iat": ["now", None],
    "sub": ["0", "-1", "1 OR 1=1", "١", "9" * 40, 1, None, ""],
    "sid": ["1", True, 0, -1, 2**63, 999, None],
    "jti": [7, None],
}


def test_a_claim_of_another_value_is_refused_even_with_our_signature(client, good, key):
    for claim, values in WRONG_VALUES.items():
        for value in values:
            assert refused(me(client, _sign(claims_of(good) | {claim: value}, key))), (claim, value)


def _sign(claims, key, **extra):
    """Sign anything, also what the library refuses to sign."""
    signing_input = f"{b64({'alg': 'HS256', 'typ': 'JWT'} | extra)}.{b64(claims)}"
    algorithm = jwt.get_algorithm_by_name("HS256")
    return f"{signing_input}.{b64(algorithm.sign(signing_input.encode(), algorithm.prepare_key(key)))}"


def test_where_both_kinds_are_taken_there_is_still_no_third(client, good, key):
    for kind in ("reset", "", 7, None, ["access"], {"access": 1}):
        token = _sign(claims_of(good) | {"type": kind}, key)
        assert refused(client.post("/api/auth/logout", headers=header(token))), kind
    assert me(client, good).status_code == 200


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_a_token_from_the_future_is_refused_beyond_the_leeway(client, good, key, clock, claim):
    now = int(clock.now().timestamp())
    assert me(client, _sign(claims_of(good) | {claim: now + 30}, key)).status_code == 200
    assert refused(me(client, _sign(claims_of(good) | {claim: now + 31}, key)))


def test_a_token_from_long_ago_is_refused(client, good, key):
    for exp in (0, -1, -(2**70)):
        assert me(client, _sign(claims_of(good) | {"exp": exp}, key)).status_code == 401


def test_the_log_in_of_one_person_does_not_speak_for_another(client, app, good, key):
    chebet = make_user(app, "Chebet")
    assert refused(me(client, _sign(claims_of(good) | {"sub": str(chebet.id)}, key)))


def test_a_role_in_the_token_means_nothing(client, good, key):
    assert me(client, _sign(claims_of(good) | {"role": "admin"}, key)).json["role"] == "client"


def test_a_changed_payload_breaks_the_signature(client, good):
    head, _, signature = good.split(".")
    assert refused(me(client, f"{head}.{b64(claims_of(good) | {'sub': '2', 'role': 'admin'})}.{signature}"))


def test_a_changed_signature_is_refused(client, good):
    head, payload, signature = good.split(".")
    for position in (0, 10, 42):
        other = "A" if signature[position] != "A" else "E"
        changed = f"{signature[:position]}{other}{signature[position + 1 :]}"
        assert refused(me(client, f"{head}.{payload}.{changed}")), position


RUBBISH = [
    "x",
    "a.b",
    "a.b.c",
    "a.b.c.d.e",
    "...",
    "é.é.é",
    "\xff\xfe",
    b64({"alg": "HS256"}) + "." + b64(b"[" * 5_000) + ".AAAA",
    b64(b"[" * 5_000) + "." + b64({}) + ".AAAA",
    b64(b'{"alg":' * 2_000) + "." + b64({}) + ".AAAA",
    b64(b"\xff") + "." + b64(b"\xff") + ".AAAA",
    b64([]) + "." + b64([]) + ".AAAA",
    b64({"alg": {}}) + "." + b64({}) + ".AAAA",
    b64({"alg": "HS256", "b64": False}) + "." + b64({}) + ".AAAA",
    b64({"alg": "HS256"}) + "." + b64(b'{"exp":' + b"9" * 5_000 + b"}") + ".AAAA",
    "A" * 100_000,
    "A" * 50_000 + "." + "A" * 50_000 + ".A",
]


@pytest.mark.parametrize("path", ["/api/auth/me", "/api/auth/logout", "/api/auth/refresh"])
def test_rubbish_is_refused_and_breaks_nothing(client, path):
    ask = client.get if path.endswith("/me") else client.post
    for number, token in enumerate(RUBBISH):
        assert refused(ask(path, headers=header(token))), number


def test_a_header_without_a_token_is_refused(client):
    for value in ("", "Bearer", "Bearer ", "Basic YTpi", "Token abc", ",", ",,Bearer", "\xa0", "Bearer\xa0"):
        answer = client.get("/api/auth/me", headers={"Authorization": value})
        assert (answer.status_code, answer.json["success"]) == (401, False), value


def test_two_tokens_at_once_are_refused(client, good):
    twice = {"Authorization": f"Bearer {good}, Bearer {good}"}
    assert client.get("/api/auth/me", headers=twice).status_code == 401


def test_a_token_is_taken_from_the_header_alone(client, good):
    for place in (f"/api/auth/me?jwt={good}", f"/api/auth/me?access_token={good}"):
        assert client.get(place).status_code == 401
    client.set_cookie("access_token_cookie", good)
    assert client.get("/api/auth/me").status_code == 401


def test_a_reset_code_is_no_token(client, achieng):
    assert refused(me(client, "a" * 43))


def test_tokens_follow_the_clock_of_the_application_and_not_the_machines(client, app, clock, achieng):
    clock.advance(days=-20 * 365)
    old = bearer(client, achieng)
    assert client.get("/api/auth/me", headers=old).status_code == 200
    clock.advance(days=1)
    assert client.get("/api/auth/me", headers=old).json["code"] == "token_expired"


def test_a_token_says_who_and_which_log_in_and_nothing_else_about_a_person(good, clock):
    claims = claims_of(good)
    assert claims["exp"] - claims["iat"] == tokens.ACCESS_LIFETIME.total_seconds() == 900
    assert set(claims) == {"sub", "sid", "type", "jti", "iss", "aud", "exp", "iat", "nbf", "fresh"}
