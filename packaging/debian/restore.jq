# What dump-database-restore knows of the instance $name: from `source`, `services` and `directory`, the values of
# $file, or "". Decides as nix/restore.nix does what can be restored.
def documented: "see /usr/share/doc/dump-database/docs/restoring.md";

def is_socket: test("^(/|%2[Ff])");

def is_loopback: . == "localhost" or . == "::1" or test("^127([.][0-9]+){3}$");

# The host of a server that is reached by TCP, or null for a socket.
def host:
  (.authority | split("@") | last // "") as $given
  | ($given | if startswith("[") then .[1:] | split("]")[0] else split(":")[0] // "" end) as $host
  | ([.query // "" | split("&")[] | select(test("^(host|hostaddr)=")) | sub("^[^=]*="; "")][0]) as $named
  | if $host != "" and ($host | is_socket | not) then $host
    elif $named != null and ($named | is_socket | not) then $named
    elif .scheme | test("^(redis|valkey)s?$") then "localhost"
    else null end;

# What is restored for a source that is no file.
def of_server:
  . as $source
  | (capture("^(?<scheme>[a-z+]+)://(?<authority>[^/?#]*)(?<path>(/[^?#]*)?)(?<query>([?][^#]*)?)(#.*)?$")
      // {scheme: "", authority: "", path: "", query: ""})
  | .query |= ltrimstr("?")
  | host as $host
  | if (.scheme | test("^postgres(ql)?$")) and $host == null then
      if (.path | ltrimstr("/")) != "" or (.query | test("(^|&)dbname=")) then {target: $source}
      else {prefix: "\(.scheme)://\(.authority)/", suffix: (if .query == "" then "" else "?" + .query end)} end
    elif (.scheme | test("^(redis|valkey)(s|[+]unix)?$")) and ($host == null or ($host | is_loopback)) then
      {target: $source}
    else
      {refused: "SOURCE in \($file) is on another machine, or of a kind that is restored by hand; \(documented)"}
    end;

. as $values
| .source
| if . == "" then
    {refused: "\($file) has no SOURCE, and only the program that made its dumps can restore them"}
  elif $values.directory != "" then
    {refused: "\($file) sets DUMP_DATABASE_TO, but the dumps are in /var/lib/dump-database/\($name); remove it"}
  elif $values | map(test("[[:cntrl:]]")) | any then
    {refused: "a value in \($file) has a control character"}
  elif test("^(sqlite:)?/") then
    ltrimstr("sqlite:")
    | if contains("*") then {refused: "it is several files; \(documented)"}
      else {target: ., written: sub("/[^/]*$"; "/")} end
  else of_server end
| . + {
    services: [$values.services | splits(" +") | select(. != "")],
    directory: "/var/lib/dump-database/\($name)",
    timers: ["dump-database@\($name).timer", "dump-database-copy@\($name).timer", "dump-database-drill@\($name).timer"],
    dumpUnit: "dump-database@\($name).service",
    restoreUnit: "dump-database-restore@\($name).service"
  }
