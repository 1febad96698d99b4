"""The OpenAPI document tells the truth about the routes, and its page needs no internet."""

import re

import pytest
from flask_limiter.util import get_qualified_name

from app import strict_json
from app.limits import limiter
from tests.http.api_map import METHODS, OPEN, document, operations, resolved, types_of

# Not part of the API itself: the document, and pages and probes for operators.
ELSEWHERE = {
    "/api/openapi.json",
    "/docs",
    "/healthz",
    "/readyz",
    "/metrics",
    "/outbox",
    "/reports",
    "/static/<path:filename>",
}
JSON_TYPES = {"array", "boolean", "integer", "null", "number", "object", "string"}


@pytest.fixture
def database_url(tmp_path):
    """No test here asks the database, so one engine will do, empty."""
    return f"sqlite:///{tmp_path / 'empty.sqlite3'}"


def every_part(part):
    """Yield each object of the document."""
    if isinstance(part, dict):
        yield part
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from every_part(inner)


def schemas(whole):
    """Yield each schema of the document, wherever it stands."""
    pending = [part["schema"] for part in every_part(whole) if isinstance(part.get("schema"), dict)]
    pending += whole["components"]["schemas"].values()
    while pending:
        schema = pending.pop()
        yield schema
        pending += schema.get("properties", {}).values()
        pending += [schema["items"]] if "items" in schema else []
        pending += [one for name in ("allOf", "anyOf", "oneOf") for one in schema.get(name, [])]


def test_it_is_an_openapi_3_1_document(app):
    whole = document(app)
    assert strict_json.loads(app.test_client().get("/api/openapi.json").data) == whole  # no key stands in it twice
    assert whole["openapi"] == "3.1.0"
    assert whole["info"]["title"]
    assert whole["info"]["version"]
    assert set(whole) <= {"openapi", "info", "servers", "paths", "components", "tags", "security", "externalDocs"}
    assert set(whole["components"]) <= {"schemas", "responses", "parameters", "headers", "securitySchemes"}
    for path, item in whole["paths"].items():
        assert re.fullmatch(r"(/[\w.{}-]+)+", path), path
        assert set(item) <= {*METHODS, "parameters"}, path


def test_every_reference_leads_somewhere(app):
    whole = document(app)
    references = [part for part in every_part(whole) if isinstance(part.get("$ref"), str)]
    assert len(references) > 20
    for part in references:
        assert isinstance(resolved(whole, part), dict)


def test_every_schema_says_what_json_it_means(app):
    for schema in schemas(document(app)):
        assert types_of(schema) <= JSON_TYPES, schema
        assert isinstance(schema.get("type", ""), str) or len(types_of(schema)) == len(schema["type"]), schema
        assert "nullable" not in schema, schema  # OpenAPI 3.0's way
        assert {"$ref", "type", "allOf", "anyOf", "oneOf", "enum"} & set(schema) or schema.get("readOnly"), schema
        assert set(schema.get("required", [])) <= set(schema.get("properties", {})), schema
        if "array" in types_of(schema):
            assert "items" in schema, schema
        if "enum" in schema:
            assert len(set(map(str, schema["enum"]))) == len(schema["enum"]) > 0, schema


def test_every_route_is_in_it_and_nothing_else(app):
    described = {(operation.method, operation.path) for operation in operations(app)}
    served = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule not in ELSEWHERE
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert described == served


def test_every_operation_is_described_for_people(app):
    found = operations(app)
    for operation in found:
        assert operation.documented["summary"], operation
        assert operation.documented["tags"], operation


def test_every_parameter_of_a_path_is_declared(app):
    for operation in operations(app):
        assert set(operation.in_path) == set(re.findall(r"\{(\w+)\}", operation.path)), operation


def test_every_parameter_is_declared_once_and_fully(app):
    whole = document(app)
    for path, item in whole["paths"].items():
        for method in METHODS:
            listed = item.get("parameters", []) + item.get(method, {}).get("parameters", [])
            parameters = [resolved(whole, one) for one in listed]
            keys = [(one["in"], one["name"]) for one in parameters]
            assert len(set(keys)) == len(keys), path
            for one in parameters:
                assert one["in"] in {"path", "query", "header"}, path
                assert one["in"] != "path" or one["required"] is True, path
                assert one["schema"], path


