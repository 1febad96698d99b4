"""The OpenAPI document and the page that shows it, both working without the internet."""

from __future__ import annotations

import threading
from typing import Any, cast

import flask_smorest
import marshmallow as ma
from flask import Blueprint, Flask, Response, current_app, jsonify, render_template
from werkzeug.exceptions import HTTPException

from app import fields
from app.errors import answer_http_exception
from app.http import IdConverter, VisibleConverter, public

DESCRIPTION = """\
Book a paid consultation and pay for it by M-Pesa.

Log in, send the access token as a bearer token, pick a slot of an advocate, book it, ask for the M-Pesa prompt
and poll the payment until it is `completed`. Amounts are whole Kenyan shillings; times carry their offset.
Every error has the same shape: `error` is a sentence for a person, `code` is for programs.
"""


class ErrorSchema(ma.Schema):
    """Any answer with a status of 400 or above."""

    success = ma.fields.Boolean(required=True, metadata={"example": False})
    error = ma.fields.String(required=True, metadata={"description": "A sentence that a person can act on."})
    code = ma.fields.String(required=True, metadata={"example": "slot_taken"})
    errors = ma.fields.Dict(metadata={"description": "Faults by field; only with 422."})
    request_id = ma.fields.String(required=True)


class Api(flask_smorest.Api):  # type: ignore[misc]  # the library has no types
    """The document's maker, with our error envelope in place of the library's."""

    ERROR_SCHEMA = ErrorSchema

    def __init__(self) -> None:
        super().__init__()
        self._undescribed: list[flask_smorest.Blueprint] = []
        self._describing = threading.Lock()

    def register_blueprint(self, blueprint: flask_smorest.Blueprint) -> None:
        """Register routes; they are described when the document is first asked for, as most processes never are.

        Describing them takes longer than everything else that building an application does. The two steps are
        those of flask-smorest 0.47.0, apart: look at its Api.register_blueprint when it is upgraded.
        """
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blueprint.name] = self
        self._app.register_blueprint(blueprint)
        self._undescribed.append(blueprint)

    def document(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        with self._describing:
            while self._undescribed:
                blueprint = self._undescribed[0]
                blueprint.register_views_in_doc(self, self._app, self.spec, name=blueprint.name, parameters=None)
                self.spec.tag({"name": blueprint.name, "description": blueprint.description})
                del self._undescribed[0]  # only now: what could not be described fails again, and is not left out
            return cast(dict[str, Any], self.spec.to_dict())

    def handle_http_exception(self, error: HTTPException) -> Response:
        """Answer with the project's envelope."""
        return answer_http_exception(error)


def init_openapi(app: Flask) -> Api:
    """Start the document; blueprints are registered through what is returned."""
    app.config |= {
        "API_TITLE": "Haki Yetu",
        "API_VERSION": "1",
        "OPENAPI_VERSION": "3.1.0",
        "API_SPEC_OPTIONS": {
            "info": {"description": DESCRIPTION},
            "components": {
                "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
            },
        },
    }
    app.url_map.converters |= {"id": IdConverter, "default": VisibleConverter}
    api = Api()
    api.register_converter(IdConverter, lambda _: {"type": "integer", "minimum": 1})
    api.register_field(fields.Shillings, "integer", None)
    api.register_field(fields.Instant, "string", "date-time")
    api.init_app(app)
    app.extensions["openapi"] = api
    app.register_blueprint(pages)
    return api


pages = Blueprint("pages", __name__)


@pages.route("/api/openapi.json")
@public
def document() -> Response:
    """Answer with the OpenAPI document."""
    return jsonify(current_app.extensions["openapi"].document())


@pages.route("/docs")
@public
def docs() -> str:
    """Show the OpenAPI document to people."""
    return render_template("docs.html")
