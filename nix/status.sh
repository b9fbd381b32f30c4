# Looks at the databases' dumps: status.sh PROGRAM FLAG VALUE DIRECTORY... [-- FILE DIRECTORY]...
# A directory after a FILE, which may be a glob, counts only once the file or the directory exists.
set -euo pipefail
status=("$1" status "$2" "$3")
shift 3

directories=()
while [ $# -gt 0 ]; do
  if [ "$1" != -- ]; then
    directories+=("$1")
    shift
    continue
  fi
  if [ -e "$2" ] || compgen -G "$2" >/dev/null || [ -d "$3" ]; then directories+=("$3"); fi
  shift 3
done

[ ${#directories[@]} -gt 0 ] || { echo "no database exists yet" >&2; exit 0; }
exec "${status[@]}" "${directories[@]}"
