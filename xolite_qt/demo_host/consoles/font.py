"""Letters for screens: X11's 6x13, which is in the public domain."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 6, 13
_FIRST, _COUNT = 0x20, 95
_PACKED = (
    "c-l=;F>ljA6uvqpeho!ART&r}ba7m2LZwh9hN_B<f@l{=e*t1Z(5YoYOwP$tn+uc0gep`Wkx)GH3#y7CLi~t|iLu"
    "QTGV$J>3$ZNw%gg8YefPb`*uM*e1d#xuUiZ3oqxR?7$L9!~JNl?{{~XckID%+*glMS}#)HvoL=p;q43Wz_(q%3PL"
    "@{(2^S`#lwM6q5{1-gu=C#chJRBs9iIk^Yl4wnZdJt3nC3=&@d>cxhiWy_2i?nej2WRNR-RuUlh+4^;4<S4;G%*e"
    "JfuV89=}*sB>v$uotMId>F{du9sChm}5u^>^qC+KCO-dK^?mI5T97{_R4Kc99blcCrd5B;y)bmgy?JCF)gY1%Mr|"
    "6fwRabX{Y^QC!!IlI%!W_gDleV;FO*GJ|tyPG%I!!^=k@g4!jDi>FF&urV1WFVml2xSn!~I+t(cwm(ztP9W8^uMU"
    "zG@3I6FjL_trLWp#&qBt+G*eBRy{WDkmeK31cIQ~1wo=(<@vZn-g<FukG%PVF4(@ahTCvy3Ww+sZ;!l1j?3{_o-M"
    "f;e&cDv7B6((U-;=c@9%vw>$8Qrm!^h;BX3MD|JG{VeD3*kAa9!izryV*X!;!*Mms-kZcLPm+*oG?)w3te0g-(OG"
    "dxV$1b1Y<yw%EcZP3P#kaDx#j3_Hj^l(C>VIHbW3Ib_nSVX()8XAB6okvZ(uv(cTP=;$YyXUH9a>ESQphy5|uT17"
    "_+ive|2~G6ZPspX6!U{gih>^8BE)x0+(QUtw"
)


def _unpacked() -> npt.NDArray[np.bool_]:
    bits = np.unpackbits(np.frombuffer(zlib.decompress(base64.b85decode(_PACKED)), np.uint8))
    glyphs = bits[: _COUNT * HEIGHT * WIDTH].reshape(_COUNT, HEIGHT, WIDTH)
    return glyphs.astype(np.bool_)


_GLYPHS = _unpacked()


def inked(text: str, scale: int = 1) -> npt.NDArray[np.bool_]:
    """Where a line of text has ink; what is not ASCII becomes `?`.

    Returns:
        Shape (13 * scale, 6 * scale * len(text)).
    """
    if not text:
        return np.zeros((HEIGHT * scale, 0), np.bool_)
    codes = np.array([ord(letter) if " " <= letter <= "~" else 0x3F for letter in text])
    line = _GLYPHS[codes - _FIRST].transpose(1, 0, 2).reshape(HEIGHT, -1)
    wide: npt.NDArray[np.bool_] = line.repeat(scale, axis=0).repeat(scale, axis=1)
    return wide
