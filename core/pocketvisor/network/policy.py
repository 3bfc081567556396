"""A policy's word about a network, as rules for the network process."""

from pocketvisor.network.rules import HostRule, NetworkRules
from pocketvisor.policies.document import Network


def rules_of(network: Network) -> NetworkRules | None:
    """None where anything may pass. Addresses are told once they are known."""
    match network.mode:
        case "any":
            return None
        case "vpn" if (end := network.endpoint) is not None:
            where = {"network": str(end.address)} if end.address is not None else {"name": end.name}
            return NetworkRules(hosts=(HostRule(**where, port=end.port, protocol=end.protocol),))
        case "hosts":
            return NetworkRules(
                hosts=tuple(
                    HostRule(
                        name=host.name,
                        network=str(host.addresses) if host.addresses is not None else "",
                        port=host.port,
                    )
                    for host in network.allowed_hosts
                )
            )
    return NetworkRules()
