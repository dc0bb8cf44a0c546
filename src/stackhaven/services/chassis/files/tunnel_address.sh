#!/bin/sh
# Puts the tunnel address on the bridge that the userspace datapath forwards: tunnel-address BRIDGE DEVICE ADDRESS/PREFIX
# A restart of ovs-vswitchd makes internal ports anew, without their addresses.
set -e
bridge=$1 device=$2 address=$3
i=0
until ip link show "$bridge" >/dev/null 2>&1; do
  i=$((i + 1))
  [ "$i" -lt 100 ] || { echo "no device $bridge"; exit 1; }
  sleep 0.1
done
ip addr flush dev "$device" scope global
ip addr replace "$address" dev "$bridge"
ip link set "$bridge" up
ip link set "$device" up
# The userspace datapath drops what says "checksum is still to be done".
ethtool -K "$device" tx off >/dev/null
