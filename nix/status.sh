# Looks at the databases' dumps: status.sh PROGRAM GROUP..., each --FLAG=VALUE... DIRECTORY...
# [-- FILE DIRECTORY]... A directory after a FILE, which may be a glob, counts only once the file or
# the directory exists.
set -euo pipefail
program=$1
shift

# Whether a glob, in which blanks are no separators, matches anything.
exists() {
  local IFS= path
  for path in $1; do
    if [ -e "$path" ]; then return; fi
  done
  return 1
}

looked=no
failed=0
while [ $# -gt 0 ]; do
  # The daily survey says which databases nobody dumps; a round every ten minutes would say it again.
  status=("$program" status --no-survey)
  while [[ ${1-} == --?* ]]; do
    status+=("$1")
    shift
  done
  directories=()
  while [ $# -gt 0 ]; do
    case $1 in
    --)
      if exists "$2" || [ -d "$3" ]; then directories+=("$3"); fi
      shift 3
      ;;
    -*) break ;;
    *)
      directories+=("$1")
      shift
      ;;
    esac
  done
  [ ${#directories[@]} -gt 0 ] || continue
  looked=yes
  "${status[@]}" "${directories[@]}" || failed=$?
done

[ $looked = yes ] || echo "no database exists yet" >&2
exit $failed
