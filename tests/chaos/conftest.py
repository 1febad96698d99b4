"""The stage of the payment tests, for what checks a chaos run: a paid booking that nothing is wrong with."""

from tests.payments.conftest import (  # noqa: F401 - fixtures
    booking,
    clock,
    desk,
    port,
    running_simulator,
    safaricom,
    served,
    settings,
)
