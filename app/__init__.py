"""Haki Yetu: book a paid consultation and pay for it by M-Pesa."""

from __future__ import annotations

from flask import Flask
from flask_cors import CORS
from flask_migrate import Migrate

from app import auth, consultations, payments
from app.clock import Clock, SystemClock
from app.database import db, init_database
from app.demo import refuse_demo_accounts, seed_command
from app.doctor import doctor_command
from app.errors import init_errors
from app.health import blueprint as health
from app.http import refuse_cut_bodies
from app.idempotency import REPLAYED
from app.limits import init_limits
from app.log import configure_logging, init_request_log
from app.metrics import init_metrics
from app.openapi import init_openapi
from app.payments.daraja import DarajaClient
from app.payments.refunds import money_held
from app.proxies import TrustedProxies
from app.runtime import Runtime
from app.security_headers import init_security_headers
from app.worker import worker_command
from config import Settings, load_settings

__all__ = ["create_app", "db"]

MAX_BODY = 64 * 1024


def create_app(
    settings: Settings | None = None, *, clock: Clock | None = None, daraja: DarajaClient | None = None
) -> Flask:
    """Build an application from settings (the environment's by default); raise ConfigurationError if unsafe."""
    settings = settings or load_settings()
    clock = clock or SystemClock()
    configure_logging(settings.log_level, settings.log_format)

    app = Flask(__name__, instance_path=str(settings.instance_dir.absolute()))
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.extensions["haki_yetu"] = Runtime(settings, clock)
    app.wsgi_app = TrustedProxies(  # type: ignore[method-assign]  # Flask's documented way to add middleware
        app.wsgi_app, hops=settings.trusted_proxy_hops, proxies=settings.trusted_proxies
    )
    init_request_log(app)
    init_metrics(app)
    app.before_request(refuse_cut_bodies)
    init_security_headers(app, https=settings.is_production)
    init_database(app, settings.database_url, pool_size=settings.web_threads)
    Migrate(app, db, directory="migrations", render_as_batch=True, compare_type=True)
    if settings.cors_origins:
        CORS(
            app,
            origins=list(settings.cors_origins),
            always_send=False,
            expose_headers=["Retry-After", "X-Request-Id", REPLAYED],
            max_age=600,
        )

    api = init_openapi(app)
    init_errors(app)
    init_limits(app, settings)
    app.register_blueprint(health)
    auth.register(app, api)
    consultations.register(app, api, money_held=money_held)
    payments.register(app, api, app.extensions["haki_yetu"], daraja=daraja)
    for command in (worker_command, doctor_command, seed_command):
        app.cli.add_command(command)
    with app.app_context():
        refuse_demo_accounts(settings)
    return app
