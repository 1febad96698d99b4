"""The edge that every route shares: who may call it, how input is read, how lists are paged."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from copy import deepcopy
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import flask_smorest
import marshmallow as ma
from flask import Request, abort, current_app, request
from flask_jwt_extended import get_current_user, verify_jwt_in_request
from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session
from webargs.flaskparser import FlaskParser
from werkzeug.routing import BaseConverter

from app import strict_json
from app.database import Base
from app.errors import InvalidInput, Problem
from app.fields import QueryNumber, Text
from app.roles import Role

View = Callable[..., Any]
Row = TypeVar("Row", bound=Base)


class Person(Protocol):
    """Who is calling, as far as this layer needs to know."""

    id: int
    role: Role


class RoleRefused(Problem):
    """The caller's role may not use this route at all."""

    status, code, message = 403, "forbidden", "Your account may not use this address."


class StrictParser(FlaskParser):
    """Read request input without guessing: strict JSON, unknown and repeated fields are faults."""

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012 - webargs declares it as an instance variable
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "json": ma.RAISE,
        "query": ma.RAISE,
    }

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        """Read the body as strict JSON; an absent body counts as an empty object."""
        raw = req.get_data(cache=True)
        if not raw.strip():
            return {}
        if req.mimetype != "application/json":
            abort(415)
        try:
            return strict_json.loads(raw)
        except strict_json.BadJson as fault:
            raise InvalidJson(f"The body could not be read: {fault}.") from None

    def load_querystring(self, req: Request, schema: ma.Schema) -> Any:
        """Read the query; a parameter given twice has no one meaning, an empty one is left out.

        Forms send every filter, filled or not. What is empty and unknown, or means yes or no, stays a fault.
        """
        repeated = {name: ["Give this once."] for name in req.args if len(req.args.getlist(name)) > 1}
        if repeated:
            raise InvalidInput(fields=repeated)
        known = {field.data_key or name: field for name, field in schema.fields.items()}
        return {name: value for name, value in req.args.items() if value or not _may_be_empty(known.get(name))}


def _may_be_empty(field: ma.fields.Field[Any] | None) -> bool:
    return field is not None and not isinstance(field, ma.fields.Boolean)


def body_is_cut() -> bool:
    """Say whether a chunked body is too large; Werkzeug would hand on its beginning as if it were all."""
    is_full = request.content_length is None and len(request.get_data()) == request.max_content_length
    return is_full and bool(request.environ["wsgi.input"].read(1))


def refuse_cut_bodies() -> None:
    """Refuse a chunked body that is too large, except where the view looks for itself."""
    view = current_app.view_functions.get(request.endpoint or "")
    if not getattr(view, "takes_large_body", False) and body_is_cut():
        abort(413)


def takes_large_body(view: View) -> View:
    """Leave it to a view to set its own limit and to ask body_is_cut(); goes right below `allow`."""
    marked: Any = view
    marked.takes_large_body = True
    return view


class InvalidJson(Problem):
    """The body is not JSON that this API accepts."""

    status, code = 400, "invalid_json"


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # the library has no types
    """A blueprint whose arguments are read strictly."""

    ARGUMENTS_PARSER = StrictParser()

    if TYPE_CHECKING:  # what the untyped library's decorators do to a view: they hand back a view

        def route(self, rule: str, **options: Any) -> Callable[[View], View]: ...
        def arguments(self, schema: type[ma.Schema], **options: Any) -> Callable[[View], View]: ...
        def response(self, status: int, schema: Any = None, **options: Any) -> Callable[[View], View]: ...
        def alt_response(self, status: int, response: Any = None, **options: Any) -> Callable[[View], View]: ...
        def doc(self, **parts: Any) -> Callable[[View], View]: ...


class IdConverter(BaseConverter):
    """A row id in a path; anything a database could not hold is simply not found."""

    regex = r"[1-9][0-9]{0,18}"

    def to_python(self, value: str) -> int:
        """Return the id, or 0, which no row has, where it is too large."""
        return int(value) if int(value) <= strict_json.LARGEST else 0


