# dump-database-restore: restores one database of this machine, with its services and the timers stopped.
# The script that sources this one knows the machine (nix/restore.sh, packaging/debian/dump-database-restore)
# and defines:
#   describe_name      prints what a NAME is
#   print_names        prints the names that there are
#   print_facts NAME   prints null, or a JSON object of what there is to know of NAME: `refused`, why this
#                      command does not restore it; or `directory` of its dumps, `target` or the `prefix` and
#                      `suffix` around the name of a database, `services` that use it, the `timers`, `dumpUnit`
#                      and `restoreUnit`
#   make_unit FACTS    makes the unit that restores, if it is not there already
#   remove_unit FACTS  removes what make_unit made
set -euo pipefail

usage="usage: dump-database-restore NAME [DUMP | --before TIME] [--database DATABASE] [--yes]

Restores the newest good dump of NAME, $(describe_name): verifies the dump, stops the
services of the database, the units that need them, and the timers, saves the present database as a dump,
restores, and starts all these units again.

  DUMP                 this dump of the directory of NAME, by its file name
  --before TIME        the newest dump that is not younger than TIME, such as '2026-11-22 19:30' or '2 hours ago'
  --database DATABASE  which database, where NAME is a server
  --yes                do not ask"

fail() {
  echo "dump-database-restore: $1" >&2
  exit "${2:-1}"
}

name='' dump='' before='' database='' yes=no
while [ $# -gt 0 ]; do
  case $1 in
  --yes) yes=yes ;;
  --before | --database)
    [ $# -gt 1 ] || fail "$1 needs a value"$'\n'"$usage" 2
    if [ "$1" = --before ]; then before=$2; else database=$2; fi
    shift
    ;;
  -h | --help)
    echo "$usage"
    exit
    ;;
  -*) fail "there is no option $1"$'\n'"$usage" 2 ;;
  *)
    if [ -z "$name" ]; then name=$1; elif [ -z "$dump" ]; then dump=$1; else fail "$usage" 2; fi
    ;;
  esac
  shift
done
[ -n "$name" ] || fail "$usage" 2
[ -z "$dump" ] || [ -z "$before" ] || fail "a DUMP and --before exclude each other" 2
[ "$(id -u)" -eq 0 ] || fail "only root can stop services and restore as their users"

facts=$(print_facts "$name")
[ "$facts" != null ] || fail "there is no database $name; there are: $(print_names)" 2
# Prints the values of a fact, one a line.
print_fact() { jq --raw-output "[.$1 // empty] | flatten[]" <<<"$facts"; }
why=$(print_fact refused)
[ -z "$why" ] || fail "$name is not restored by this command: $why"
directory=$(print_fact directory)
unit=$(print_fact restoreUnit)

if [ -n "$before" ]; then
  limit=$(date --utc --date "$before" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null) || fail "--before $before is not a time" 2
