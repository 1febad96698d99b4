"""What the control API is sent."""

from collections.abc import Mapping

from flask import request


class BadControl(ValueError):
    """The control API was asked something that makes no sense."""


def json_body() -> Mapping[str, object]:
    """Read the JSON object that was sent."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BadControl("send a JSON object")
    return body
