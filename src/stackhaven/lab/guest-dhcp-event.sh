#!/bin/busybox sh
# Called by udhcpc(8) with the event as argument and the lease in the environment.
case $1 in
bound | renew)
    ip addr flush dev "$interface"
    ip addr add "$ip/$mask" dev "$interface"
    [ -n "$mtu" ] && ip link set "$interface" mtu "$mtu"
    for gateway in $router; do
        ip route replace default via "$gateway" dev "$interface"
        break
    done
    # Pairs of destination and gateway (RFC 3442); the route to the metadata address comes this way.
    set -- $staticroutes
    while [ $# -ge 2 ]; do
        [ "$2" = 0.0.0.0 ] && ip route replace "$1" dev "$interface" || ip route replace "$1" via "$2" dev "$interface"
        shift 2
    done
    echo "ip=$ip/$mask router=$router mtu=$mtu server=$serverid" > /tmp/lease
    ;;
esac
