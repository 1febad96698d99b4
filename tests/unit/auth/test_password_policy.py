"""Which passwords are good enough, and for whom."""

import sys
import threading
import time

import pytest

from app.auth.password_policy import WeakPassword, check
from app.roles import Role

ABOUT = ("wanjiru.kamau@example.com", "Wanjirũ Kamau", "254708374149")


def advice(password, role=Role.CLIENT):
    """Return what is said against a password; nothing if it is good."""
    try:
        check(password, role=role, about_owner=ABOUT)
    except WeakPassword as fault:
        return fault.fields["password"]
    return None


@pytest.mark.parametrize(
    "password",
    [
        "mvua ya vuli jioni",
        "correct horse battery staple",
        "Tz7!qLw0#d",
        "нощна лампа над морето",
        "🦒🌴🥭🛖🐘🌧🌙🦩🐊🪘",
        "  blanks are kept  ",
        "my advocate rides a green bicycle to court",
        "mvua ya vuli jioni " * 6,
    ],
)
def test_good_ones_of_any_characters_are_taken(password):
    assert advice(password) is None


@pytest.mark.parametrize(
    "password",
    [
        "1234567890",
        "qwertyuiop",
        "password123",
        "passwordpassword",
        "aaaaaaaaaaaaaaaaaaaa",
        "abcdefghijkl",
        "P@ssw0rd2026",
    ],
)
def test_what_guessers_try_first_is_refused_with_advice(password):
    assert advice(password)
    assert all(sentence.endswith(".") for sentence in advice(password))


@pytest.mark.parametrize(
    "password",
    [
        "Safaricom2024",
        "HakiYetu-2026",
        "mpesa.mpesa.77",
        "Wakili!Wakili9",
        "Wanjirũ.1999",
        "kamau-KAMAU-1",
        "0708374149abc",
        "254708374149#",
        "example.com.1",
    ],
)
def test_the_site_and_the_owners_own_details_are_no_passwords(password):
    assert advice(password) == ["Do not build it from your own details or from the name of this service."]


def test_own_details_in_another_spelling_are_caught_by_guessing():
    assert advice("s@faric0m99")


@pytest.mark.parametrize(("role", "length"), [(Role.CLIENT, 10), *((role, 15) for role in list(Role)[1:])])
def test_the_least_length_depends_on_the_role(role, length):
    long_enough = "Tz7!qLw0#dVr9&kX"[:length]
    assert advice(long_enough, role) is None
    assert advice(long_enough[:-1], role) == [f"Use at least {length} characters."]


def test_a_long_password_of_staff_may_be_plain_but_not_silly():
    plain = "monkey monkey monkey cat"
    assert advice(plain, Role.CLIENT)
    assert advice(plain, Role.FINANCE) is None
    assert advice("aaaaaaaaaaaaaaaaaa", Role.FINANCE)
    assert advice("123456789012345678", Role.ADMIN)


def test_the_fault_names_the_field_as_the_request_did():
    with pytest.raises(WeakPassword) as fault:
        check("short", role=Role.CLIENT, about_owner=(), field="new_password")
    assert list(fault.value.fields) == ["new_password"]
    assert (fault.value.status, fault.value.code) == (422, "weak_password")


def test_a_long_password_takes_no_longer_to_judge_than_its_beginning():
    hard = "4@8({[<369!1|0$5+7%2" * 6

    def seconds(password: str) -> float:
        started = time.perf_counter()
        check(password, role=Role.CLIENT, about_owner=ABOUT)
        return time.perf_counter() - started

    assert seconds(hard) < 10 * seconds(hard[:32])  # hundreds of times as long, were it judged in full


@pytest.fixture
def hasty_threads():
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("hasty_threads")
def test_people_judged_at_the_same_time_do_not_mix_up_their_words():
    """A word that is weak for one, because it is her name, stays good for the other."""
    refused = []
    together = threading.Barrier(2)

    def judge(owner, password):
        together.wait()
        for _ in range(150):
            try:
                check(password, role=Role.CLIENT, about_owner=(owner,))
            except WeakPassword:
                refused.append(owner)

    pairs = [("zubeidatabora", "mwakazambo99x"), ("mwakazambo", "zubeidatabora99")]
    threads = [threading.Thread(target=judge, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == []
