"""One person of each role, for the tests of all routes at once."""

import pytest

from tests.http.api_map import People


@pytest.fixture
def people(app):
    return People(app)
