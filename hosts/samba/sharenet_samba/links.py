"""Network interfaces of share servers: veth where the host's interface is a bridge, macvlan elsewhere."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .command import must, run_command
from .layout import ServerPaths
from .problem import internal, rejected
from .state import Allocation, Link

NET = Path("/sys/class/net")
ALIAS = "sharenet-samba"


def is_bridge(interface: str) -> bool:
    return (NET / interface / "bridge").is_dir()


def _tells_vlans_apart(bridge: str) -> bool:
    """A kernel without that ability has no such file."""
    try:
        return (NET / bridge / "bridge/vlan_filtering").read_text().strip() == "1"
    except FileNotFoundError:
        return False


def plan(server_id: str, interface: str, allocations: list[Allocation]) -> list[Link]:
    """One link for each segment that the allocations are in. Network types: flat is the interface itself, vlan the VLAN
    with the segmentation id on it; tunnels are not made here: Rejected `NetworkTypeNotSupported`."""
    if not (NET / interface).exists():
        raise rejected("InterfaceMissing", f'the file server host has no network interface "{interface}"')
    segments: dict[int | None, list[Allocation]] = {}
    for each in allocations:
        if each.network_type == "flat":
            segments.setdefault(None, []).append(each)
        elif each.network_type == "vlan" and each.segmentation_id is not None:
            segments.setdefault(each.segmentation_id, []).append(each)
        else:
            raise rejected(
                "NetworkTypeNotSupported",
                f'subnet "{each.subnet_name}" is of type {each.network_type}: file server hosts connect to networks of '
                "the types flat and vlan only",
            )
    short = server_id.replace("-", "")[:12]
    bridge = is_bridge(interface)
    result = []
    for index, (vlan, of_segment) in enumerate(segments.items()):
        link = Link(kind="veth" if bridge else "macvlan", name=f"eth{index}", parent=interface, vlan=vlan)
        link.allocations = of_segment
        # 15 characters, the longest that the kernel takes. Also a macvlan has it until it is moved.
        link.host_name = f"sn{short}{index}"
        if not bridge and vlan is not None:
            link.vlan_device = f"{interface}.{vlan}"[-15:]
        result.append(link)
    return result


def make(paths: ServerPaths, link: Link) -> None:
    """Makes the link in the server's namespace and sets it up. Nothing is done when it is there."""
    inside = ["ip", "-n", paths.namespace]
    if run_command([*inside, "link", "show", "dev", link.name], timeout=10).code != 0:
        # A half-made one of a call that was killed.
        run_command(["ip", "link", "delete", "dev", str(link.host_name)], timeout=10)
        if link.kind == "veth":
            _make_veth(paths, link)
        else:
            _make_macvlan(paths, link)
    mtu = min((each.mtu for each in link.allocations if each.mtu), default=None)
    if mtu is not None:
        must([*inside, "link", "set", link.name, "mtu", str(mtu)])
        if link.kind == "veth":
            must(["ip", "link", "set", str(link.host_name), "mtu", str(mtu)])
    must([*inside, "link", "set", link.name, "up"])


def _make_veth(paths: ServerPaths, link: Link) -> None:
    outer = str(link.host_name)
    if link.vlan is not None and not _tells_vlans_apart(link.parent):
        raise rejected(
            "BridgeWithoutVLANs",
            f"the bridge {link.parent} does not tell VLANs apart: set vlan_filtering 1, or use a physical interface",
        )
    must(["ip", "link", "add", outer, "type", "veth", "peer", "name", link.name, "netns", paths.namespace])
    must(["ip", "link", "set", outer, "alias", ALIAS, "master", link.parent])
    # Share servers of one host never need each other: tenants on one bridge stay apart.
    must(["bridge", "link", "set", "dev", outer, "isolated", "on"])
    if link.vlan is not None:
        run_command(["bridge", "vlan", "del", "dev", outer, "vid", "1"], timeout=10)
        must(["bridge", "vlan", "add", "dev", outer, "vid", str(link.vlan), "pvid", "untagged"])
    must(["ip", "link", "set", outer, "up"])


def _make_macvlan(paths: ServerPaths, link: Link) -> None:
    outer = str(link.host_name)
    with _vlan_devices():
        if link.vlan_device is not None:
            _make_vlan_device(link)
        parent = link.vlan_device or link.parent
        # private: as isolated ports of a bridge.
        must(["ip", "link", "add", "link", parent, "name", outer, "type", "macvlan", "mode", "private"])
        must(["ip", "link", "set", outer, "netns", paths.namespace])
    must(["ip", "-n", paths.namespace, "link", "set", outer, "name", link.name])


@contextmanager
def _vlan_devices() -> Iterator[None]:
    """Keeps one server from removing a VLAN's device as unused while another puts its interface on it. Of the whole
    host, since several roots may share an interface."""
    with open("/run/sharenet-samba.lock", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make_vlan_device(link: Link) -> None:
    """The VLAN's device on the host, shared by all share servers in it. It has no address: the host stays outside."""
    device = str(link.vlan_device)
    if not (NET / device).exists():
        argv = ["ip", "link", "add", "link", link.parent, "name", device, "type", "vlan", "id", str(link.vlan)]
        done = run_command(argv, timeout=10)
        if done.code != 0 and not (NET / device).exists():
            raise internal(
                "VLANNotPossible",
                f"VLAN {link.vlan} can't be made on {link.parent} of the file server host (is the module 8021q there?)",
                detail=done.error_text,
            )
        must(["ip", "link", "set", device, "alias", ALIAS])
    shown = json.loads(must(["ip", "-d", "-j", "link", "show", "dev", device]).stdout)[0]
    if shown.get("linkinfo", {}).get("info_data", {}).get("id") != link.vlan or shown.get("link") != link.parent:
        message = f"{device} on the file server host is not VLAN {link.vlan} of {link.parent}"
        raise rejected("VLANDeviceForeign", message)
    must(["ip", "link", "set", device, "addrgenmode", "none"])
    must(["ip", "link", "set", device, "up"])


def remove(link: Link) -> None:
    """Removes what is left on the host's side once the namespace is gone, also the VLAN's device when it was ours and
    nothing else is on it."""
    if link.host_name is not None and (NET / link.host_name).exists():
        run_command(["ip", "link", "delete", "dev", link.host_name], timeout=10)
    if link.vlan_device is None:
        return
    with _vlan_devices():
        if not (NET / link.vlan_device).exists():
            return
        alias = (NET / link.vlan_device / "ifalias").read_text().strip()
        if alias == ALIAS and not _has_macvlans(link.vlan_device):
            run_command(["ip", "link", "delete", "dev", link.vlan_device], timeout=10)


def _has_macvlans(device: str) -> bool:
    """Whether interfaces of share servers hang on the device. The kernel would delete them with it."""
    index = (NET / device / "ifindex").read_text().strip()
    for entry in Path("/run/netns").glob("sn-*"):
        shown = run_command(["ip", "-n", entry.name, "-d", "-j", "link", "show"], timeout=10)
        if shown.code == 0 and any(str(each.get("link_index")) == index for each in json.loads(shown.stdout or b"[]")):
            return True
    return False
