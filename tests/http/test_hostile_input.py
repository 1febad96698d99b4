"""No input breaks any route: each body, path and query is answered, and nonsense is the caller's fault."""

import json

from tests.hostile_json import BODIES, VALUES
from tests.http.api_map import OPEN, check_envelope, operations, types_of

MORE_VALUES = {
    "true where 1 may stand": True,
    "an id of zero": 0,
    "a negative number": -1,
    "the first number beyond 64 bits": 2**63,
    "a number of 31 digits": 10**30,
    "a fraction": 0.5,
    "Arabic digits": "٠٧٠٨٣٧٤١٤٩",
    "a number and a line break": "0708374149\n",
    "nothing": None,
    "SQL": "' OR 1=1; --",
    "a template": "{{7*7}}",
    "an empty list": [],
    "a list of lists": [[[[]]]],
}
PATHS = (
    "0", "-1", "00", "01", "1.0", "1e3", "true", "null", str(2**63 - 1), str(2**63), str(10**30), "9" * 5_000,
    "%00", "1%00", "%0a", "1%0a", "%20", "%D9%A1", "%ff", "%ed%a0%80", "%F0%9F%99%82",
    "..%2f..%2fetc%2fpasswd", "%2e%2e", "'%20OR%20''='", "1;DROP%20TABLE%20payments", "{{7*7}}",
    "%25s", "x" * 5_000, "%zz", "*", "[]", "a:b",
)  # fmt: skip
QUERIES = (
    "", "-1", "9" * 5_000, "1.5", "NaN", "%00", "%0a", "%ff", "%ed%a0%80", "٣", "' OR 1=1", "true", "[]", "1%26x",
)  # fmt: skip


def send(client, operation, raw, headers):
    return client.open(
        operation.url(), method=operation.method, data=raw, content_type="application/json", headers=headers
    )


def bodies_of(operation):
    """Return each hostile value in each field alone, by what it is."""
    values = VALUES | MORE_VALUES
    return {
        f"{what} as {field}": (json.dumps({field: value}).encode(), types_of(schema), value)
        for what, value in values.items()
        for field, schema in operation.body.items()
    }


def fits(types, value):
    """Say whether a value may be a right one after all; the others never are."""
    return (
        (isinstance(value, list) and "array" in types)
        or (value is None and "null" in types)
        or (type(value) is int and "integer" in types)
        or (isinstance(value, str) and "string" in types and value.isprintable())
    )


def test_every_route_that_takes_json_refuses_what_is_no_sound_json(app, client, people):
    taking_json = [operation for operation in operations(app) if operation.body is not None]
    assert len(taking_json) >= 14
    for operation in taking_json:
        for headers in ({}, people.one_who_may(operation)):
            for what, raw in BODIES.items():
                answer = send(client, operation, raw, headers)
                assert 400 <= answer.status_code < 500, f"{operation}: {what}"
                check_envelope(answer, whatever=f"{operation}: {what}")


def test_no_value_in_any_field_breaks_a_route(app, client, people):
    for operation in operations(app):
        if not operation.body:
            continue
        headers = people.one_who_may(operation)
        for what, (raw, types, value) in bodies_of(operation).items():
            answer = send(client, operation, raw, headers)
            assert answer.status_code < 500, f"{operation}: {what}"
            if not fits(types, value):
                assert 400 <= answer.status_code < 500, f"{operation}: {what}"
            if answer.status_code >= 400:
                check_envelope(answer, whatever=f"{operation}: {what}")


def test_every_route_that_takes_json_refuses_a_field_that_it_does_not_know(app, client, people):
    for operation in operations(app):
        if operation.body is not None:
            answer = send(client, operation, b'{"is_admin": 1}', people.one_who_may(operation))
            assert answer.status_code == 422, operation
            assert answer.json["errors"]["is_admin"] == ["Unknown field."], operation


def test_a_body_that_nobody_asked_for_breaks_nothing(app, client, people):
    for operation in operations(app):
        if operation.body is None:
            for what in ("a wall of brackets", "not UTF-8", "null"):
                answer = send(client, operation, BODIES[what], people.one_who_may(operation))
                # Nobody may ask Safaricom anything in this installation.
                unasked = answer.status_code == 503 and answer.json["code"] == "initiator_missing"
                assert answer.status_code < 500 or unasked, f"{operation}: {what}"


def test_only_json_is_taken(app, client, people):
    for operation in operations(app):
        if operation.body is not None:
            for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/json-seq", ""):
                answer = client.open(
                    operation.url(),
                    method=operation.method,
                    data=b'{"a": 1}',
                    content_type=content_type,
                    headers=people.one_who_may(operation),
                )
                assert answer.status_code == 415, f"{operation}: {content_type}"
                check_envelope(answer)


