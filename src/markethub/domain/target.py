"""Where an outgoing webhook may go: which addresses, written how.

The rules against server-side request forgery. A URL is accepted in one plain spelling only, so
that no two parsers can disagree about its host; what the host resolves to is judged at each send.
"""

import hashlib
import re
from ipaddress import (
    IPv4Address,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, Self

import attrs

from markethub.domain.errors import ValidationFailed

IpAddress = IPv4Address | IPv6Address

_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9.-]+)"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
    r"(?P<query>\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?",
    re.ASCII,
)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
"""A last label that makes browsers and C libraries read the whole host as an IPv4 address."""
_LENGTH_MAXIMUM: Final = 2048
_PORTS: Final = {"http": 80, "https": 443}

_UNICAST: Final = IPv6Network("2000::/3")
"""All of IPv6 that IANA has given out to be reached. What embeds an IPv4 address from outside of
it (mapped, compatible, translated) is refused with the rest."""
_REFUSED: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT, and a cloud's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's platform, at a public address
        "169.254.0.0/16",  # link-local, and the metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments, and a cloud's metadata
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "2001::/23",  # IETF protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
"""IANA's special-purpose registries, and what clouds serve their machines at."""


def is_reachable(address: IpAddress) -> bool:
    """Tell whether the address is somebody's on the public internet."""
    if isinstance(address, IPv6Address) and (address.scope_id or address not in _UNICAST):
        return False
    if address.is_multicast or address.is_private or address.is_reserved:
        return False
    return not any(address in network for network in _REFUSED if network.version == address.version)


@attrs.frozen(kw_only=True)
class Target:
    """An address that was accepted. ``allow_loopback`` where play money is moved alone."""

    scheme: str
    host: str
    """Without the brackets of an IPv6 address."""
    port: int
    path: str = attrs.field(repr=False)
    """With the query; may hold a secret."""
    allow_loopback: bool

    @classmethod
    def parse(cls, url: str, *, allow_loopback: bool) -> Self:
        """Accept a URL. Raises ValidationFailed, which shows nothing of it.

        ``allow_loopback`` also lets plain http go there.
        """
        found = _URL.fullmatch(url) if len(url) <= _LENGTH_MAXIMUM else None
        if found is None:
            raise _refused(
                "must be https://host/path: lower case, without user, password or fragment"
            )
        host, scheme = found["host"].strip("[]"), found["scheme"]
        literal = _literal(found["host"])
        target = cls(
            scheme=scheme,
            host=host,
            port=int(found["port"] or _PORTS[scheme]),
            path=(found["path"] or "/") + (found["query"] or ""),
            allow_loopback=allow_loopback,
        )
        if target.port > 0xFFFF:
            raise _refused("has no such port")
        if literal is not None and not target.permits(literal):
            raise _refused("must not be at a private, local or reserved address")
        is_local = literal.is_loopback if literal is not None else _is_localhost(host)
        if is_local and not allow_loopback:
            raise _refused("must not be at a private, local or reserved address")
        if scheme == "http" and not is_local:
            raise _refused("must begin with https://")
        return target

    @property
    def authority(self) -> str:
        """Host and port as the Host header names them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def id(self) -> str:
        """Name the target by a digest: its path or query may hold a secret."""
        url = f"{self.scheme}://{self.authority}{self.path}"
        return hashlib.sha256(url.encode()).hexdigest()[:32]

    def permits(self, address: IpAddress) -> bool:
        """Tell whether a connection may be made to what the host resolved to."""
        if address.is_loopback and self.allow_loopback:
            return True
        return self.scheme == "https" and is_reachable(address)


def _literal(host: str) -> IpAddress | None:
    """Return the address that a host is; None for a name. Raises ValidationFailed for neither."""
    if host.startswith("["):
        try:
            return IPv6Address(host[1:-1])
        except ValueError:
            raise _refused("is at no valid IPv6 address") from None
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]) or not labels[-1]:
        # Everything but four plain decimal numbers is read differently by different programs.
        try:
            return IPv4Address(host)
        except ValueError:
            raise _refused("is at no host name and no plainly written IPv4 address") from None
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise _refused("is at no valid host name")
    return None


def _is_localhost(host: str) -> bool:
    """Tell whether it is a name of this machine (RFC 6761, section 6.3)."""
    return host == "localhost" or host.endswith(".localhost")


def _refused(reason: str) -> ValidationFailed:
    return ValidationFailed("", reason)


def address_of(text: str) -> IpAddress:
    """Read what a resolver returned. Raises ValueError."""
    return ip_address(text)
