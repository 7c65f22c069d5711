"""The texts that cloud-init reads: checked as far as one can without running them, and filled in
from a few answers. Pure.

Source: cloud-init's documentation of NoCloud, user-data formats and network configuration v1, v2.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

LARGEST_BYTES = 256 * 1024
"""Of one text."""

_STARTS = ("#cloud-config", "#!", "#include", "#cloud-boothook", "## template:", "#part-handler")
_KEY = re.compile(r"[A-Za-z_][\w-]*\s*:(\s|$)", re.ASCII)
_HOST_NAME = re.compile(
    r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*", re.ASCII
)
_SSH_KEY = re.compile(
    r"(ssh-(rsa|ed25519|dss)|ecdsa-sha2-\S+|sk-\S+)\s+[A-Za-z0-9+/=]{20,}(\s.*)?", re.ASCII
)


def user_data_problem(text: str) -> str:
    """Why cloud-init would not take this user-data, or ""."""
    if not text.strip():
        return "Write what the guest should do, or switch cloud-init off."
    if (problem := _size_problem(text)) or not text.startswith(_STARTS):
        return problem or "The first line must be #cloud-config (or begin a script with #!)."
    return _yaml_problem(text) if text.startswith("#cloud-config") else ""


def network_config_problem(text: str) -> str:
    """Why cloud-init would not take this network-config, or ""; none at all is fine."""
    if not text.strip():
        return ""
    if problem := _size_problem(text) or _yaml_problem(text):
        return problem
    if not re.search(r"^\s*version\s*:\s*[12]\s*$", text, re.MULTILINE):
        return "It must say version: 1 or version: 2."
    return ""


def _size_problem(text: str) -> str:
    if len(text.encode()) > LARGEST_BYTES:
        return f"Too long: at most {LARGEST_BYTES // 1024} KiB."
    return "" if "\x00" not in text else "It holds a NUL character."


def _yaml_problem(text: str) -> str:
    """What is certainly no YAML of cloud-init: tabs as indentation, a first level without keys."""
    seen: dict[str, int] = {}
    for at, line in enumerate(text.splitlines(), 1):
        if "\t" in line[: len(line) - len(line.lstrip())]:
            return f"Line {at}: YAML is indented by spaces, not by tabs."
        if not line or line[0] in " #-{}[]\"'|>%.&*!?":
            continue
        if not _KEY.match(line):
            return f"Line {at} is no “key: value”."
        key = line.partition(":")[0].strip()
        if key in seen:
            return f"Line {at}: {key} is there already, in line {seen[key]}."
        seen[key] = at
    return ""


@dataclass(frozen=True)
class Answers:
    """What is asked for instead of YAML.

    Attributes:
        keys: public SSH keys, one a line.
        password: of the distribution's first user, as it is; "" sets none.
        address: "192.168.1.20/24"; "" asks DHCP.
        servers: name servers, commas between.
    """

    host_name: str = ""
    keys: str = ""
    password: str = ""
    update: bool = False
    address: str = ""
    gateway: str = ""
    servers: str = ""

    def problems(self) -> dict[str, str]:
        """What is wrong, by field."""
        found: dict[str, str] = {}
        if self.host_name and not _HOST_NAME.fullmatch(self.host_name):
            found["host_name"] = "Letters, digits and dashes, with dots between parts."
        for line in self.keys.splitlines():
            if line.strip() and not _SSH_KEY.fullmatch(line.strip()):
                found["keys"] = "A public key begins with ssh-ed25519, ssh-rsa or ecdsa-sha2-…"
        if self.address:
            found |= self._network_problems()
        elif self.gateway or self.servers:
            found["address"] = "Gateway and name servers go with an address."
        return found

    def _network_problems(self) -> dict[str, str]:
        found: dict[str, str] = {}
        try:
            if "/" not in self.address:
                raise ValueError
            ipaddress.ip_interface(self.address)
        except ValueError:
            found["address"] = "An address with the length of its prefix: 192.168.1.20/24."
        for name, words in (("gateway", self.gateway), ("servers", self.servers)):
            for word in filter(None, (part.strip() for part in words.split(","))):
                try:
                    ipaddress.ip_address(word)
                except ValueError:
                    found[name] = f"{word} is no IP address."
        return found

    def blocks(self) -> dict[str, str]:
        """Blocks of user-data by their first key."""
        made: dict[str, str] = {}
        if self.host_name:
            short = self.host_name.partition(".")[0]
            made["hostname"] = f"hostname: {_quoted(short)}\n"
            if "." in self.host_name:
                made["fqdn"] = f"fqdn: {_quoted(self.host_name)}\n"
        keys = [line.strip() for line in self.keys.splitlines() if line.strip()]
        if keys:
            lines = "".join(f"  - {_quoted(key)}\n" for key in keys)
            made["ssh_authorized_keys"] = f"ssh_authorized_keys:\n{lines}"
        if self.password:
            made["password"] = f"password: {_quoted(self.password)}\n"
            made["chpasswd"] = "chpasswd:\n  expire: false\n"
            made["ssh_pwauth"] = "ssh_pwauth: true\n"
        if self.update:
            made["package_update"] = "package_update: true\n"
            made["package_upgrade"] = "package_upgrade: true\n"
        return made

    def network_config(self) -> str:
        """The network of the first card, in version 2."""
        lines = ["version: 2", "ethernets:", "  first:", "    match:", '      name: "e*"']
        if not self.address:
            return "\n".join([*lines, "    dhcp4: true", ""])
        lines += ["    addresses:", f"      - {_quoted(self.address)}"]
        if self.gateway:
            lines += ["    routes:", "      - to: default", f"        via: {_quoted(self.gateway)}"]
        servers = [part.strip() for part in self.servers.split(",") if part.strip()]
        if servers:
            lines += ["    nameservers:", f"      addresses: {json.dumps(servers)}"]
        return "\n".join([*lines, ""])


def with_blocks(text: str, blocks: Mapping[str, str]) -> str:
    """User-data with top-level blocks put in; one that is there already is replaced in its place.

    What else was written stays as it is.
    """
    lines = text.splitlines(keepends=True) or ["#cloud-config\n"]
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    left = dict(blocks)
    made: list[str] = []
    dropping = False
    for line in lines:
        top = bool(line.strip()) and line[0] not in " \t-#"
        if top:
            key = line.partition(":")[0].strip()
            dropping = key in left
            if dropping:
                made.append(left.pop(key))
        if not dropping or (line.startswith("#") and not top):
            made.append(line)
    return "".join(made) + "".join(left.values())


def meta_data(instance: str, host_name: str) -> str:
    """The `meta-data` of one instance."""
    lines = [f"instance-id: {_quoted(instance)}"]
    name = re.sub(r"[^a-z0-9-]+", "-", host_name.lower()).strip("-")[:63].strip("-")
    if name:
        lines.append(f"local-hostname: {_quoted(name)}")
    return "\n".join([*lines, ""])


def _quoted(text: str) -> str:
    # A JSON string is a YAML string in double quotes.
    return json.dumps(text, ensure_ascii=False)
