"""The money: prompts asked for, news taken in, and what follows for the consultation."""

from __future__ import annotations

from flask import Flask

from app.openapi import Api
from app.payments.daraja import DarajaClient


def register(app: Flask, api: Api, *, daraja: DarajaClient | None) -> None:
    """stub"""
