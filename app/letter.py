"""One letter: the same in English and in Swahili, with facts between the two, as an e-mail and as an SMS."""

from __future__ import annotations

from dataclasses import dataclass

from flask import render_template

Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Letter:
    """One e-mail before its blanks are filled in; an SMS says the same in one line."""

    subject: str
    english: str
    swahili: str
    sms: str = ""


@dataclass(frozen=True)
class Written:
    """One e-mail with its SMS, ready to be queued."""

    subject: str
    text: str
    html: str
    sms: str


def write(letter: Letter, *, name: str, facts: Facts = (), **blanks: str) -> Written:
    """Fill in a letter; facts stand between the two languages, each with a label in both."""
    subject = letter.subject.format(**blanks)
    said = {
        "subject": subject,
        "name": name,
        "english": letter.english.format(**blanks),
        "swahili": letter.swahili.format(**blanks),
        "facts": facts,
    }
    text, html = render_template("mail/letter.txt", **said), render_template("mail/letter.html", **said)
    return Written(subject, text, html, letter.sms.format(**blanks))