def test_it_says_who_may_call_what_as_the_code_does(app):
    views = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)): app.view_functions[rule.endpoint]
        for rule in app.url_map.iter_rules()
        for method in rule.methods
    }
    schemes = document(app)["components"]["securitySchemes"]
    assert schemes["bearer"] == {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    for operation in operations(app):
        assert operation.access == views[operation.method, operation.path].access
        is_open = operation.access in ("public", "webhook")
        assert operation.documented["security"] == ([] if is_open else [{"bearer": []}]), operation


def test_every_operation_declares_its_answers(app):
    whole = document(app)
    for operation in operations(app):
        answers = operation.documented["responses"]
        assert any(re.fullmatch("2..", status) for status in answers), operation
        assert all(re.fullmatch("[1-5]..|default", status) for status in answers), operation
        assert all(resolved(whole, answer)["description"] for answer in answers.values()), operation
        assert "401" in answers or operation.access in OPEN, operation
        assert "403" in answers or operation.access in (*OPEN, "signed in"), operation
        assert "404" in answers or not operation.in_path, operation
        assert "413" in answers or (operation.body is None and operation.access != "webhook"), operation
        assert {"400", "415"} <= set(answers) or operation.body is None, operation
        assert "422" in answers or not (operation.body or operation.query), operation


def test_every_limit_is_declared(app):
    limits = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)): limit
        for rule in app.url_map.iter_rules()
        for method in rule.methods
        for limit in limiter.limit_manager.decorated_limits(get_qualified_name(app.view_functions[rule.endpoint]))
    }
    found = {one.path: one for one in operations(app) if (one.method, one.path) in limits}
    silent = found.pop("/api/auth/password/forgot")  # what is too often is answered like everything else
    assert limits["POST", silent.path].on_breach is not None
    assert len(found) == 6
    assert all("429" in operation.documented["responses"] for operation in found.values())


def test_the_idempotency_key_is_declared_where_it_counts(app):
    whole = document(app)
    taking_keys = set()
    for operation in operations(app):
        for one in operation.documented.get("parameters", []):
            if resolved(whole, one)["in"] == "header":
                assert one["name"] == "Idempotency-Key"
                assert {"409", "422"} <= set(operation.documented["responses"]), operation
                taking_keys.add(operation.path)
    assert taking_keys == {
        "/api/consultations/{consultation_id}/cancel",
        "/api/consultations/{consultation_id}/complete",
        "/api/consultations/{consultation_id}/no-show",
        "/api/payment/mpesa/b2c",
        "/api/payment/mpesa/reverse",
        "/api/payment/mpesa/stk-push",
        "/api/payment/refunds/{refund_id}/approve",
        "/api/payment/refunds/{refund_id}/retry",
        "/api/payment/review/{review_id}/resolve",
        "/api/payouts",
        "/api/payouts/bulk",
        "/api/payouts/{payout_id}/approve",
        "/api/payouts/{payout_id}/cancel",
        "/api/payouts/{payout_id}/reject",
        "/api/payouts/{payout_id}/retry",
    }


def test_every_error_that_is_declared_has_the_one_shape(app):
    whole = document(app)
    for operation in operations(app):
        for status, answer in operation.documented["responses"].items():
            if status == "default" or status >= "400":
                schema = resolved(whole, answer)["content"]["application/json"]["schema"]
                shape = resolved(whole, schema)
                assert set(shape["properties"]) == {"success", "error", "code", "errors", "request_id"}, operation
                assert set(shape["required"]) == {"success", "error", "code", "request_id"}
    assert all("default" in operation.documented["responses"] for operation in operations(app))


def test_the_page_for_people_asks_no_other_host(client):
    page = client.get("/docs")
    assert page.mimetype == "text/html"
    links = re.findall(r"""(?:src|href|action|url)\s*=\s*["']?([^"'\s>]+)""", page.text)
    assert len(links) >= 4
    for link in links:
        assert link == "data:," or re.fullmatch(r"/[\w./-]+", link), link
        if link.startswith("/"):
            answer = client.get(link)
            assert answer.status_code == 200, link
            answer.close()
    with client.get("/static/docs.js") as answer:
        script = answer.text
    assert 'url: "/api/openapi.json"' in script
    assert "validatorUrl: null" in script
    for text in (page.text, script):
        assert "//" not in re.sub(r"(?m)^//.*$", "", text)


def test_the_style_sheet_of_the_page_asks_no_other_host(client):
    with client.get("/static/vendor/swagger-ui/swagger-ui.css") as answer:
        found = re.findall(r"@import[^;]+|url\(([^)]+)\)", answer.text)
    assert all(url.strip("\"'").startswith("data:") for url in found)


def test_whatever_is_posted_is_read_and_judged(app):
    """A field that nobody knows is a fault, where no field is known as well; of a refresh the token is all."""
    for operation in operations(app):
        takes_a_body = operation.access != "webhook" and operation.path != "/api/auth/refresh"
        if operation.method in {"POST", "PUT", "PATCH"} and takes_a_body:
            assert "requestBody" in operation.documented, operation
