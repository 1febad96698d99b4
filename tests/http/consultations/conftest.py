"""The cast of a booking."""

import pytest

from tests.bookings import book, make_advocate
from tests.people import make_user


@pytest.fixture
def achieng(app):
    return make_user(app, "Achieng")


@pytest.fixture
def baraka(app):
    return make_advocate(app)


@pytest.fixture
def chebet(app):
    return make_user(app, "Chebet")


@pytest.fixture
def dalmas(app):
    return make_user(app, "Dalmas")


@pytest.fixture
def booked(app, achieng, baraka):
    """A consultation of Achieng's with Baraka on Tuesday at nine, not paid for."""
    return book(app, achieng, baraka)
