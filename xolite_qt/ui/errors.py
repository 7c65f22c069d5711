"""The one place that turns an error into words: what happened, what to do, and the details."""

from __future__ import annotations

import errno
import socket
import ssl
from dataclasses import dataclass

from xolite_qt.xen_api import (
    AddressInvalid,
    CallTimeout,
    CertificateChanged,
    CertificateUnknown,
    ConnectionLost,
    HostIsSlave,
    MalformedAnswer,
    NotReachable,
    XapiError,
    XenApiError,
)


@dataclass(frozen=True)
class Explained:
    """An error in words; all of it is plain text.

    Attributes:
        summary: one sentence: what happened.
        advice: what the user can do; empty where there is nothing.
        details: the host's code and parameters, for the curious and for bug reports.
    """

    summary: str
    advice: str = ""
    details: str = ""


# code -> (summary, advice); {0}, {1} are the error's parameters.
BY_CODE: dict[str, tuple[str, str]] = {
    "SESSION_AUTHENTICATION_FAILED": (
        "The host did not accept this user name and password.",
        "Check both, and whether Caps Lock is on.",
    ),
    "SESSION_AUTHORIZATION_FAILED": (
        "The account is known, but may not sign in to this pool.",
        "Ask an administrator of the pool to give it a role.",
    ),
    "RBAC_PERMISSION_DENIED": (
        "Your role does not allow this ({0}).",
        "Ask an administrator of the pool for a role with this permission.",
    ),
    "SESSION_INVALID": ("The host has ended this session.", "Sign in again."),
    "HA_IS_ENABLED": (
        "High availability is on: it does not allow this.",
        "Switch it off first.",
    ),
    "HA_NOT_ENABLED": ("High availability is off already.", ""),
    "HA_OPERATION_WOULD_BREAK_FAILOVER_PLAN": (
        "The hosts that are left could not run all protected VMs then.",
        "Tolerate fewer failures, protect fewer VMs, or free memory.",
    ),
    "HA_CONSTRAINT_VIOLATION_SR_NOT_SHARED": (
        "It has a disk on storage that only one host reaches: no other host could restart it.",
        "Move the disk to shared storage first.",
    ),
    "HA_CONSTRAINT_VIOLATION_NETWORK_NOT_SHARED": (
        "It is on a network that not every host has: not every host could restart it.",
        "Connect it to a network of the whole pool first.",
    ),
    "HA_NO_PLAN": ("No plan restarts all protected VMs.", "Protect fewer VMs, or free memory."),
    "HA_TOO_FEW_HOSTS": ("The pool has too few hosts for this.", ""),
    "HA_NOT_INSTALLED": ("A host lacks the software of high availability.", ""),
    "HA_HOST_CANNOT_SEE_PEERS": (
        "A host does not see the others.",
        "Check the management network.",
    ),
    "CANNOT_CREATE_STATE_FILE": (
        "No storage can carry the heartbeat.",
        "It takes shared storage that every host is connected to.",
    ),
    "REQUIRED_PIF_IS_UNPLUGGED": (
        "An interface that must not be disconnected is.",
        "Connect it first: Network tab of its host.",
    ),
    "SR_NOT_SHARED": ("Only one host reaches this storage.", "Choose a shared one."),
    "SR_HAS_NO_PBDS": (
        "The storage is not connected to every host.",
        "Connect it first: Storage tab of the pool.",
    ),
    "SR_OPERATION_NOT_SUPPORTED": ("This kind of storage can't do that.", ""),
    "NETWORK_CONTAINS_VIF": (
        "VMs are connected to this network.",
        "Disconnect their network cards first.",
    ),
    "NETWORK_CONTAINS_PIF": (
        "Interfaces of hosts belong to this network.",
        "Remove its VLANs and bonds first.",
    ),
    "NETWORK_INCOMPATIBLE_PURPOSES": (
        "A pool serves NBD either encrypted or not, never both.",
        "Switch the other kind off on every network first.",
    ),
    "VIF_IN_USE": (
        "VMs are connected over it: their virtual interfaces are in use.",
        "Disconnect their network cards first.",
    ),
    "VLAN_TAG_INVALID": ("{0} is no number of a VLAN.", "Take one from 0 to 4094."),
    "PIF_VLAN_EXISTS": (
        "The interface carries this VLAN already.",
        "Take another number, or another interface.",
    ),
    "PIF_VLAN_STILL_EXISTS": (
        "There are VLANs on this interface.",
        "Delete their networks first.",
    ),
    "PIF_ALREADY_BONDED": ("The interface is part of a bond already.", ""),
    "PIF_BOND_NEEDS_MORE_MEMBERS": ("A bond takes at least two interfaces of a host.", ""),
    "PIF_BOND_MORE_THAN_ONE_IP": (
        "More than one of the interfaces has an IP address.",
        "Take it away from all but one first.",
    ),
    "PIF_IS_MANAGEMENT_INTERFACE": (
        "The host is managed over this interface.",
        "Make another one the management interface first.",
    ),
    "PIF_DOES_NOT_ALLOW_UNPLUG": (
        "This interface may not be disconnected: the host needs it.",
        "",
    ),
    "PIF_IS_PHYSICAL": ("This is a network card of the host, no VLAN.", ""),
    "PIF_HAS_NO_NETWORK_CONFIGURATION": (
        "The interface has no IP configuration.",
        "Give it an address first.",
    ),
    "PIF_NOT_PRESENT": (
        "A host of the pool has no interface on this network.",
        "Give every host one first.",
    ),
    "CANNOT_PLUG_BOND_SLAVE": (
        "The interface is part of a bond and works only with it.",
        "",
    ),
    "INVALID_IP_ADDRESS_SPECIFIED": ("The host does not take this address ({0}).", ""),
    "INVALID_CIDR_ADDRESS_SPECIFIED": (
        "The host does not take this address ({0}).",
        "It takes an address with the length of its prefix, such as 2001:db8::20/64.",
    ),
    "PIF_INCOMPATIBLE_PRIMARY_ADDRESS_TYPE": (
        "The host is managed at this kind of address.",
        "",
    ),
    "CERTIFICATE_NAME_INVALID": ("The name {0} is no good for a certificate.", "Choose another."),
    "CERTIFICATE_ALREADY_EXISTS": (
        "The pool has a certificate of the name {0} already.",
        "Choose another name, or remove that one first.",
    ),
    "CERTIFICATE_DOES_NOT_EXIST": ("The pool has no certificate of the name {0} any more.", ""),
    "SERVER_CERTIFICATE_KEY_INVALID": ("The host cannot read this private key.", ""),
    "SERVER_CERTIFICATE_KEY_ALGORITHM_NOT_SUPPORTED": (
        "The host does not take keys of this kind ({0}).",
        "It takes RSA keys.",
    ),
    "SERVER_CERTIFICATE_KEY_RSA_LENGTH_NOT_SUPPORTED": (
        "The host does not take RSA keys of {0} bits.",
        "It takes 2048 to 4096.",
    ),
    "SERVER_CERTIFICATE_KEY_MISMATCH": ("The certificate was made for another key.", ""),
    "SERVER_CERTIFICATE_INVALID": ("The host cannot read this certificate.", ""),
    "SERVER_CERTIFICATE_EXPIRED": ("The certificate ended at {1}.", "Check the host's clock too."),
    "SERVER_CERTIFICATE_NOT_VALID_YET": (
        "The certificate is not valid before {1}.",
        "Check the host's clock, or wait.",
    ),
    "SERVER_CERTIFICATE_SIGNATURE_NOT_SUPPORTED": (
        "The host does not take certificates that are signed this way.",
        "It takes SHA-256 and SHA-512.",
    ),
    "SERVER_CERTIFICATE_CHAIN_INVALID": ("The host cannot read the chain.", ""),
    "CA_CERTIFICATE_INVALID": (
        "The host cannot read this certificate.",
        "It must be one certificate in PEM form.",
    ),
    "CA_CERTIFICATE_EXPIRED": ("This certificate ended at {1}.", "Ask its issuer for a new one."),
    "CA_CERTIFICATE_NOT_VALID_YET": (
        "This certificate is not valid before {1}.",
        "Check the host's clock, or wait.",
    ),
    "HOST_STILL_BOOTING": ("The host is still starting.", "It is tried again by itself."),
    "HOST_IN_EMERGENCY_MODE": (
        "The host is in emergency mode: it cannot reach its pool's master.",
        "Bring the master back, or make another host the master.",
    ),
    "VM_BAD_POWER_STATE": (
        "The VM is {2}; this needs it to be {1}.",
        "It may have changed a moment ago: look at its state and try again.",
    ),
    "VM_LACKS_FEATURE": (
        "The guest does not support this.",
        "Its management tools are missing or not running. Forced shutdown and reboot work without.",
    ),
    "VM_MISSING_PV_DRIVERS": (
        "The guest's drivers are missing.",
        "Install the management tools in the guest.",
    ),
    "OTHER_OPERATION_IN_PROGRESS": (
        "Something else is being done with this object ({2}).",
        "Wait until it has ended; the task list shows it.",
    ),
    "OPERATION_NOT_ALLOWED": ("The host does not allow this: {0}", ""),
    "OPERATION_BLOCKED": (
        "This was blocked for the object by an administrator ({1}).",
        "Take the protection off first.",
    ),
    "VM_IS_TEMPLATE": ("This is a template; it cannot be used like a VM.", ""),
    "VM_IS_SNAPSHOT": ("This is a snapshot; it cannot be used like a VM.", ""),
    "VM_CANNOT_DELETE_DEFAULT_TEMPLATE": ("A template that came with the host stays.", ""),
    "VM_NO_SUSPEND_SR": (
        "There is no storage to keep the suspended VM's memory.",
        "Choose a suspend storage for the pool.",
    ),
    "VM_REQUIRES_SR": (
        "The VM needs a storage that this host does not see.",
        "Plug the storage in, or start the VM on another host.",
    ),
    "VM_REQUIRES_NET": ("The VM needs a network that this host does not have.", ""),
    "NO_HOSTS_AVAILABLE": (
        "No host can run this VM now.",
        "Look at free memory, at the storages and networks that it needs, and whether the hosts "
        "are enabled.",
    ),
    "HOST_NOT_ENOUGH_FREE_MEMORY": (
        "The host has too little free memory.",
        "Shut down or suspend another VM, or give this one less memory.",
    ),
    "HOST_DISABLED": (
        "The host is in maintenance: it takes no VMs.",
        "Enable the host first.",
    ),
    "HOST_NOT_DISABLED": (
        "The host must be in maintenance for this.",
        "Disable the host first.",
    ),
    "HOST_IN_USE": ("The host is in use.", "End what runs on it first."),
    "HOST_OFFLINE": ("The host is not running.", ""),
    "CANNOT_EVACUATE_HOST": (
        "The VMs of this host cannot go elsewhere.",
        "Shut them down, or suspend them.",
    ),
    "SR_FULL": ("The storage is full.", "Free space on it, or choose another one."),
    "VDI_IN_USE": ("The disk is in use.", "Detach it, or shut down the VM that uses it."),
    "HANDLE_INVALID": (
        "The object is gone: it was removed from the host meanwhile.",
        "",
    ),
    "UUID_INVALID": ("The host does not know this object.", ""),
    "MESSAGE_METHOD_UNKNOWN": (
        "This host's software does not know the call {0}.",
        "It is probably an older version.",
    ),
    "TASK_CANCELLED": ("It was cancelled.", ""),
    "XENAPI_MISSING_PLUGIN": ("This host has no plugin {0}.", "It comes with XCP-ng."),
    "XENAPI_PLUGIN_FAILURE": ("A plugin on the host failed.", ""),
    "LICENCE_RESTRICTION": ("The host's licence does not allow this ({0}).", ""),
    "LICENSE_RESTRICTION": ("The host's licence does not allow this.", ""),
    "FEATURE_RESTRICTED": ("The host's licence does not allow this.", ""),
    "NOT_IMPLEMENTED": ("The host does not know how to do this ({0}).", ""),
    "INTERNAL_ERROR": ("Something went wrong inside the host.", "Its log has more."),
}


