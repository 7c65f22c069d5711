"""One connection to an NBD server.

Source: the NBD protocol (nbd/doc/proto.md): fixed newstyle negotiation, STARTTLS, GO or
EXPORT_NAME, simple replies. Hosts' own server (xapi-nbd) knows nothing newer than EXPORT_NAME.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import threading
from types import TracebackType

from .errors import NbdError
from .patience import LOOK_S, Patience, connect
from .tls import SecureStream, TlsSettings

_INIT_MAGIC = b"NBDMAGIC"
_OPTION_MAGIC = b"IHAVEOPT"
_REPLY_MAGIC = 0x3E889045565A9
_REQUEST_MAGIC = 0x25609513
_SIMPLE_MAGIC = 0x67446698

_FLAG_FIXED, _FLAG_NO_ZEROES = 1, 2
_OPT_EXPORT_NAME, _OPT_ABORT, _OPT_STARTTLS, _OPT_GO = 1, 2, 5, 7
_REP_ACK, _REP_INFO, _REP_ERROR = 1, 3, 1 << 31
_REP_ERR_UNSUP, _REP_ERR_POLICY, _REP_ERR_TLS, _REP_ERR_UNKNOWN, _REP_ERR_SHUTDOWN = (
    _REP_ERROR + 1,
    _REP_ERROR + 2,
    _REP_ERROR + 5,
    _REP_ERROR + 6,
    _REP_ERROR + 7,
)
_INFO_EXPORT = 0
_CMD_READ, _CMD_DISC = 0, 2

_REQUEST = struct.Struct(">IHHQQI")
_REPLY = struct.Struct(">IIQ")
_OPTION_REPLY = struct.Struct(">QIII")
_LONGEST_OPTION_REPLY = 64 * 1024
_MOST_INFOS = 100
_NONSENSE, _HUNG_UP = "the NBD server speaks nonsense", "the NBD server hung up"
_REFUSED = "the NBD server has no such disk, or refuses it"
_SECRET_PIECE = 6
_SHUTDOWN = 108
_CODES = {1: "not allowed", 5: "input/output error", 12: "out of memory", 22: "invalid request"}
_CODES |= {28: "no space", 75: "too large", 95: "not supported", 108: "shutting down"}


class NbdConnection:
    """A connection to one export, for reading. For one thread at a time.

    Attributes:
        size_bytes: of the export.
        read_only: whether the server takes no writes.
    """

    def __init__(
        self,
        address: str,
        port: int,
        export: str,
        *,
        tls: TlsSettings | None = None,
        timeout_s: float = 60.0,
        stop: threading.Event | None = None,
    ) -> None:
        """Connects and negotiates; blocks.

        Args:
            address: name, IP address, or the path of a socket (then `port` is 0).
            port: usually 10809.
            export: its name.
            tls: None for a plain connection.
            timeout_s: seconds without a byte after which the server counts as gone; the
                negotiation takes no longer than that as a whole.
            stop: gives up while it connects and negotiates.

        Raises:
            NbdError: there is no server, no such export, or not the right certificate.
        """
        self.size_bytes = 0
        self.read_only = False
        self._next = 0
        self._waits = False
        self._ready = False
        self._secure: SecureStream | None = None
        self._scratch = bytearray()
        self._sent: dict[int, int] = {}
        self._patience: Patience | None = Patience(timeout_s, stop)
        self._name = export.encode(errors="replace")
        try:
            self._socket = connect(address, port, self._patience)
        except (OSError, UnicodeError, OverflowError) as error:
            raise NbdError(
                f"the NBD server cannot be reached: {_words(error)}", lost=True
            ) from None
        try:
            self._socket.settimeout(LOOK_S)
            self._negotiate(tls)
            self._patience = None
            self._socket.settimeout(timeout_s)
            self._wait_in_kernel(timeout_s)
            self._ready = True
        except OSError as error:
            self.close()
            raise _broken(error) from None
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> NbdConnection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _wait_in_kernel(self, timeout_s: float) -> None:
        """From here on the system waits for whole answers, not Python for their parts."""
        if os.name != "posix":
            return
        seconds, rest = divmod(timeout_s, 1)
        limit = struct.pack("ll", int(seconds), int(rest * 1e6))
        self._socket.setblocking(True)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        self._waits = self._secure is None

    # Negotiation

    def _negotiate(self, tls: TlsSettings | None) -> None:
        if self._exactly(8) != _INIT_MAGIC or self._exactly(8) != _OPTION_MAGIC:
            raise NbdError("that is no NBD server of this century")
        (flags,) = struct.unpack(">H", self._exactly(2))
        if not flags & _FLAG_FIXED:
            raise NbdError("the NBD server is too old (no fixed newstyle)")
        no_zeroes = bool(flags & _FLAG_NO_ZEROES)
        self._send(struct.pack(">I", _FLAG_FIXED | (_FLAG_NO_ZEROES if no_zeroes else 0)))
        if tls is not None:
            self._start_tls(tls)
        if not self._go():
            self._export_name(no_zeroes)

    def _start_tls(self, tls: TlsSettings) -> None:
        self._option(_OPT_STARTTLS, b"")
        kind, text = self._option_reply(_OPT_STARTTLS)
        if kind != _REP_ACK:
            raise NbdError(f"the NBD server speaks no TLS{text}")
        assert self._patience is not None
        secure = SecureStream(self._socket, tls.context())
        try:
            secure.handshake(self._patience)
        except ssl.SSLError as error:
            what = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else ""
            text = f"no TLS with the NBD server: {what or error.reason}"
            raise NbdError(text, lost=isinstance(error, ssl.SSLEOFError)) from None
        if not tls.is_exactly(secure.shown()) and not secure.is_for(tls.subject):
            raise NbdError(f"the NBD server's certificate is not for {tls.subject}")
        self._secure = secure

    def _go(self) -> bool:
        """Whether the server knows GO; if so, the export is open."""
        name, is_known = self._name, False
        self._option(_OPT_GO, struct.pack(">I", len(name)) + name + struct.pack(">H", 0))
        for _ in range(_MOST_INFOS):
            kind, data = self._raw_option_reply(_OPT_GO)
            if kind == _REP_ACK:
                if not is_known:
                    raise NbdError("the NBD server does not say how large the disk is")
                return True
            if kind == _REP_INFO and data[:2] == struct.pack(">H", _INFO_EXPORT):
                if len(data) != 12:
                    raise NbdError(_NONSENSE)
                size, flags = struct.unpack(">QH", data[2:])
                self._take_export(size, flags)
                is_known = True
            elif kind in (_REP_ERR_UNSUP, _REP_ERR_POLICY):
                return False
            elif kind == _REP_ERR_TLS:
                raise NbdError("the NBD server wants TLS")
            elif kind == _REP_ERR_UNKNOWN:
                raise NbdError("the NBD server has no such disk")
            elif kind == _REP_ERR_SHUTDOWN:
                raise NbdError("the NBD server is shutting down", lost=True)
            elif kind & _REP_ERROR:
                raise NbdError(f"the NBD server refuses the disk{self._told(data)}")
        raise NbdError(_NONSENSE)

    def _export_name(self, no_zeroes: bool) -> None:
        self._option(_OPT_EXPORT_NAME, self._name)
        try:
            size, flags = struct.unpack(">QH", self._exactly(10))
            if not no_zeroes:
                self._exactly(124)
        except ConnectionError:
            raise NbdError(_REFUSED, lost=True) from None
        except NbdError as error:
            # That is how this option says no.
            raise NbdError(_REFUSED if error.what == _HUNG_UP else error.what, lost=True) from None
        self._take_export(size, flags)

    def _take_export(self, size: int, flags: int) -> None:
        self.size_bytes, self.read_only = size, bool(flags & 2)

    def _option(self, option: int, data: bytes) -> None:
        self._send(_OPTION_MAGIC + struct.pack(">II", option, len(data)) + data)

    def _raw_option_reply(self, option: int) -> tuple[int, bytes]:
        magic, about, kind, length = _OPTION_REPLY.unpack(self._exactly(_OPTION_REPLY.size))
        if magic != _REPLY_MAGIC or about != option or length > _LONGEST_OPTION_REPLY:
            raise NbdError(_NONSENSE)
        return kind, self._exactly(length)

    def _option_reply(self, option: int) -> tuple[int, str]:
        kind, data = self._raw_option_reply(option)
        return kind, self._told(data)

    def _told(self, data: bytes) -> str:
        """What the server says, unless it may repeat the name, which holds a secret."""
        pieces = (self._name[at : at + _SECRET_PIECE] for at in range(len(self._name)))
        if any(piece in data for piece in pieces if len(piece) == _SECRET_PIECE):
            return ""
        text = data[:200].decode(errors="replace").strip()
        return f": {text}" if text and text.isprintable() else ""

    # Reading

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the export.

        Raises:
            NbdError: the server says no, or is gone (`lost`).
        """
        self.ask(offset, length)
        return self.receive()[1]

    def ask(self, offset: int, length: int) -> int:
        """Sends a request without waiting; returns its number. See `receive`.

        Raises:
            NbdError: the server is gone.
        """
        handle, self._next = self._next, self._next + 1
        request = _REQUEST.pack(_REQUEST_MAGIC, 0, _CMD_READ, handle, offset, length)
        try:
            self._send(request)
        except OSError as error:
            raise _broken(error) from None
        self._sent[handle] = length
        return handle

    @property
    def upcoming(self) -> int:
        """The number that the next request will have."""
        return self._next

    def receive(self) -> tuple[int, bytes]:
        """The next answer, of any request under way: (its number, its bytes).

        Raises:
            NbdError: the server could not read it (`code`), or is gone (`lost`).
        """
        try:
            magic, error, handle = _REPLY.unpack(self._exactly(_REPLY.size))
            length = self._sent.pop(handle, None)
            if magic != _SIMPLE_MAGIC or length is None:
                raise NbdError(_NONSENSE, lost=True)
            if error:
                what = _CODES.get(error, f"error {error}")
                text = f"the NBD server could not read: {what}"
                raise NbdError(text, error, lost=error == _SHUTDOWN, request=handle)
            return handle, self._exactly(length)
        except OSError as error:
            raise _broken(error) from None

    # Bytes

    def _send(self, data: bytes) -> None:
        (self._secure or self._socket).sendall(data)

    def _exactly(self, length: int) -> bytes:
        if self._waits:
            # One system call, and no copy: a third faster than filling a buffer.
            body = self._socket.recv(length, socket.MSG_WAITALL)
            if len(body) == length:
                return body
            # A signal came in between, or the end.
            return body + self._filled(length - len(body))
        return self._filled(length)

    def _filled(self, length: int) -> bytes:
        if length > len(self._scratch):
            self._scratch = bytearray(length)
        view, at = memoryview(self._scratch)[:length], 0
        while at < length:
            got = self._received(view[at:])
            if not got:
                raise NbdError(_HUNG_UP, lost=True)
            at += got
        return bytes(view)

    def _received(self, into: memoryview) -> int:
        stream = self._secure or self._socket
        if self._patience is None:
            return stream.recv_into(into)
        return self._patience.with_(lambda: stream.recv_into(into))

    def abort(self) -> None:
        """Hangs up under a thread that waits in `receive`; may be called from any."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Says goodbye and hangs up; safe to call twice."""
        with contextlib.suppress(OSError):
            if self._ready and not self._sent:
                self._socket.settimeout(1.0)
                self._send(_REQUEST.pack(_REQUEST_MAGIC, 0, _CMD_DISC, 0, 0, 0))
        self.abort()
        with contextlib.suppress(OSError):
            self._socket.close()


def _broken(error: OSError) -> NbdError:
    if isinstance(error, TimeoutError | BlockingIOError):
        return NbdError("the NBD server is silent", lost=True)
    return NbdError(f"the NBD server hung up: {_words(error)}", lost=True)


def _words(error: Exception) -> str:
    told = error.strerror if isinstance(error, OSError) else "that is no address"
    return (told or str(error) or type(error).__name__).lower()
