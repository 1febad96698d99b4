"""How long one waits after how many wrong passwords."""

import pytest

from app.auth.throttle import delay


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (1, 0), (5, 0), (6, 1), (7, 2), (8, 4), (9, 8), (15, 512), (16, 900), (17, 900), (10_000, 900)],
)
def test_the_delay_doubles_from_the_sixth_failure_up_to_a_quarter_of_an_hour(failures, seconds):
    assert delay(failures).total_seconds() == seconds
