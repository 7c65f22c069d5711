"""A host's own settings that are more than a field: iSCSI name, multipathing."""

from __future__ import annotations

from xolite_qt.demo_host.registry import Call, Failure, method


@method("host.set_iscsi_iqn")
def host_set_iscsi_iqn(call: Call, host: str, value: str) -> None:
    """The initiator's name; the field and what older clients read follow each other.

    Raises:
        Failure: INVALID_VALUE, an empty name.
    """
    if not value:
        raise Failure("INVALID_VALUE", "value", value)
    other = dict(call.db.get("host", host)["other_config"])
    call.db.set("host", host, iscsi_iqn=value, other_config={**other, "iscsi_iqn": value})


@method("host.set_multipathing")
def host_set_multipathing(call: Call, host: str, value: bool) -> None:
    """Whether storage that is plugged from now on is reached over several paths."""
    other = dict(call.db.get("host", host)["other_config"])
    other["multipathing"] = str(value).lower()
    if value:
        other["multipathhandle"] = "dmp"
    call.db.set("host", host, multipathing=value, other_config=other)
