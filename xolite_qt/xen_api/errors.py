"""What can go wrong between us and a host, as classes with data.

No error text holds a session reference or a password: the client strips them before it raises.
"""
# ruff: noqa: N818 -- names say what happened; the root class says that they are errors.

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .tls import Certificate


class XenApiError(Exception):
    """Root of everything that this package raises on purpose."""


class XapiError(XenApiError):
    """The host understood the call and said no.

    Attributes:
        code: the host's error code, such as `VM_BAD_POWER_STATE`.
        params: what came with it; declared parameter lists are not reliable, expect any number.

    Source: xapi.md 1.5.
    """

    code: str
    params: tuple[str, ...]

    # code -> class, for the codes that code (not only people) tells apart
    _by_code: ClassVar[dict[str, type[XapiError]]] = {}
    codes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, code: str, params: Sequence[str] = ()) -> None:
        super().__init__(code, *params)
        self.code = code
        self.params = tuple(params)

    def __init_subclass__(cls) -> None:
        for code in cls.codes:
            XapiError._by_code[code] = cls

    def __str__(self) -> str:
        return f"{self.code}({', '.join(self.params)})" if self.params else self.code

    @classmethod
    def from_wire(cls, code: str, params: Sequence[str] = ()) -> XapiError:
        """The class that fits the code."""
        return cls._by_code.get(code, XapiError)(code, params)

    def param(self, index: int) -> str:
        """One parameter, or an empty text where the host sent fewer."""
        return self.params[index] if index < len(self.params) else ""


class AuthenticationFailed(XapiError):
    """Wrong user or password, or a user without the right to log in."""

    codes = ("SESSION_AUTHENTICATION_FAILED", "SESSION_AUTHORIZATION_FAILED")


class HostIsSlave(XapiError):
    """The host is not its pool's master."""

    codes = ("HOST_IS_SLAVE",)

    @property
    def master(self) -> str:
        """Address of the master, as the host tells it; may be empty."""
        return self.param(0)


class SessionInvalid(XapiError):
    """The session has expired, was dropped, or belongs to another life of the host."""

    codes = ("SESSION_INVALID",)


class HandleInvalid(XapiError):
    """The object does not exist (any more)."""

    codes = ("HANDLE_INVALID",)

    @property
    def cls(self) -> str:
        """Class of the missing object, in the host's case."""
        return self.param(0)

    @property
    def ref(self) -> str:
        """Reference of the missing object."""
        return self.param(1)


class UuidInvalid(XapiError):
    """No object of the class has this uuid."""

    codes = ("UUID_INVALID",)


class TaskCancelled(XapiError):
    """Somebody cancelled the operation."""

    codes = ("TASK_CANCELLED",)


class HostStillBooting(XapiError):
    """The toolstack is not ready yet; ask again in a moment."""

    codes = ("HOST_STILL_BOOTING", "HOST_IN_EMERGENCY_MODE")


class EventsLost(XapiError):
    """The host dropped events, or does not know our token: what we know may be stale."""

    codes = ("EVENTS_LOST", "EVENT_FROM_TOKEN_PARSE_FAILURE")


class PermissionDenied(XapiError):
    """The user's role does not allow this."""

    codes = ("RBAC_PERMISSION_DENIED",)


class MethodUnknown(XapiError):
    """The host does not know the call; it may be older than us."""

    codes = ("MESSAGE_METHOD_UNKNOWN",)


class VmBadPowerState(XapiError):
    """The VM is in another state than the operation needs; states are in lower case."""

    codes = ("VM_BAD_POWER_STATE",)


class OperationNotAllowed(XapiError):
    """The host does not allow this now."""

    codes = ("OPERATION_NOT_ALLOWED",)


class NotCancellable(XenApiError):
    """The operation runs as a plain call, or has ended: there is nothing to cancel."""


class TransportError(XenApiError):
    """No usable answer came; the host may or may not have done what was asked."""


class ConnectionLost(TransportError):
    """The connection broke, or none could be made."""


class NotReachable(ConnectionLost):
    """No connection could be made: nothing was sent."""


class CallTimeout(TransportError):
    """The host took longer than the call was given.

    Attributes:
        method: the call.
        timeout_s: what it was given.
    """

    def __init__(self, method: str, timeout_s: float) -> None:
        super().__init__(f"{method}: no answer within {timeout_s:g} s")
        self.method = method
        self.timeout_s = timeout_s


class MalformedAnswer(TransportError):
    """An answer came that is not XAPI's.

    Attributes:
        what: what is wrong with it, for people.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class AddressInvalid(XenApiError, ValueError):
    """The address is not one, or asks for plain HTTP over a network."""


class CertificateError(XenApiError):
    """The host's certificate is not the one that was accepted. Nothing was sent to it.

    Attributes:
        host: name or address that was called.
        port: its port.
        certificate: what the host showed.
    """

    def __init__(self, host: str, port: int, certificate: Certificate, text: str) -> None:
        super().__init__(text)
        self.host = host
        self.port = port
        self.certificate = certificate


class CertificateUnknown(CertificateError):
    """No certificate was accepted for this address yet."""

    def __init__(self, host: str, port: int, certificate: Certificate) -> None:
        super().__init__(
            host,
            port,
            certificate,
            f"the certificate of {host}:{port} is not known yet: {certificate.fingerprint}",
        )


class CertificateChanged(CertificateError):
    """The host shows another certificate than the one accepted: reinstalled, or not the host.

    Attributes:
        pinned: fingerprint that was accepted.
    """

    def __init__(self, host: str, port: int, certificate: Certificate, pinned: str) -> None:
        super().__init__(
            host,
            port,
            certificate,
            f"the certificate of {host}:{port} has changed: {pinned} was accepted, "
            f"now it shows {certificate.fingerprint}",
        )
        self.pinned = pinned
