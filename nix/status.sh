# Looks at the databases' dumps: status.sh PROGRAM FLAG VALUE DIRECTORY... [-- FILE DIRECTORY]...
# A directory after a FILE, which may be a glob, counts only once the file or the directory exists.
set -euo pipefail
status=("$1" status "$2" "$3")
shift 3

# Whether a glob, in which blanks are no separators, matches anything.
exists() {
  local IFS= path
  for path in $1; do
    if [ -e "$path" ]; then return; fi
  done
  return 1
}

directories=()
while [ $# -gt 0 ]; do
  if [ "$1" != -- ]; then
    directories+=("$1")
    shift
    continue
  fi
  if exists "$2" || [ -d "$3" ]; then directories+=("$3"); fi
  shift 3
done

[ ${#directories[@]} -gt 0 ] || { echo "no database exists yet" >&2; exit 0; }
exec "${status[@]}" "${directories[@]}"
