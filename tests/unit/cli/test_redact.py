"""No secret of a host's records survives into a world file, and nothing else is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.recorder.redact import DROPPED_CLASSES, REDACTED, redact_record

CANARY = "c4n4ry-f00"


@pytest.mark.parametrize(
    ("cls", "record"),
    [
        ("PBD", {"device_config": {"password": CANARY, "server": "nas"}}),
        ("PBD", {"device_config": {"chappassword": CANARY, "incoming_chappassword": CANARY}}),
        ("PBD", {"device_config": {"password_secret": CANARY, "cifspassword": CANARY}}),
        ("SR", {"sm_config": {"location": f"smb://user:{CANARY}@nas/share"}}),
        ("VM", {"xenstore_data": {"vm-data/admin-password": CANARY}}),
        ("VM", {"NVRAM": {"EFI-variables": CANARY}, "last_booted_record": f"('x' '{CANARY}')"}),
        ("VM", {"other_config": {"s3-secret": CANARY, "api_key": CANARY, "ssh-key": CANARY}}),
        ("VM", {"name_description": f"see https://root:{CANARY}@10.0.0.1/"}),
        ("host", {"license_params": {"sku_type": CANARY}, "other_config": {"token": CANARY}}),
        ("pool", {"wlb_password": CANARY}),
        (
            "blob",
            {"x": f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----"},
        ),
        ("blob", {"x": f"-----BEGIN PRIVATE KEY-----\n{CANARY}"}),
        ("VTPM", {"contents": {"0": CANARY}}),
    ],
)
def test_secrets_are_removed(cls: str, record: dict[str, Any]) -> None:
    cleaned = redact_record(cls, record)
    assert CANARY not in repr(cleaned)
    assert cleaned.keys() == record.keys()


def test_what_is_no_secret_stays() -> None:
    record = {
        "name_label": "Password server",
        "other_config": {
            "perfmon": '<config><variable><name value="cpu_usage"/></variable></config>',
            "mac_seed": "8c96f9b5",
            "keyboard": "de",
            "require_password": "true",
        },
        "VBDs": ["OpaqueRef:1"],
        "memory_target": 5,
        "is_a_template": False,
    }
    assert redact_record("VM", record) == record


def test_a_map_shows_that_something_was_there() -> None:
    cleaned = redact_record("PBD", {"device_config": {"password": CANARY, "server": "nas"}})
    assert cleaned == {"device_config": {"password": REDACTED, "server": "nas"}}


def test_whole_classes_are_named() -> None:
    assert {"secret", "session"} <= DROPPED_CLASSES


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), _json), st.sampled_from(["VM", "host", "SR", "Unheard_of"]))
def test_any_record_keeps_its_shape(record: dict[str, Any], cls: str) -> None:
    cleaned = redact_record(cls, record)
    assert cleaned.keys() == record.keys()
    for field, value in record.items():
        assert type(cleaned[field]) is type(value)
    assert redact_record(cls, cleaned) == cleaned
