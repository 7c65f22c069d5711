"""An answer on its way out, whichever wire it takes."""

from __future__ import annotations

from dataclasses import dataclass

JSON = "application/json"
XML = "text/xml"
HTML = "text/html"

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET, PUT, OPTIONS",
    "Access-Control-Allow-Headers": "X-Requested-With, Content-Type, Authorization",
}


@dataclass
class Reply:
    """Body and headers.

    Attributes:
        content_type: sent exactly so, without a charset: clients compare it whole.
        close: end the connection after it.
        error: code of the failure it carries, or "".
    """

    body: bytes
    content_type: str
    status: int = 200
    close: bool = False
    error: str = ""


def internal_error_page(what: str) -> Reply:
    """What a request gets that is no call at all.

    Source: `xapi.md` 1.2.
    """
    page = (
        "<html><body><h1>HTTP 500 internal server error</h1>"
        "An unexpected error occurred; please wait a while and try again. If the problem "
        f"persists, please contact your support representative.<h1> Additional information </h1>"
        f"{what}</body></html>"
    )
    return Reply(page.encode(), HTML, status=500, close=True, error="HTTP 500")
