"""Sizes as typed, and the texts that cloud-init reads."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.ui.models.new_vm import parse_size, size_text, topologies
from xolite_qt.ui.models.new_vm_cloud import (
    Answers,
    meta_data,
    network_config_problem,
    user_data_problem,
    with_blocks,
)

GIB = 1 << 30


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8", 8 * GIB),
        (" 1,5 TiB ", 3 * GIB * 512),
        ("512 MiB", 512 << 20),
        ("512m", 512 << 20),
        ("20 GB", 20 * GIB),
        ("100 B", 100),
        ("0", 0),
        ("", None),
        ("-1", None),
        ("ten", None),
        ("1 GiB x", None),
        ("1e9", None),
        ("٣", None),
    ],
)
def test_sizes_as_typed(text: str, size: int | None) -> None:
    assert parse_size(text) == size


@given(st.integers(0, 1 << 50))
def test_a_size_is_read_as_it_was_written(size: int) -> None:
    assert parse_size(size_text(size << 20)) == size << 20


@given(st.integers(1, 256))
def test_topologies_are_whole(vcpus: int) -> None:
    assert all(vcpus % cores == 0 for cores in topologies(vcpus))
    assert {1, vcpus} <= set(topologies(vcpus))


@pytest.mark.parametrize(
    "text",
    [
        "#cloud-config\n",
        "#cloud-config\n# words\n\nusers:\n- name: a\n  shell: /bin/sh\nruncmd: [ls]\n",
        "#!/bin/sh\n\techo a\n",
        "#include\nhttps://example.org\n",
        "#cloud-config\nwrite_files:\n  - content: |\n      a\tb\n    path: /x\n",
    ],
)
def test_user_data_that_is_fine(text: str) -> None:
    assert user_data_problem(text) == ""


def test_network_config() -> None:
    assert network_config_problem(" \n") == ""
    assert network_config_problem("network:\n  version: 1\n  config: []\n") == ""
    assert network_config_problem("version: 2\nethernets: {}\n") == ""
    assert "version" in network_config_problem("version: 3\n")
    assert "Line 2" in network_config_problem("version: 2\n\tethernets: {}\n")


def test_blocks_are_put_in_and_replaced_in_their_place() -> None:
    text = "#cloud-config\n# mine\nhostname: a\nusers:\n  - b\n# c\nruncmd: [ls]"
    new = with_blocks(text, {"users": "users:\n  - d\n", "fqdn": "fqdn: e\n"})
    assert new == (
        "#cloud-config\n# mine\nhostname: a\nusers:\n  - d\n# c\nruncmd: [ls]\nfqdn: e\n"
    )
    assert with_blocks(new, {"fqdn": "fqdn: e\n"}) == new
    assert with_blocks("", {"a": "a: 1\n"}) == "#cloud-config\na: 1\n"


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30)
)
def test_a_password_is_quoted_whatever_it_holds(password: str) -> None:
    block = Answers(password=password).blocks()["password"]
    assert json.loads(block.removeprefix("password: ")) == password
    text = with_blocks("#cloud-config\n", Answers(password=password).blocks())
    assert with_blocks(text, Answers(password=password).blocks()) == text
    assert user_data_problem(text) == ""


def test_answers_that_are_wrong() -> None:
    wrong = Answers(
        host_name="-a", keys="my key", address="10.0.0.1", gateway="x", servers="1.1.1.1, y"
    )
    assert set(wrong.problems()) == {"host_name", "keys", "address", "gateway", "servers"}
    assert set(Answers(gateway="10.0.0.1").problems()) == {"address"}
    assert Answers().problems() == {}
    assert Answers().blocks() == {}
    assert "dhcp4: true" in Answers().network_config()
    right = Answers(address="fd00::2/64", gateway="fd00::1", servers="9.9.9.9")
    assert right.problems() == {}
    assert network_config_problem(right.network_config()) == ""


def test_meta_data_makes_a_host_name_of_a_name() -> None:
    assert meta_data("i", "Web Server (1)") == 'instance-id: "i"\nlocal-hostname: "web-server-1"\n'
    assert meta_data("i", "漢字") == 'instance-id: "i"\n'