def explain(error: BaseException) -> Explained:
    """An error in words. Never raises, whatever the error carries."""
    match error:
        case HostIsSlave():
            return Explained(
                "This host is a member of a pool; only its master can be managed.",
                f"Connect to the master: {error.master}" if error.master else "",
                str(error),
            )
        case XapiError():
            return _explain_code(error)
        case CertificateUnknown():
            return Explained(
                f"The certificate of {error.host} is not known yet.",
                "Compare its fingerprint with the host's own before you trust it.",
                error.certificate.fingerprint,
            )
        case CertificateChanged():
            return Explained(
                f"The certificate of {error.host} is another one than before: not connected.",
                "If nobody renewed it, somebody may be listening in.",
                f"was {error.pinned}, is {error.certificate.fingerprint}",
            )
        case CallTimeout():
            return Explained(
                "The host did not answer in time.", "It may be busy: try again.", str(error)
            )
        case MalformedAnswer():
            return _explain_answer(error)
        case NotReachable():
            return _explain_unreachable(error)
        case ConnectionLost():
            return Explained(
                "The connection to the host broke off.",
                "The host may be restarting, or the network was interrupted: try again.",
                str(error),
            )
        case AddressInvalid():
            return Explained(
                "This address cannot be used.",
                "Type a host name or an IP address, with :port if it is not 443.",
                str(error),
            )
        case XenApiError():
            return Explained(str(error), "", type(error).__name__)
        case OSError():
            return Explained(
                error.strerror or "A file or connection failed.",
                "",
                f"{type(error).__name__}: {error}",
            )
        case _:
            return Explained(
                "Something unexpected went wrong.",
                "If it happens again, please report it with the details.",
                f"{type(error).__name__}: {error}",
            )


