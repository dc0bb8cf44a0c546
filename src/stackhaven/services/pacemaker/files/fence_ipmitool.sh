#!/bin/bash
# fence_ipmilan hands a password to ipmitool as an argument, where everyone on the machine can read it.
# In its place it is given the name of a file here, and ipmitool reads the password from there.
words=()
while (($#)); do
  if [ "$1" = -P ]; then
    words+=(-f "$2")
    shift
  else
    words+=("$1")
  fi
  shift
done
exec ipmitool "${words[@]}"
