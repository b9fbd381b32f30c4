{
  writeShellApplication,
  dump-database,
  sqlite,
}:
writeShellApplication {
  name = "dump-database-demo";
  runtimeInputs = [
    dump-database
    sqlite
  ];
  text = builtins.readFile ./demo.sh;
}