class VisibleConverter(BaseConverter):
    """A text in a path: visible ASCII of bounded length, since some databases take no NUL and nobody means one."""

    regex = r"[!-.0-~]{1,128}"


def _declare(view: View, access: str, *errors: int) -> View:
    """Write on a view who may call it and which errors follow, for the architecture tests and the OpenAPI page."""
    declared: Any = view
    declared.access = access
    declared._apidoc = deepcopy(getattr(view, "_apidoc", {}))
    if any(taken["in"] == "json" for taken in declared._apidoc.get("arguments", {}).get("parameters", [])):
        errors += (400, 413, 415)
    documented = {int(status) for status in declared._apidoc.get("response", {}).get("responses", {})}
    manual = declared._apidoc.setdefault("manual_doc", {})
    manual["security"] = [{"bearer": []}] if 401 in errors else []
    manual["x-access"] = access
    manual["responses"] = {str(status): HTTPStatus(status).name for status in set(errors) - documented}
    return cast(View, declared)


def public(view: View) -> View:
    """Let anybody call this route."""
    return _declare(view, "public")


def webhook(view: View) -> View:
    """Leave it to the view to decide whom it believes; for Safaricom's calls alone."""
    return _declare(view, "webhook")


def allow(*roles: Role, refresh: bool = False, either: bool = False) -> Callable[[View], View]:
    """Let only people with one of these roles call a route; no role given means anybody who is logged in.

    `refresh` asks for a refresh token instead of an access token, `either` takes both kinds.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            verify_jwt_in_request(refresh=refresh, verify_type=not either)
            if roles and caller().role not in roles:
                raise RoleRefused
            return view(*args, **kwargs)

        if not roles:
            return _declare(checked, "signed in", 401)
        return _declare(checked, ",".join(sorted(roles)), 401, 403)

    return decorate


def caller() -> Person:
    """Return the person behind the verified token, as the database knows them now."""
    return cast(Person, get_current_user())


class NoBody(ma.Schema):
    """Nothing: the address says it all."""


class PageArgs(ma.Schema):
    """How a list is cut."""

    limit = QueryNumber(load_default=50, low=1, high=100)
    cursor = Text(max_length=18, pattern=r"[1-9][0-9]*")  # one digit more could be beyond what a row id holds
    offset = QueryNumber(load_default=0, low=0, high=1_000_000)


def page_of(item: type[ma.Schema]) -> type[ma.Schema]:
    """Make the schema of a page of items."""
    return ma.Schema.from_dict(
        {
            "items": ma.fields.List(ma.fields.Nested(item), required=True),
            "next_cursor": ma.fields.String(allow_none=True, required=True),
            "total": ma.fields.Integer(allow_none=True, required=True),
        },
        name=item.__name__.removesuffix("Schema") + "Page",
    )


def page(
    session: Session,
    rows: Select[tuple[Row]],
    key: InstrumentedAttribute[int],
    *,
    limit: int,
    offset: int = 0,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Cut one page, newest first; `key` is the id that the cursor continues after."""
    total = session.scalar(select(func.count()).select_from(rows.order_by(None).subquery()))
    if cursor is not None:
        rows = rows.where(key < int(cursor))
    found = list(session.scalars(rows.order_by(key.desc()).offset(offset).limit(limit + 1)).unique())
    more = len(found) > limit
    items = found[:limit]
    last = getattr(items[-1], key.key) if items else None
    return {"items": items, "next_cursor": str(last) if more else None, "total": total}


def prefers_swahili() -> bool:
    """Say whether the caller would rather read Swahili: of the two that we write, what is named first wins."""
    # Werkzeug's best_match would rather have an exact `en` of low quality than `sw-KE`.
    wanted = (_language(tag) for tag, quality in request.accept_languages if quality > 0)
    return next((language for language in wanted if language in {"sw", "en"}), "en") == "sw"


def _language(tag: str) -> str:
    return re.split("[-_]", tag, maxsplit=1)[0].lower()
