#!/bin/bash
# An OCF resource agent: "the load balancer on this node answers". systemd only knows that its process is there.
# It starts and stops nothing; where it fails, the VIP goes elsewhere.
. "${OCF_FUNCTIONS_DIR:=${OCF_ROOT}/lib/heartbeat}/ocf-shellfuncs"

state="${HA_RSCTMP}/${OCF_RESOURCE_INSTANCE}.state"

describe() {
  cat <<'END'
<?xml version="1.0"?>
<resource-agent name="balancer-answers" version="1.0">
  <version>1.1</version>
  <longdesc lang="en">Holds where HAProxy answers its liveness page.</longdesc>
  <shortdesc lang="en">Load balancer answers</shortdesc>
  <parameters>
    <parameter name="port" required="1">
      <longdesc lang="en">Port of the statistics page on this node's management address.</longdesc>
      <shortdesc lang="en">Port</shortdesc>
      <content type="integer"/>
    </parameter>
  </parameters>
  <actions>
    <action name="start" timeout="20s"/>
    <action name="stop" timeout="20s"/>
    <action name="monitor" interval="1s" timeout="10s"/>
    <action name="meta-data" timeout="5s"/>
    <action name="validate-all" timeout="5s"/>
  </actions>
</resource-agent>
END
}

# Once within half a second. The address is this node's own in /etc/hosts.
answers_now() {
  (
    exec 3<>"/dev/tcp/${OCF_RESKEY_CRM_meta_on_node:-$(uname -n)}/${OCF_RESKEY_port}" || exit 1
    printf 'GET /alive HTTP/1.0\r\n\r\n' >&3
    read -r -t 0.5 _ status _ <&3 || exit 1
    [ "$status" = 200 ]
  ) 2>/dev/null
}

# At one of several attempts, half a second apart: a restart of the balancer in place is no reason to move the VIP.
answers() {
  local attempt
  for ((attempt = 1; attempt < $1; attempt++)); do
    answers_now && return 0
    sleep 0.5
  done
  answers_now
}

case "$1" in
  meta-data)
    describe
    exit "$OCF_SUCCESS"
    ;;
  start)
    answers 20 || exit "$OCF_ERR_GENERIC"
    touch "$state"
    ;;
  stop)
    rm -f "$state"
    ;;
  monitor)
    [ -e "$state" ] || exit "$OCF_NOT_RUNNING"
    answers 3 || exit "$OCF_ERR_GENERIC"
    ;;
  validate-all) ;;
  *)
    exit "$OCF_ERR_UNIMPLEMENTED"
    ;;
esac
exit "$OCF_SUCCESS"
