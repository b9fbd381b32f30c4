# Which pg_hba.conf lets the dump in.
{ lib, ... }:
let
  admits = import ../authentication.nix lib;
  default = ''
    # default value of services.postgresql.authentication
    local all postgres         peer map=postgres
    local all all              peer
    host  all all 127.0.0.1/32 md5
    host  all all ::1/128      md5
  '';
  is = expected: text: {
    expr = admits text;
    inherit expected;
  };
in
{
  testDefault = is true "# Generated file; do not edit!\n${default}";
  testDefaultAfterOthers = is true "host all all 10.0.0.0/8 scram-sha-256\nlocal shop alice scram-sha-256\n${default}";
  testReplication = is true "local replication all scram-sha-256\n${default}";
  testTabs = is true "local\tall\tall\tpeer\tmap=postgres";
  testList = is true ''local all "postgres",alice peer map=postgres'';
  testTrust = is true "local all all trust";
  testNothing = is false "";
  testLost = is false "local all all peer";
  testOfAnother = is false "local shop alice peer map=postgres\nlocal all all peer";
  testOneDatabase = is false "local shop postgres peer map=postgres\nlocal all all peer";
  testEarlierLine = is false "local all all scram-sha-256\n${default}";
  testEarlierLineOfOneDatabase = is false "local shop all scram-sha-256\n${default}";
  testEarlierGroup = is false "local all +staff scram-sha-256\n${default}";
  testOtherMap = is false "local all postgres peer map=postgres2";
  testComment = is false "# local all postgres peer map=postgres";
}
