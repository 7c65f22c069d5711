"""Bytes to a host and back: one aiohttp session, the pinned certificate, errors with names."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

import aiohttp

from .errors import (
    CallTimeout,
    CertificateChanged,
    CertificateUnknown,
    ConnectionLost,
    MalformedAnswer,
    NotReachable,
    PermissionDenied,
    SessionInvalid,
)
from .tls import fetch_certificate, normalized_fingerprint, reason_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .address import Address
    from .tls import Pins

# A host closes idle connections when it likes; a request sent into a closing one is lost, so we
# drop ours early.
_KEEPALIVE_S = 15.0
_MAX_BODY_BYTES = 1 << 30
_CHUNK_BYTES = 1 << 18


class Transport:
    """HTTP to one or more hosts of a pool.

    Every TLS connection is compared with the accepted fingerprint after the handshake and before
    the first byte of a request.
    """

    def __init__(self, pins: Pins, *, connect_timeout_s: float) -> None:
        self._pins = pins
        self._connect_timeout_s = connect_timeout_s
        self._http: aiohttp.ClientSession | None = None
        # aiohttp reuses a connection only for the very same Fingerprint object.
        self._fingerprints: dict[str, aiohttp.Fingerprint] = {}
        self._closed = False

    async def post(
        self, address: Address, path: str, body: bytes, *, what: str, timeout_s: float
    ) -> bytearray:
        """Posts JSON, returns the body of a 200 answer; `what` names the call in errors.

        Raises:
            CertificateError: nothing was sent.
            NotReachable: nothing was sent.
            ConnectionLost: the host may have got the request.
            CallTimeout: no whole answer within `timeout_s`.
            MalformedAnswer: another status than 200, or a body over 1 GiB.
        """
        return await self._request(
            "POST",
            address,
            path,
            what=what,
            timeout_s=timeout_s,
            headers={"Content-Type": "application/json"},
            body=body,
        )

    async def get(
        self,
        address: Address,
        path: str,
        query: Mapping[str, str],
        *,
        session_ref: str,
        timeout_s: float,
    ) -> bytearray:
        """Gets a resource; the session travels as a cookie, never in the URL.

        Raises:
            SessionInvalid: the host does not accept the session.
            PermissionDenied: the user's role does not allow this.
            TransportError, CertificateError: the same as `post`.
        """
        headers = {"Cookie": f"session_id={session_ref}", "Accept": "application/json"}
        return await self._request(
            "GET", address, path, what=path, timeout_s=timeout_s, headers=headers, query=query
        )

    async def close(self) -> None:
        """Closes every connection; later requests raise ConnectionLost."""
        self._closed = True
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def _request(
        self,
        verb: str,
        address: Address,
        path: str,
        *,
        what: str,
        timeout_s: float,
        headers: Mapping[str, str],
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
    ) -> bytearray:
        fingerprint = await self._expected_fingerprint(address)
        timeout = aiohttp.ClientTimeout(
            total=timeout_s, connect=self._connect_timeout_s, sock_connect=self._connect_timeout_s
        )
        where = f"{address.host}:{address.port}"
        try:
            async with self._session().request(
                verb,
                address.url + path,
                params=query,
                data=io.BytesIO(body) if body is not None and len(body) > _CHUNK_BYTES else body,
                headers=headers,
                timeout=timeout,
                ssl=fingerprint if fingerprint is not None else True,
                allow_redirects=False,
            ) as answer:
                content = await _read(answer)
                if answer.status == 401:
                    raise SessionInvalid("SESSION_INVALID")
                if answer.status == 403:
                    raise PermissionDenied("RBAC_PERMISSION_DENIED", [path])
                if answer.status != 200:
                    raise MalformedAnswer(_status_text(answer.status, what, content))
                return content
        except aiohttp.ServerFingerprintMismatch:
            await self._refuse(address)
            raise ConnectionLost(f"{where}: the certificate changed for a moment") from None
        except aiohttp.ConnectionTimeoutError:
            raise NotReachable(
                f"{where} does not answer within {self._connect_timeout_s:g} s"
            ) from None
        except TimeoutError:
            raise CallTimeout(what, timeout_s) from None
        except aiohttp.ClientConnectorError as error:
            raise NotReachable(f"{where}: {reason_of(error.os_error)}") from None
        except aiohttp.ClientPayloadError:
            raise ConnectionLost(f"{where}: the answer broke off") from None
        except aiohttp.ServerDisconnectedError:
            raise ConnectionLost(f"{where} closed the connection without an answer") from None
        except aiohttp.ClientOSError as error:
            raise ConnectionLost(f"{where}: {reason_of(error)}") from None
        except aiohttp.ClientResponseError as error:
            raise MalformedAnswer(f"{where}: not HTTP: {error.message[:200]}") from None
        except aiohttp.ClientError as error:
            raise ConnectionLost(f"{where}: {type(error).__name__}") from None
        except OSError as error:
            raise ConnectionLost(f"{where}: {reason_of(error)}") from None

    async def _expected_fingerprint(self, address: Address) -> aiohttp.Fingerprint | None:
        """What the connection must show; None for plain HTTP, which never leaves this machine."""
        if self._closed:
            raise ConnectionLost("closed")
        if address.scheme == "http":
            return None
        pinned = self._pins.pinned(address.host, address.port)
        if pinned is None:
            await self._refuse(address)
            # Accepted by somebody else while we fetched it.
            pinned = self._pins.pinned(address.host, address.port)
            assert pinned is not None
        expected = self._fingerprints.get(pinned)
        if expected is None:
            try:
                raw = bytes.fromhex(normalized_fingerprint(pinned).replace(":", ""))
            except ValueError:
                # A spoilt store of pins: no certificate is the one that it means.
                await self._refuse(address)
                raise
            expected = self._fingerprints[pinned] = aiohttp.Fingerprint(raw)
        return expected

    def pinned(self, address: Address) -> str | None:
        """The fingerprint that was accepted for an address, or None."""
        return self._pins.pinned(address.host, address.port)

    async def _refuse(self, address: Address) -> None:
        """Raises what fits the certificate that the host shows now; returns if it is the pinned."""
        shown = await fetch_certificate(
            address.host, address.port, timeout_s=self._connect_timeout_s
        )
        pinned = self._pins.pinned(address.host, address.port)
        if pinned is None:
            raise CertificateUnknown(address.host, address.port, shown)
        with contextlib.suppress(ValueError):
            pinned = normalized_fingerprint(pinned)
        if pinned != shown.fingerprint:
            raise CertificateChanged(address.host, address.port, shown, pinned)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None or self._http.closed:
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    # The client limits itself; a limit here would let long calls starve the poll.
                    limit=0,
                    keepalive_timeout=_KEEPALIVE_S,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=True,
            )
        return self._http


async def _read(answer: aiohttp.ClientResponse) -> bytearray:
    """The body, whatever it says that it is; writable, so that it can be decoded in pieces."""
    body = bytearray()
    async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise MalformedAnswer("the answer is over 1 GiB")
    return body


def _status_text(status: int, what: str, content: bytearray) -> str:
    start = content[:200].decode("utf-8", "replace").strip()
    return f"{what}: HTTP status {status}" + (f": {start}" if start else "")