def _explain_unreachable(error: NotReachable) -> Explained:
    # The client raises "from None" for its texts; what the system said is still its context.
    said = error.__context__
    said = getattr(said, "os_error", said)
    if isinstance(said, socket.gaierror):
        return Explained(
            "No host of this name was found.",
            "Check the spelling, or use the IP address.",
            str(error),
        )
    if isinstance(said, ssl.SSLError):
        return Explained(
            "Something answers there, but not with TLS.",
            "Is the port the one of an XCP-ng host? It is 443 unless somebody changed it.",
            str(error),
        )
    if isinstance(said, OSError) and said.errno == errno.ECONNREFUSED:
        return Explained(
            "The host refuses the connection.",
            "The machine is up, but nothing listens there: check the port, and whether the "
            "toolstack runs.",
            str(error),
        )
    return Explained(
        "The host cannot be reached.",
        "Check the address, and whether the host and the network are up.",
        str(error),
    )


def _explain_answer(error: MalformedAnswer) -> Explained:
    if "HTTP status 404" in error.what:
        return Explained(
            "The host does not know the calls that this program makes.",
            "Its software is too old, or it is no XCP-ng host.",
            str(error),
        )
    return Explained(
        "The host's answer was not understood.",
        "Is this really an XCP-ng host? Something in between may have answered.",
        str(error),
    )


def _explain_code(error: XapiError) -> Explained:
    details = "\n".join([error.code, *error.params])
    if error.code.startswith("SR_BACKEND_FAILURE"):
        said = error.params[1] if len(error.params) > 1 else ""
        return Explained(f"The storage reported a failure. {said}".strip(), "", details)
    known = BY_CODE.get(error.code)
    if known is None:
        words = error.code.replace("_", " ").lower()
        return Explained(f"The host refused: {words}.", "", details)
    params = [*error.params, "?", "?", "?"]
    return Explained(known[0].format(*params), known[1], details)
