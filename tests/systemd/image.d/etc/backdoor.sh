# Reads scripts from the test, a line of Base64 each, and answers with a line of their exit status
# and their output in Base64.
exec 3<>/dev/vport0p1
while read -r script <&3; do
  status=0
  output=$(set -o pipefail; base64 -d <<<"$script" | bash 3>&- | base64 -w 0) || status=$?
  echo "$status $output" >&3
done
