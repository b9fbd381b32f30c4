# An HTTP server that writes the first line of each request to a file: listen.pl PORT FILE
use strict;
use IO::Socket::INET;
my ($port, $file) = @ARGV;
my $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $port, Listen => 5, ReuseAddr => 1) or die;
while (my $client = $server->accept) {
  my $request = <$client>;
  while (<$client>) { last if /^\r?\n$/ }
  print $client "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n";
  close $client;
  open my $out, ">>", $file or die;
  print $out $request;
  close $out;
}
