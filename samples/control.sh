#!/bin/sh
# A site that is run by a shell script: it answers events, follows the level, and reports a meter.
# Start the VEN beside it:   VEN_CONTROL_TOKEN=... ven-sdk run --control-port 8090 ven.toml
# control.toml beside this script is a file to begin with.
# Needs curl and jq.
set -eu

API="http://127.0.0.1:${VEN_CONTROL_PORT:-8090}"
: "${VEN_CONTROL_TOKEN:?say which token the VEN was started with}"

ask() { # ask METHOD PATH [JSON]
  curl --silent --show-error --fail-with-body --max-time 10 -X "$1" "$API$2" \
    -H "Authorization: Bearer $VEN_CONTROL_TOKEN" ${3:+-H "Content-Type: application/json" -d "$3"}
}

encode() { jq -rn --arg text "$1" '$text | @uri'; }

read_meter() { # put the reading of your meter here, in watts
  awk 'BEGIN { srand(); print 4800 + int(rand() * 400) }'
}

set_load() { # put the switch of your load here: 0 is normal, 3 is off
  echo "level $1"
}

last=""
while true; do
  # Take part in every event that nobody has answered, but not in those above level 2.
  ask GET /events | jq -c '.[] | select(.opt == null)' | while read -r event; do
    id=$(encode "$(printf '%s' "$event" | jq -r .event_id)")
    if printf '%s' "$event" | jq -e '[.event_signals[].intervals[].signal_payload] | max > 2' >/dev/null; then
      ask POST "/events/$id/opt-out" '{"reason": "level 3 is too much for us"}' >/dev/null
      echo "opted out of $id"
    else
      ask POST "/events/$id/opt-in" >/dev/null
      echo "opted in to $id"
    fi
  done

  level=$(ask GET /level | jq .level)
  [ "$level" = "$last" ] || { set_load "$level"; last=$level; }

  ask POST "/reports/$(encode "${VEN_POINT:-meter-1-powerReal}")/value" "{\"value\": $(read_meter)}" >/dev/null
  sleep "${VEN_PERIOD:-5}"
done