fi
dumps=$(dump-database list --json "$directory")
if [ -n "$dump" ]; then
  chosen=$(jq --arg dump "$(basename "$dump")" '[.[] | select((.path | split("/") | last) == $dump)]' <<<"$dumps")
  case $dump in
  */*) [ "$(realpath "$(dirname "$dump")")" = "$(realpath "$directory")" ] || chosen='[]' ;;
  esac
  [ "$chosen" != '[]' ] || fail "$dump is no dump in $directory; dump-database list $directory names them"
else
  # A dump that is dated later was made while the clock was wrong, or the owner of the directory forged it.
  limit=${limit:-$(date --utc --date '1 minute' +%Y-%m-%dT%H:%M:%SZ)}
  chosen=$(jq --arg limit "$limit" '[.[] | select(.kind == "regular" and .time <= $limit)]' <<<"$dumps")
fi
if [ -n "$database" ]; then
  chosen=$(jq --arg database "$database" '[.[] | select(.database == $database)]' <<<"$chosen")
fi
# The owner of the dumps chooses the names in them, and these characters act on a terminal.
databases=$(jq --raw-output '[.[].database | gsub("[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]"; "?")] | unique | join(", ")' <<<"$chosen")
case $(jq '[.[].database] | unique | length' <<<"$chosen"),$databases in
0,*) fail "no dump of ${database:-$name}${limit:+ before $limit} is in $directory; a dump that is dated later is restored by its name" ;;
1,@globals) fail "roles and grants are restored by hand; docs/restoring.md says how" ;;
1,*) ;;
*) fail "$name has several databases; say which with --database: $databases" 2 ;;
esac
verifier=''
# Verifies a dump for at most as many seconds. Sets `verdict` to the line that `dump-database verify` prints.
# Returns 0 if the dump is good. A signal ends the verification and this command.
verify_dump() { # DUMP SECONDS
  local answer status=0
  verdict=''
  exec {answer}< <(exec dump-database verify --timeout "${2}s" -- "$1")
  verifier=$!
  read -r -d '' -u "$answer" verdict || true
  wait "$verifier" || status=$?
  exec {answer}<&-
  # Of a dump that was removed meanwhile, the program says nothing.
  [ "$status" -eq 0 ] && [ -n "$verdict" ]
}
trap 'kill "$verifier" 2>/dev/null || true; exit 130' INT TERM HUP
# Newest first; of dumps of one second, the list has the newest first. A dump that is damaged inside looks good
# in the list, so each is read whole, as long as all other units still run.
mapfile -t candidates < <(jq --compact-output 'reverse | sort_by(.time) | reverse[]' <<<"$chosen")
chosen='' deadline=$((SECONDS + 86400))
for candidate in "${candidates[@]}"; do
  dump=$(jq --raw-output .path <<<"$candidate")
  [ "$SECONDS" -lt "$deadline" ] || fail "no good dump was found in one day; name a DUMP. Nothing was stopped"
  echo "verifying $(basename "$dump")" >&2
  if verify_dump "$dump" $((deadline - SECONDS)); then
    chosen=$candidate
    break
  fi
  echo "passed over: ${verdict:-$dump: it was removed, or cannot be read}" >&2
done
trap - INT TERM HUP
[ -n "$chosen" ] || fail "no dump to restore is good; nothing was stopped, and the database is as it was"
dump=$(jq --raw-output .path <<<"$chosen")
# A password in a target is no argument of a program here, and is not shown.
target=$(jq --slurp '.[0] as $facts | .[1] as $dump |
  $facts.target // $facts.prefix + ($dump.database | @uri) + $facts.suffix' <<<"$facts$chosen")
shown=$(jq --raw-output 'sub("(?<user>://[^:/?#@]*):[^@/?#]*@"; "\(.user)@") | gsub("(?<name>password=)[^&]*"; .name)' <<<"$target")

# Adds these units to `related`, and the units that systemd stops with them, and what would start any of them
# again, such as a timer.
declare -A related=()
collect_units() { # UNIT...
  local queue=("$@") found more
  local properties=RequiredBy,RequisiteOf,BoundBy,ConsistsOf,PropagatesStopTo,TriggeredBy
  while [ ${#queue[@]} -gt 0 ]; do
    found=${queue[0]}
    queue=("${queue[@]:1}")
    [ -z "${related["$found"]:-}" ] || continue
    related["$found"]=yes
    read -ra more <<<"$(systemctl show --property "$properties" --value -- "$found" | tr '\n' ' ')"
    queue+=("${more[@]}")
  done
}

# Prints the units in `running`, each after those that systemd starts before it.
sort_running() {
  local earlier found preceding
  for found in "${!running[@]}"; do
    echo "$found $found"
    read -ra preceding <<<"$(systemctl show --property After --value -- "$found")"
    for earlier in "${preceding[@]}"; do
      [ -z "${running["$earlier"]:-}" ] || echo "$earlier $found"
    done
  done | tsort 2>/dev/null || true
}

mapfile -t timers < <(print_fact timers)
mapfile -t services < <(print_fact services)
collect_units "${timers[@]}" "${services[@]}"
declare -A running
find_running() {
  running=()
  for related_unit in "${!related[@]}"; do
    case $(systemctl is-active -- "$related_unit") in
    active | activating | reloading) running["$related_unit"]=yes ;;
    esac
  done
  mapfile -t stopped < <(sort_running)
}
find_running

echo "dump:     $(basename "$dump") ($(jq --raw-output '.time' <<<"$chosen"))"
echo "database: $databases ($shown)"
echo "stopped:  ${stopped[*]:-nothing}"
if [ $yes = no ]; then
  [ -t 0 ] || fail "there is no terminal to ask; --yes restores without asking" 2
  read -rp "Restore? The present database is saved as a dump first. [yes/no] " answer
  [ "$answer" = yes ] || fail "nothing was done"
  # A timer may have started a service while the question waited.
  find_running
fi

start_again() {
  local status=$? stopped_unit mode failed=()
  trap - EXIT
  rm -f "$settings"
  remove_unit "$facts" || true
  for stopped_unit in "${stopped[@]}"; do
    # A unit that was started often just now would not be started again.
    systemctl reset-failed -- "$stopped_unit" 2>/dev/null || true
    # A target would also start units that were not running before.
    mode=replace
    [[ $stopped_unit != *.target ]] || mode=ignore-dependencies
    systemctl start --job-mode "$mode" -- "$stopped_unit" || failed+=("$stopped_unit")
  done
  [ ${#stopped[@]} -eq 0 ] || echo "started:  ${stopped[*]}"
  [ ${#failed[@]} -eq 0 ] || fail "could not start ${failed[*]}; see systemctl status ${failed[*]}"
  exit "$status"
}
settings=/run/dump-database-restore-$name
trap start_again EXIT
trap 'exit 130' INT TERM HUP
make_unit "$facts"
# A dump that runs now would be of a database that is being replaced.
systemctl stop -- "${stopped[@]}" "$(print_fact dumpUnit)"
(
  umask 077
  # systemd reads the values; no character in them ends one.
  jq --raw-output '"DUMP=" + ($dump | tojson), "TARGET=" + tojson' --arg dump "$dump" <<<"$target" >"$settings"
)
status=0
began=$(date +%s.%6N)
systemctl start -- "$unit" || status=$?
# What the restore said. systemd has forgotten a unit that succeeded, and so the number of its run.
journalctl --sync
journalctl --quiet --no-pager --output cat --since "@$began" _SYSTEMD_UNIT="$unit" || true
[ "$status" -eq 0 ] || fail "the restore failed, and the database is as it was; journalctl -u $unit says why"
