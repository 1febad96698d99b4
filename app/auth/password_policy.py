"""Which passwords are good enough."""

from __future__ import annotations

import re
from collections.abc import Iterable
from threading import Lock

from app.errors import Problem
from app.roles import Role

MAX_LENGTH = 128
# Length, and zxcvbn's score of 0 to 4. A long one of staff may be plainer, but not "aaaaaaaaaaaaaaa".
_CLIENT = (10, 3)
_EVERYBODY_ELSE = (15, 2)
# Words that anybody would try first here and that the world's lists of common passwords do not have.
_SITE_WORDS = frozenset(
    {"haki", "yetu", "hakiyetu", "sheria", "mahakama", "wakili", "mawakili", "advocate", "advocates", "lawyer"}
    | {"safaricom", "mpesa", "pesa", "lipa", "daraja", "paybill", "shilingi", "consultation", "karibu"}
    | {"kenya", "nairobi", "mombasa", "kisumu", "nakuru", "admin", "finance", "client"}
)
# zxcvbn takes seconds over 72 characters full of symbols; 32 are plenty to tell a good one.
_JUDGED = 32
_one_at_a_time = Lock()


class WeakPassword(Problem):
    """Too short, or too easy to guess; `errors` says what to do about it."""

    status, code, message = 422, "weak_password", "Choose a password that is harder to guess."


def check(password: str, *, role: Role, about_owner: Iterable[str | None], field: str = "password") -> None:
    """Raise WeakPassword with advice unless a password suits a role.

    `about_owner` are texts that a stranger may know: name, e-mail address, phone number. `field` is what the
    password is called in the request.
    """
    length, score = _CLIENT if role is Role.CLIENT else _EVERYBODY_ELSE
    if len(password) < length:
        raise WeakPassword(fields={field: [f"Use at least {length} characters."]})
    words = _SITE_WORDS | _words(about_owner)
    if _is_mostly(words, password):
        raise WeakPassword(
            fields={field: ["Do not build it from your own details or from the name of this service."]}
        )
    if advice := _advice(password, words, score):
        raise WeakPassword(fields={field: advice})


def _words(texts: Iterable[str | None]) -> set[str]:
    words = {word for text in texts for word in re.split(r"[\W_]+", (text or "").lower()) if len(word) >= 3}
    phones = {f"0{word[3:]}" for word in words if re.fullmatch(r"254[0-9]{9}", word, re.ASCII)}
    return words | phones


def _is_mostly(words: Iterable[str], password: str) -> bool:
    """Say whether such words make up half of a password or more: zxcvbn counts "Safaricom2024" as excellent."""
    text = password.lower()
    covered: set[int] = set()
    for word in words:
        for found in re.finditer(re.escape(word), text):
            covered.update(range(*found.span()))
    return 2 * len(covered) >= len(text)


def _advice(password: str, words: Iterable[str], score: int) -> list[str]:
    """Return why a password is too easy to guess, in words for people; nothing if it is not."""
    from zxcvbn import zxcvbn  # takes 50 ms and 30 MB, which most processes and commands never need

    with _one_at_a_time:  # it keeps the words in a global
        judged = zxcvbn(password[:_JUDGED], user_inputs=sorted(words))
    if judged["score"] >= score:
        return []
    feedback = judged["feedback"]
    return [text for text in (feedback["warning"], *feedback["suggestions"]) if text]
