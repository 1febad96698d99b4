"""How passwords are kept."""

import pytest
from argon2 import PasswordHasher

from app.auth.hashing import hash_password, is_outdated, matches


def test_a_password_matches_what_was_kept_of_it_and_no_other_does():
    kept = hash_password("mvua ya vuli jioni")
    assert matches(kept, "mvua ya vuli jioni")
    assert not matches(kept, "mvua ya vuli jion")


def test_two_people_with_one_password_are_kept_differently():
    assert hash_password("mvua ya vuli jioni") != hash_password("mvua ya vuli jioni")


@pytest.mark.parametrize("password", ["", "x", "mvua ya vuli jioni", "\x00", "🦒"])
def test_nothing_matches_nobody(password):
    assert matches(None, password) is False


def test_weaker_parameters_are_outdated_and_todays_are_not():
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("mvua ya vuli jioni")
    assert is_outdated(weak)
    assert not is_outdated(hash_password("mvua ya vuli jioni"))
