"""Addresses of this machine."""

from ipaddress import ip_address


def is_this_machine(host: str) -> bool:
    """Whether `host` is localhost or a loopback address. Names are not resolved: they may mean any
    machine."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
