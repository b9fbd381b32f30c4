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

Restores the newest good dump of NAME, $(describe_name): stops the services of the
database and the timers, saves the database that is there as a dump, restores, and starts them again.

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
# The values of a fact, one a line.
of() { jq --raw-output "[.$1 // empty] | flatten[]" <<<"$facts"; }
why=$(of refused)
[ -z "$why" ] || fail "$name is not restored by this command: $why"
directory=$(of directory)
unit=$(of restoreUnit)

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
# Of dumps of one second, the list has the newest first, and max_by takes the last.
chosen=$(jq 'reverse | max_by(.time)' <<<"$chosen")
dump=$(jq --raw-output .path <<<"$chosen")
# A password in a target is no argument of a program here, and is not shown.
target=$(jq --slurp '.[0] as $facts | .[1] as $dump |
  $facts.target // $facts.prefix + ($dump.database | @uri) + $facts.suffix' <<<"$facts$chosen")
shown=$(jq --raw-output 'sub("(?<user>://[^:/?#@]*):[^@/?#]*@"; "\(.user)@") | gsub("(?<name>password=)[^&]*"; .name)' <<<"$target")

# What runs of the services, what would start them again, and the timers.
mapfile -t candidates < <(of timers)
mapfile -t services < <(of services)
for service in "${services[@]}"; do
  read -ra triggers <<<"$(systemctl show --property TriggeredBy --value -- "$service")"
  candidates+=("${triggers[@]}" "$service")
done
stopped=()
for candidate in "${candidates[@]}"; do
  case $(systemctl is-active -- "$candidate") in
  active | activating | reloading) stopped+=("$candidate") ;;
  esac
done

echo "dump:     $(basename "$dump") ($(jq --raw-output '.time' <<<"$chosen"))"
echo "database: $databases ($shown)"
echo "stopped:  ${stopped[*]:-nothing}"
if [ $yes = no ]; then
  [ -t 0 ] || fail "there is no terminal to ask; --yes restores without asking" 2
  read -rp "Restore? The database that is there is saved as a dump first. [yes/no] " answer
  [ "$answer" = yes ] || fail "nothing was done"
fi

start_again() {
  local status=$? one failed=()
  trap - EXIT
  rm -f "$settings"
  remove_unit "$facts" || true
  for one in "${stopped[@]}"; do
    # A unit that was started often just now would not be started again.
    systemctl reset-failed -- "$one" 2>/dev/null || true
    systemctl start -- "$one" || failed+=("$one")
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
systemctl stop -- "${stopped[@]}" "$(of dumpUnit)"
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
