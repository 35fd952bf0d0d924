"""Which addresses a request may connect to: networks as text, as the core takes them.

For programs that fetch what strangers name: a host name can resolve to anything, also to this machine, the local
network, or the metadata service of a cloud. The core looks at the address that it is about to connect to, after
every resolution, redirect and reuse of a connection, so a name that resolves differently each time gains nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

__all__ = ["NON_PUBLIC_NETWORKS", "Network", "address_rules"]

Network = str | ipaddress.IPv4Network | ipaddress.IPv6Network | ipaddress.IPv4Address | ipaddress.IPv6Address

NON_PUBLIC_NETWORKS: tuple[str, ...] = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
)
"""What is not the public internet (the IANA special-purpose registries of IPv4 and IPv6, multicast, and the prefixes
of IPv6 that lead to an IPv4 address inside them), for `BindInfo(deny_address=urlmon.NON_PUBLIC_NETWORKS)`.
"""


def address_rules(
    allowed: Iterable[Network] | None, denied: Iterable[Network]
) -> tuple[tuple[bytes, int, bool], ...]:
    """Rules for the core's Profile. ValueError for what is no network.

    An empty `allowed` allows nothing; None allows everything that is not denied.
    """
    rules = [_rule(network, allows=False) for network in denied]
    if allowed is not None:
        permissions = [_rule(network, allows=True) for network in allowed]
        rules += permissions or [_rule("::/0", allows=False)]
    return tuple(rules)


def _rule(network: Network, *, allows: bool) -> tuple[bytes, int, bool]:
    parsed = ipaddress.ip_network(network)
    if parsed.version == 4:
        return bytes(10) + b"\xff\xff" + parsed.network_address.packed, 96 + parsed.prefixlen, allows
    return parsed.network_address.packed, parsed.prefixlen, allows
