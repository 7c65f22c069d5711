"""XML from the network: no entities, no external documents, one kind of error."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


class XmlRefused(ValueError):  # noqa: N818 -- says what happened
    """Not XML, or XML with what no host sends."""


def parse_xml(text: str | bytes | bytearray) -> Element:
    """The root of a document.

    Raises:
        XmlRefused: broken, or with entities or a document type.
    """
    try:
        return cast("Element", fromstring(bytes(text) if isinstance(text, bytearray) else text))
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise XmlRefused(str(error)[:200]) from None
