"""An organisation's statement, as the portal exports it and as it comes out of other hands."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.payments.daraja import (
    MOST_ROWS,
    MalformedStatement,
    Statement,
    StatementLine,
    StatementTooLong,
    parse_statement,
)

PREAMBLE = """Account Holder:,Haki Yetu
Short Code:,600001
Time Period:,01-11-2026 - 02-11-2026
Opening Balance:,"10,000.00"

"""
HEADER = (
    "Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,"
    "Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No.,Currency\n"
)
PAID_IN = (
    "UK2A0000XY,02-11-2026 10:15:12,02-11-2026 10:15:01,Pay Bill from 2547****001 - TEST NAME Acc. HY-7K3M9Q,"
    'Completed,"1,500.00",,"11,500.00",true,Pay Bill Online,2547****001 - TEST NAME,,HY-7K3M9Q,KES\n'
)
WITHDRAWN = (
    "UK2B0000XY,2026-11-02 10:16:00,2026-11-02 10:16:00,Business Payment,Completed,,-700.00,10800.00,true,"
    "Business Payment to Customer via API,254700000001 - TEST NAME,UK2A0000XY,,KES\n"
)
AT = datetime(2026, 11, 2, 7, 15, 12, tzinfo=UTC)


def row(**changes: str) -> str:
    cells = {
        "receipt": "UK2A0000XY",
        "completed": "02-11-2026 10:15:12",
        "status": "Completed",
        "paid_in": "1500.00",
        "withdrawn": "",
        "currency": "KES",
    } | changes
    return ",".join(cells.values()) + "\n"


SHORT_HEADER = "Receipt No.,Completion Time,Transaction Status,Paid In,Withdrawn,Currency\n"


def read(text: str) -> Statement:
    return parse_statement(SHORT_HEADER + text)


def test_money_in_and_out_is_read_below_the_preamble() -> None:
    statement = parse_statement(PREAMBLE + HEADER + PAID_IN + WITHDRAWN)
    assert statement.faults == ()
    assert statement.lines == (
        StatementLine(
            receipt="UK2A0000XY",
            completed_at=AT,
            details="Pay Bill from 2547****001 - TEST NAME Acc. HY-7K3M9Q",
            status="Completed",
            paid_in=Decimal(1500),
            withdrawn=None,
            balance=Decimal(11500),
            reason_type="Pay Bill Online",
            other_party="2547****001 - TEST NAME",
            linked_receipt=None,
            account_reference="HY-7K3M9Q",
        ),
        StatementLine(
            receipt="UK2B0000XY",
            completed_at=datetime(2026, 11, 2, 7, 16, tzinfo=UTC),
            details="Business Payment",
            status="Completed",
            paid_in=None,
            withdrawn=Decimal(700),
            balance=Decimal(10800),
            reason_type="Business Payment to Customer via API",
            other_party="254700000001 - TEST NAME",
            linked_receipt="UK2A0000XY",
            account_reference="",
        ),
    )


def test_columns_are_found_by_name_in_any_order_and_case() -> None:
    header = '"Balance","PAID IN",Withdrawn,Something New,transaction status,"Completion Time ",Receipt No\n'
    line = "10.00,5.00,,x,Completed,02-11-2026 10:15:12,UK2A0000XY\n"
    (only,) = parse_statement(header + line).lines
    assert (only.receipt, only.paid_in, only.balance, only.completed_at) == ("UK2A0000XY", 5, 10, AT)
    assert (only.details, only.other_party, only.account_reference) == ("", "", "")


@pytest.mark.parametrize("text", ["\ufeff" + SHORT_HEADER + row(), (SHORT_HEADER + row()).replace("\n", "\r\n")])
def test_a_byte_order_mark_and_windows_line_ends_are_no_matter(text: str) -> None:
    assert len(parse_statement(text).lines) == 1


@pytest.mark.parametrize(
    "written",
    [
        "02-11-2026 10:15:12",
        "2026-11-02 10:15:12",
        "2026-11-02T10:15:12",
        "2026-11-02T07:15:12Z",
        "2026-11-02T10:15:12+03:00",
    ],
)
def test_a_time_is_of_nairobi_unless_it_says_otherwise(written: str) -> None:
    assert read(row(completed=written)).lines[0].completed_at == AT


def test_a_time_may_lack_its_seconds() -> None:
    assert read(row(completed="02-11-2026 10:15")).lines[0].completed_at == AT.replace(second=0)


@pytest.mark.parametrize("withdrawn", ["700.00", "-700.00", '"-1,700.00"'])
def test_money_out_is_positive_however_it_is_written(withdrawn: str) -> None:
    amount = read(row(paid_in="", withdrawn=withdrawn)).lines[0].withdrawn
    assert amount in (700, 1700)


def test_blank_lines_totals_and_repeated_headers_are_no_movements() -> None:
    statement = read("\n" + row() + ",,\n" + SHORT_HEADER + ",,Totals,1500.00,0.00,\n" + row())
    assert (len(statement.lines), statement.faults) == (2, ())


def test_what_did_not_come_about_may_have_no_amount() -> None:
    statement = read(row(status="Failed", paid_in="") + row(status="Cancelled"))
    assert [(line.status, line.paid_in) for line in statement.lines] == [("Failed", None), ("Cancelled", 1500)]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row(receipt=""), "no readable Receipt No."),
        (row(receipt="UK2 A"), "no readable Receipt No."),
        (row(completed="2.02611E+13"), "no readable Completion Time"),
        (row(completed="31-02-2026 10:15:12"), "no readable Completion Time"),
        (row(completed="2026-11-02"), "no readable Completion Time"),
        (row(paid_in="many"), "no readable Paid In"),
        (row(paid_in='"1,50.00"'), "no readable Paid In"),
        (row(paid_in="-5.00"), "Paid In below zero"),
        (row(withdrawn="5.00"), "both Paid In and Withdrawn"),
        (row(paid_in="0.00"), "completed without an amount"),
        (row(currency="USD"), "not in KES"),
        ("UK2A0000XY\n", "no readable Completion Time"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_the_rest_is_read(bad: str, reason: str) -> None:
    statement = read(row() + bad + row())
    assert statement.faults == (f"line 3: {reason}",)
    assert len(statement.lines) == 2


def test_a_fault_names_the_line_of_the_file_below_preamble_and_broken_cells() -> None:
    two_lines_in_a_cell = row(status='"Compl\neted"')
    statement = parse_statement(PREAMBLE + SHORT_HEADER + two_lines_in_a_cell + row(receipt=""))
    assert [fault.split(":")[0] for fault in statement.faults] == ["line 9"]


def test_only_the_first_faults_are_told_and_the_others_counted() -> None:
    statement = read(row(receipt="") * 250 + row())
    assert (len(statement.lines), len(statement.faults), statement.further_faults) == (1, 100, 150)
    assert statement.faults[-1].startswith("line 101:")


@pytest.mark.parametrize("text", [row(), "\n", "x\n"])
def test_a_text_of_too_many_rows_is_refused_whatever_they_hold(text: str) -> None:
    read(text * (MOST_ROWS - 1))
    with pytest.raises(StatementTooLong):
        read(text * MOST_ROWS)
    with pytest.raises(StatementTooLong):
        parse_statement(text * (MOST_ROWS + 1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        PREAMBLE,
        "Receipt No.,Completion Time,Paid In,Withdrawn\n",
        "a;b;c\n",
        SHORT_HEADER + row(status='"Completed') + row(),
        SHORT_HEADER + '"' + "x" * 200_000 + '"\n',
    ],
)
def test_what_is_no_statement_or_would_swallow_rows_is_malformed(text: str) -> None:
    with pytest.raises(MalformedStatement):
        parse_statement(text)


def test_no_repr_of_a_line_names_a_person_or_an_account() -> None:
    shown = repr(parse_statement(HEADER + PAID_IN + WITHDRAWN))
    assert "TEST NAME" not in shown
    assert "254700000001" not in shown


@given(st.lists(st.lists(st.text(alphabet='ab09-:, ."\n\u0000\u0661', max_size=12), max_size=7), max_size=6))
def test_whatever_the_cells_hold_a_line_is_whole_or_a_fault(rows: list[list[str]]) -> None:
    text = "".join(",".join(cells) + "\n" for cells in rows)
    try:
        statement = read(text)
    except MalformedStatement:
        return
    for line in statement.lines:
        assert line.completed_at.tzinfo is UTC
        assert (line.paid_in or 1) > 0
        assert (line.withdrawn or 1) > 0
