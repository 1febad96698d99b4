"""What is promised, to whom, when."""

from __future__ import annotations

from flask import Flask

from app.openapi import Api


def register(app: Flask, api: Api) -> None:
    """Add advocates and consultations to the application."""
