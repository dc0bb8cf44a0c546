#!/bin/sh
# Brings the outside's bridge and device up: external-up BRIDGE DEVICE userspace|kernel
set -e
i=0
until ip link show "$1" >/dev/null 2>&1; do
  i=$((i + 1))
  [ "$i" -lt 100 ] || { echo "no device $1"; exit 1; }
  sleep 0.1
done
ip link set "$1" up
ip link set "$2" up
[ "$3" = kernel ] || ethtool -K "$2" tx off >/dev/null
