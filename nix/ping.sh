# Requests the URL that the credential "url" holds, with a suffix: ping.sh [SUFFIX]. curl reads the URL
# from its standard input, and of what it says at least the host would be known: its exit status is
# told instead.
set -euo pipefail
url=$(<"$CREDENTIALS_DIRECTORY/url")
status=0
curl --silent --fail --location --max-time 10 --retry 3 --output /dev/null --config - \
  <<<"url = \"${url%/}${1:-}\"" || status=$?
if [ "$status" -ne 0 ]; then
  echo "curl cannot request the URL of the ping: exit status $status (see curl(1))" >&2
fi
exit "$status"
