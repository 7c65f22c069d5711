"""What leaves a host's records before they are written to a file that others may read."""

from __future__ import annotations

import re
from typing import Any

REDACTED = "REDACTED"

# Classes that are secrets through and through, or name the people who sign in.
DROPPED_CLASSES = frozenset({"secret", "session", "user", "auth", "subject"})

# Fields that hold a secret, a licence, or a second copy of a whole record.
_DROPPED_FIELDS = {
    "VM": {"NVRAM", "last_booted_record", "snapshot_metadata"},
    "VTPM": {"contents"},
    "host": {"license_params", "external_auth_configuration"},
    "pool": {"wlb_password", "wlb_username", "wlb_url", "license_server", "telemetry_uuid"},
    "Repository": {"gpgkey_path"},
    "Cluster": {"cluster_token"},
}

_SECRET_KEY = re.compile(
    r"pass(?:w|$|_|-|phrase)|pwd|secret|token|credential|private|chap|api[_-]?key|access[_-]?key"
    r"|(?:^|[_/-])key$|license|^vm-data/",
    re.IGNORECASE,
)
# Whoever has a session's reference is that session, as long as it lasts.
_SESSION_KEY = re.compile(r"session", re.IGNORECASE)
_SESSION_VALUE = re.compile(r"(?<=session_id=)[^&\s\"'<>]+")
# A host passes a session on in structures of XML: the member's name, then its value.
_SESSION_TEXT = re.compile(r"session_id.{0,80}?OpaqueRef:[0-9a-zA-Z-]+", re.DOTALL)
_WORD = r"pass(?:word|wd|phrase|code)?|pwd|secret|token"
# In texts that hold more than one thing: JSON, XML, options of mounts and command lines.
_IN_JSON = re.compile(
    rf"""(\\*"[^"\\]{{0,60}}(?:{_WORD})[^"\\]{{0,20}}\\*"\s*:\s*)(\\*")(?:[^"\\]|\\[^"])*\\*\"""",
    re.IGNORECASE,
)
_IN_XML = re.compile(rf"(<[\w:-]{{0,40}}(?:{_WORD})[\w:-]{{0,20}}>)[^<]+", re.IGNORECASE)
_IN_OPTIONS = re.compile(rf"(\b[\w-]{{0,40}}(?:{_WORD})=)[^\s,&;\"']+", re.IGNORECASE)
_USER_INFO = re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]*@")
_PEM_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_REFERENCE = re.compile(r"OpaqueRef:")


def redact_record(cls: str, record: dict[str, Any]) -> dict[str, Any]:
    """A copy of a record without passwords, keys and secrets.

    Args:
        cls: the class in XAPI's own case.
        record: field to value, as the host sent it.

    Returns:
        The same fields; what was secret is emptied (fields) or reads `REDACTED` (map values).
    """
    dropped = _DROPPED_FIELDS.get(cls, set())
    return {
        field: _empty_like(value) if field in dropped else _clean(value)
        for field, value in record.items()
    }


def _empty_like(value: Any) -> Any:
    return type(value)() if isinstance(value, str | list | dict) else value


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {
            key: REDACTED if _is_secret(str(key), item) else _clean(item)
            for key, item in value.items()
        }
    return value


def _clean_text(text: str) -> str:
    text = _PEM_KEY.sub(REDACTED, _USER_INFO.sub(f"{REDACTED}@", text))
    if "session_id" in text:
        text = _SESSION_TEXT.sub(REDACTED, _SESSION_VALUE.sub(REDACTED, text))
    text = _IN_JSON.sub(rf"\1\2{REDACTED}\2", text)
    text = _IN_XML.sub(rf"\1{REDACTED}", text)
    return _IN_OPTIONS.sub(rf"\1{REDACTED}", text)


def _is_secret(key: str, item: Any) -> bool:
    if not isinstance(item, str) or not item:
        return False
    if _SESSION_KEY.search(key) and _REFERENCE.match(item):
        return True
    return bool(_SECRET_KEY.search(key)) and not _is_plain(item)


def _is_plain(item: str) -> bool:
    """Switches and references are no secrets: dropping them would only spoil the picture."""
    return item.lower() in {"true", "false"} or bool(_REFERENCE.match(item))


# Calls whose plain text parameters are secrets, by the place of these.
_SECRET_PARAMS = {
    "secret.create": (0,),
    "secret.set_value": (1,),
    "session.change_password": (0, 1),
    "pool.initialize_wlb": (1, 2, 3, 4),
    "pool.join": (1, 2),
    "pool.join_force": (1, 2),
    "pool.enable_external_auth": (1,),
    "pool.configure_repository_proxy": (2, 3),
    "pool.sync_updates": (2, 3, 5),
    "host.enable_external_auth": (1,),
    "host.install_server_certificate": (2,),
    "VM.add_to_xenstore_data": (2,),
    "VM.import_convert": (1, 2),
    "VM.recover": (1,),
    "VM.assert_can_be_recovered": (1,),
    "VM.get_SRs_required_for_recovery": (1,),
    "VM_appliance.recover": (1,),
    "VM_appliance.assert_can_be_recovered": (1,),
    "VM_appliance.get_SRs_required_for_recovery": (1,),
}


def redact_params(method: str, params: tuple[Any, ...]) -> list[Any]:
    """A call's parameters without passwords, keys, secrets and sessions.

    Args:
        method: with or without `Async.`.
        params: as they were given, without the session.
    """
    method = method.removeprefix("Internal").removeprefix("Async.")
    secret = _SECRET_PARAMS.get(method, ())
    keyed = method.rpartition(".")[2].startswith("add_to_") and len(params) == 3
    cleaned = []
    for at, param in enumerate(params):
        if at in secret or (keyed and at == 2 and _SECRET_KEY.search(str(params[1]))):
            cleaned.append(REDACTED)
        else:
            cleaned.append(_clean(param))
    return cleaned
