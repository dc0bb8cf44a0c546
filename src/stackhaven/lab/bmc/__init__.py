"""Virtual BMCs: every node's power on a network of its own, by IPMI and by Redfish, as real machines have it.

One process serves all nodes of a lab. It stands in the lab's hub, so that only the lab can reach it, and switches
power by the same functions as ``haven lab power``.
"""
