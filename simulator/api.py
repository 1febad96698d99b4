"""The Flask application: Safaricom's HTTP surface, the control API and the phone page on one port."""

import socket
from dataclasses import replace

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from simulator import control, phone_page
from simulator.records import Call, Reply
from simulator.world import World

_LARGEST_BODY = 64 * 1024
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def create_app(world: World) -> Flask:
    """Make the application that serves one world."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_BODY
    app.register_blueprint(control.blueprint(world))
    app.register_blueprint(phone_page.blueprint(world))

    @app.get("/")
    def home() -> AnyResponse:
        return redirect("/phone")

    @app.route("/<path:path>", methods=_METHODS)
    def daraja(path: str) -> Response:
        with world.lock:
            engine = world.engine
            reply = engine.answer(_call())
        for callback in reply.callbacks_first:
            world.courier.deliver(engine, callback)
        if reply.delay_s:
            world.stopping.wait(reply.delay_s)
        return _response(reply)

    return app


def _call() -> Call:
    return Call(
        method=request.method,
        path=request.path,
        arguments=request.args.to_dict(),
        authorization=request.headers.get("Authorization", ""),
        content_type=request.headers.get("Content-Type", ""),
        body=request.get_data(),
    )


def _response(reply: Reply) -> Response:
    if reply.fate == "lost":
        _hang_up()
        reply = replace(reply, status=200)
    response = Response(reply.body, reply.status, content_type=reply.content_type)
    if reply.fate == "cut":
        response.set_data(reply.body[: len(reply.body) // 2])
        response.headers["Content-Length"] = str(len(reply.body))
    return response


def _hang_up() -> None:
    """Close the caller's connection under the server, which then finds nobody to answer."""
    connection: socket.socket = request.environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
