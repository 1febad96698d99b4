"""Dynamic QR: a picture of the size asked for, with a pattern that no phone can read."""

import base64
import hashlib
import struct
import zlib

from simulator import fields, refusals
from simulator.bodies import laid_out
from simulator.core import Core
from simulator.desk import Desk, Product, Visit
from simulator.records import Call, Reply
from simulator.refusals import Refused, invalid
from simulator.spoiling import spoiled

_PRODUCT = Product("qr", "QR", refusals.bad_token, lambda _: "")
_TRX_CODES = ("BG", "WA", "PB", "SM", "SB")
_LARGEST = 1000
# Squares along one side.
_MODULES = 16


class Qr:
    """Draws QR codes, or what looks like them."""

    def __init__(self, core: Core, desk: Desk) -> None:
        self._core = core
        self._desk = desk

    def generate(self, call: Call) -> Reply:
        """Answer a request for a code (daraja-docs Dynamic QR; ResponseCode "00" as observed in production)."""
        return self._desk.serve(_PRODUCT, call, self._draw)

    def _draw(self, visit: Visit) -> Reply:
        sent = visit.fields
        shown = [fields.text(sent, name) for name in ("MerchantName", "RefNo")]
        shown.append(str(fields.whole_amount(sent)))
        if sent.get("TrxCode") not in _TRX_CODES:
            raise Refused(refusals.INVALID_TRX_CODE)
        shown += [str(sent["TrxCode"]), fields.text(sent, "CPI")]
        size = fields.number(sent, "Size")
        if not _MODULES <= size <= _LARGEST:
            raise invalid("Size")
        said = {
            "ResponseCode": "00",
            "RequestID": self._core.ids.request(),
            "ResponseDescription": "QR Code Successfully Generated.",
        }
        picture = base64.b64encode(_png(size, "|".join(shown))).decode()
        body = laid_out({**said, "QRCode": picture})
        return spoiled(Reply(200, body), visit.faults, self._core.ids, laid_out(said))


def _png(size: int, content: str) -> bytes:
    """Draw squares that follow from the content, in black and white, one byte a pixel."""
    bits = int.from_bytes(hashlib.sha256(content.encode()).digest())
    rows = []
    for y in range(size):
        row = y * _MODULES // size * _MODULES
        pixels = (255 * (bits >> (row + x * _MODULES // size) & 1) for x in range(size))
        rows.append(b"\0" + bytes(pixels))
    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    data = zlib.compress(b"".join(rows))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
