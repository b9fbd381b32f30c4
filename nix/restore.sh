# What packaging/restore.sh, dump-database-restore, knows of a machine with NixOS.
# /etc/dump-database/restore.json says what there is to know of each entry of services.dumpDatabase.databases;
# the unit dump-database-restore-NAME restores as the user of its dumps.
table=/etc/dump-database/restore.json

describe_name() { echo "an entry of services.dumpDatabase.databases"; }

print_names() { jq --raw-output 'keys | join(", ")' "$table"; }

print_facts() { # NAME
  jq --arg name "$1" 'if has($name) then .[$name] + {
    services: (.[$name].services // []),
    timers: ["dump-database.timer", "dump-database-\($name).timer"],
    dumpUnit: "dump-database-\($name).service",
    restoreUnit: "dump-database-restore-\($name).service"
  } else null end' "$table"
}

# The configuration made the unit.
make_unit() { :; }
remove_unit() { :; }
