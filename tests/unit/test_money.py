"""Money is whole numbers, inside and at the edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import money


@given(st.integers(0, 250_000))
def test_shillings_survive_the_way_in_and_out(shillings):
    assert money.to_shillings(money.from_shillings(shillings)) == shillings


@pytest.mark.parametrize("cents", [1, 99, 300_001, -50])
def test_cents_are_never_rounded_away(cents):
    with pytest.raises(money.NotWholeShillings):
        money.to_shillings(cents)


@given(st.integers(0, 25_000_000), st.integers(0, 100))
def test_a_share_is_whole_shillings_and_never_more_than_its_percentage(cents, percent):
    share = money.share(cents, percent)
    assert share % money.CENTS == 0
    assert 0 <= share * 100 <= cents * percent
    assert cents * percent - share * 100 < 100 * money.CENTS


def test_all_of_it_is_all_of_it():
    assert money.share(300_000, 100) == 300_000
    assert money.share(300_000, 0) == 0


@pytest.mark.parametrize(
    ("cents", "said"),
    [(300_000, "KES 3,000"), (300_050, "KES 3,000.50"), (0, "KES 0"), (100_000_007, "KES 1,000,000.07")],
)
def test_an_amount_is_written_for_people(cents, said):
    assert money.spoken(cents) == said
