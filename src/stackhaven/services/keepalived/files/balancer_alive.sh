#!/bin/bash
# Exits 0 when HAProxy on this node answers its liveness page within half a second.
exec 3<>"/dev/tcp/$1/$2" || exit 1
printf 'GET /alive HTTP/1.0\r\n\r\n' >&3
read -r -t 0.5 _ status _ <&3 || exit 1
[ "$status" = 200 ]
