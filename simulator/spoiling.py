"""What becomes of the answer to an accepted request on its way to the caller."""

from dataclasses import replace

from simulator import refusals
from simulator.faults import Faults
from simulator.ids import Ids
from simulator.records import Reply


def spoiled(reply: Reply, faults: Faults, ids: Ids, without_ids: str) -> Reply:
    """Spoil an answer as `faults.answer` says; `without_ids` is its body without any id."""
    match faults.answer:
        case "lost":
            return replace(reply, status=0, body="", fate="lost")
        case "cut":
            return replace(reply, fate="cut")
        case "error_500":
            return refusals.INTERNAL.reply(ids)
        case "system_internal":
            return refusals.SYSTEM_INTERNAL.reply(ids)
        case "html":
            return Reply(200, "<html><body><h1>It works!</h1></body></html>", "text/html")
        case "truncated":
            return replace(reply, body=reply.body[: len(reply.body) // 2])
        case "no_ids":
            return replace(reply, body=without_ids)
        case "byte_order_mark":
            # U+FEFF in front of the values (observed, production 2017).
            return replace(reply, body=reply.body.replace(': "', ': "\ufeff'))
        case "empty":
            return replace(reply, body="")
        case _:
            return reply
