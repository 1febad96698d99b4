"""Who is it."""

from __future__ import annotations

from flask import Flask

from app.openapi import Api


def register(app: Flask, api: Api) -> None:
    """Add accounts and log-in to the application."""
