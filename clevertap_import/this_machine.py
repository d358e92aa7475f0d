"""Which addresses never leave this machine."""

from ipaddress import ip_address


def is_this_machine(host: str) -> bool:
    """Whether `host` is localhost or a loopback address. Names are not looked up: they may mean any."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
