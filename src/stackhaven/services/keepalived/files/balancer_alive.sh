#!/bin/bash
# Exits 0 when HAProxy on this node answers its liveness page within half a second: balancer-alive ADDRESS PORT [BEAT]
# BEAT holds the uptime at which the watch over the majority last looked: without that watch the VIP must not be here.
if [ -n "$3" ]; then
  read -r beat 2>/dev/null <"$3" || exit 1
  read -r now _ </proc/uptime
  [ $((${now%.*} - beat)) -le 3 ] || exit 1
fi
exec 3<>"/dev/tcp/$1/$2" || exit 1
printf 'GET /alive HTTP/1.0\r\n\r\n' >&3
read -r -t 0.5 _ status _ <&3 || exit 1
[ "$status" = 200 ]
