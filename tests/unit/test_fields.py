"""What the wire accepts, field by field."""

from datetime import UTC, datetime

import marshmallow as ma
import pytest

from app import fields
from app.errors import Problem


def load(field, value):
    return ma.Schema.from_dict({"it": field})().load({"it": value})["it"]


def dump(field, value):
    return ma.Schema.from_dict({"it": field})().dump({"it": value})["it"]


@pytest.mark.parametrize("value", [True, False, "1", 1.0, 1.5, [1], {"$gt": 0}, None, 0, 11, -1, 10**30])
def test_a_whole_number_is_a_json_integer_within_bounds(value):
    with pytest.raises(ma.ValidationError):
        load(fields.WholeNumber(low=1, high=10), value)


@pytest.mark.parametrize("value", [1, 10])
def test_a_whole_number_may_be_either_bound(value):
    assert load(fields.WholeNumber(low=1, high=10), value) == value


@pytest.mark.parametrize(
    "value", ["", "one", "1.0", "1e1", " 1", "1\n", "١", "0x1", "1_0", "+1", "--1", "0", "11", "9" * 5_000]
)
def test_a_number_in_a_query_is_plain_digits_within_bounds(value):
    with pytest.raises(ma.ValidationError):
        load(fields.QueryNumber(low=1, high=10), value)


def test_a_number_in_a_query_is_read():
    assert load(fields.QueryNumber(low=1, high=10), "10") == 10


@pytest.mark.parametrize("value", [0, -1, 2**63, 10**30, -(10**30)])
def test_an_id_that_no_row_can_have_is_read_as_the_one_that_none_has(value):
    assert load(fields.Id(), value) == 0


@pytest.mark.parametrize("value", [1, 7, 2**63 - 1])
def test_any_other_id_is_read_as_it_is(value):
    assert load(fields.Id(), value) == value


@pytest.mark.parametrize("value", [True, "1", 1.0, [1], {"$gt": 0}, None])
def test_an_id_is_a_json_integer(value):
    with pytest.raises(ma.ValidationError):
        load(fields.Id(), value)


@pytest.mark.parametrize(("shillings", "cents"), [(1, 100), (3000, 300_000), (250_000, 25_000_000)])
def test_shillings_are_cents_inside(shillings, cents):
    field = fields.Shillings(low=1)
    assert load(field, shillings) == cents
    assert dump(field, cents) == shillings


@pytest.mark.parametrize("value", [0.5, 3000.0, 1e3, -0.1])
def test_a_fraction_of_a_shilling_has_an_error_of_its_own(value):
    with pytest.raises(Problem) as refused:
        load(fields.Shillings(low=1), value)
    assert (refused.value.status, refused.value.code) == (422, "whole_shillings_only")
    assert list(refused.value.fields) == ["it"]


@pytest.mark.parametrize("value", [True, "3000", 0, -1, 250_001, 2**63, 10**30, [3000], {}])
def test_shillings_are_a_json_integer_that_mpesa_can_move(value):
    with pytest.raises(ma.ValidationError):
        load(fields.Shillings(low=1), value)


@pytest.mark.parametrize(
    "value",
    [
        "a\nb",
        "a\n",
        "\ta",
        "a\x00",
        "a\x1b[31m",
        "a\x7f",
        "a\u0085",
        "a\u2028b",
        "a\u2029",
        "a\u202eb",  # reads from right to left from here on
        "\u2066a\u2069",
        "a\u200fb",
        "a\u061cb",
        "a\u200bb",  # nothing wide
        "a\u200db",
        "\ufeffa",
        "a\u00adb",
        "\ud800",
        7,
        ["a"],
        True,
    ],
)
def test_text_has_no_control_characters_anywhere(value):
    with pytest.raises(ma.ValidationError):
        load(fields.Text(max_length=10), value)


@pytest.mark.parametrize(
    "name", ["Ng'ang'a", "Nyũmba", "Wanjikũ wa Thiong’o", "Zainab-Amina", "زينب عبد الله", "Þóra 王"]
)
def test_names_of_all_scripts_are_text(name):
    assert load(fields.Text(max_length=40), name) == name


def test_text_is_trimmed_and_put_into_one_form():
    assert load(fields.Text(max_length=10), "  nyu\u0303mba ") == "nyũmba"


@pytest.mark.parametrize("value", ["", "   ", "abcdef", "ab\u0663"])
def test_text_keeps_to_its_length_and_pattern(value):
    with pytest.raises(ma.ValidationError):
        load(fields.Text(min_length=1, max_length=5, pattern=r"[a-z]+\d*"), value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "12",
        "0204123456",
        "٠٧٠٨٣٧٤١٤٩",
        "0708374149\n",
        "0708374149\x00",
        254708374149,
        True,
        ["0708374149"],
        {},
    ],
)
def test_a_phone_number_has_an_error_of_its_own(value):
    with pytest.raises(Problem) as refused:
        load(fields.Phone(), value)
    assert (refused.value.status, refused.value.code) == (422, "invalid_phone_number")
    assert refused.value.text == "Invalid phone number format. Use 254XXXXXXXXX"
    assert refused.value.fields == {"it": ["Invalid phone number format. Use 254XXXXXXXXX"]}


def test_a_phone_number_is_one_form_inside():
    assert load(fields.Phone(), " 0708 374-149 ") == "254708374149"


def test_an_instant_is_utc_inside_and_nairobi_outside():
    field = fields.Instant()
    assert load(field, "2026-11-24T09:00:00+03:00") == datetime(2026, 11, 24, 6, tzinfo=UTC)
    assert load(field, "2026-11-24T06:00:00Z") == datetime(2026, 11, 24, 6, tzinfo=UTC)
    assert dump(field, datetime(2026, 11, 24, 6, tzinfo=UTC)) == "2026-11-24T09:00:00+03:00"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "tomorrow",
        "2026-11-24",
        "2026-11-24T09:00:00",  # no offset: whose nine o'clock?
        "2026-02-30T09:00:00Z",
        "2026-11-24T25:00:00Z",
        "2026-11-24T09:00:00+99:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "٢٠٢٦-١١-٢٤T09:00:00Z",
        "2026-11-24T09:00:00Z\n",
        1_795_500_000,
        None,
        ["2026-11-24T09:00:00Z"],
        {},
        True,
        "9" * 5_000,
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_an_instant_without_one_meaning_is_refused(value):
    with pytest.raises(ma.ValidationError):
        load(fields.Instant(), value)