def test_no_path_breaks_a_route(app, client, people):
    for operation in operations(app):
        for name in operation.in_path:
            for headers in ({}, people.one_who_may(operation), people.headers("admin")):
                for value in PATHS:
                    answer = client.open(operation.url(**{name: value}), method=operation.method, headers=headers)
                    assert 400 <= answer.status_code < 500, f"{operation}: {value[:40]}"
                    check_envelope(answer, whatever=f"{operation}: {value[:40]}")


def test_an_id_that_no_row_can_have_is_not_found(app, client, people):
    for operation in operations(app):
        for name, schema in operation.in_path.items():
            if types_of(schema) != {"integer"}:
                continue
            for value in ("0", "-1", str(2**63 - 1), str(2**63), str(10**30)):
                answer = client.open(
                    operation.url(**{name: value}),
                    method=operation.method,
                    json={} if operation.body == {} else None,
                    headers=people.one_who_may(operation),
                )
                expected = {404, 422} if operation.body else {404}  # a missing field may be seen first
                assert answer.status_code in expected, f"{operation}: {value}"


def test_no_query_breaks_a_route(app, client, people):
    for operation in operations(app):
        headers = people.one_who_may(operation)
        for name, schema in operation.query.items():
            for value in QUERIES:
                answer = client.open(f"{operation.url()}?{name}={value}", method=operation.method, headers=headers)
                assert answer.status_code < 500, f"{operation}: {name}={value[:40]}"
                if value and ("integer" in types_of(schema) or schema.get("format") == "date"):
                    assert answer.status_code == 422, f"{operation}: {name}={value[:40]}"


def test_an_empty_parameter_is_as_good_as_none_unless_it_means_yes_or_no(app, client, people):
    for operation in operations(app):
        headers = people.one_who_may(operation)
        without = client.open(operation.url(), method=operation.method, headers=headers).status_code
        for name, schema in operation.query.items():
            answer = client.open(f"{operation.url()}?{name}=", method=operation.method, headers=headers)
            expected = 422 if "boolean" in types_of(schema) else without
            assert answer.status_code == expected, f"{operation}: {name}"


def test_a_parameter_given_twice_or_unknown_is_refused(app, client, people):
    taking_queries = [operation for operation in operations(app) if operation.query]
    assert len(taking_queries) >= 8
    for operation in taking_queries:
        headers = people.one_who_may(operation)
        for query in ("unknown=1", *(f"{name}=1&{name}=1" for name in operation.query)):
            answer = client.open(f"{operation.url()}?{query}", method=operation.method, headers=headers)
            assert answer.status_code == 422, f"{operation}: {query}"
            assert query.split("=")[0] in answer.json["errors"]


def test_whoever_is_not_logged_in_learns_only_that(app, client):
    for operation in operations(app):
        if operation.access not in OPEN:
            answer = client.open(operation.url(), method=operation.method, json={"is_admin": True})
            assert (answer.status_code, answer.json["code"]) == (401, "missing_token"), operation
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            check_envelope(answer)


def test_a_role_that_may_not_use_a_route_is_told_so_before_anything_else(app, client, people):
    for operation in operations(app):
        allowed = operation.access.split(",")
        if operation.access in (*OPEN, "signed in"):
            continue
        for role in set(people.by_role) - set(allowed):
            answer = client.open(
                operation.url(), method=operation.method, json={"is_admin": True}, headers=people.headers(role)
            )
            assert (answer.status_code, answer.json["code"]) == (403, "forbidden"), f"{operation} as {role}"
            check_envelope(answer)


def test_no_header_breaks_a_route(app, client, people):
    odd = {
        "Authorization": [
            "",
            "Bearer",
            "Bearer ",
            "Basic eDp4",
            "Bearer a.b.c",
            "Bearer \xff",
            "bearer " + "x" * 10_000,
        ],
        "Accept": ["nonsense", "text/html;q=x", "*" * 1_000],
        "Accept-Language": ["\xff", "sw" * 1_000, "en;q=1e999"],
        "Content-Type": ["\xff", "application/json; charset=nonsense", ";;;"],
        "Content-Encoding": ["gzip", "nonsense"],
        "Cookie": ["a=" + "b" * 10_000, "\xff=\xff"],
        "If-Modified-Since": ["yesterday"],
        "Range": ["bytes=9-1", "x"],
        "X-Request-Id": ["\x1b[31m", "x" * 10_000, "' OR 1=1"],
        "Host": ["evil.example", "evil.example:99999", "[::1", "a b"],
        "Idempotency-Key": ["\xff", "x" * 10_000, ""],
        "Origin": ["null", "\xff", "https://evil.example"],
    }
    ordinary = {"GET /api/advocates", "GET /api/consultations", "POST /api/payment/mpesa/stk-push"}
    for operation in [one for one in operations(app) if str(one) in ordinary]:
        allowed = people.one_who_may(operation)
        for name, values in odd.items():
            for value in values:
                answer = client.open(operation.url(), method=operation.method, headers=allowed | {name: value})
                assert answer.status_code < 500, f"{operation}: {name}: {value[:40]}"
