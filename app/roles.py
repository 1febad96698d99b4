"""The kinds of account."""

from enum import StrEnum


class Role(StrEnum):
    """What an account may do; staff means finance and admin."""

    CLIENT = "client"
    ADVOCATE = "advocate"
    FINANCE = "finance"
    ADMIN = "admin"


STAFF = frozenset({Role.FINANCE, Role.ADMIN})
