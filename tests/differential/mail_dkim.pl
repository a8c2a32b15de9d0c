# Whether Mail::DKIM verifies a signed message, case after case: perl mail_dkim.pl FOLDER <CASES
#
# A case is a line of JSON: the key of the message, and the TXT records of the DNS with their strings in hexadecimal. The
# answer to each is a line: `verified`, or why not.
use strict;
use warnings;
use JSON::PP qw(decode_json);
use Mail::DKIM::Verifier;
use Net::DNS;
$| = 1;

my %messages;
for my $key (qw(rsa ed25519)) {
    open my $file, '<:raw', "$ARGV[0]/$key.eml" or die "$key: $!";
    local $/;
    ( $messages{$key} = <$file> ) =~ s/\r?\n/\r\n/g;
}

my $records;
no warnings 'redefine';
*Mail::DKIM::DNS::query = sub {
    my ( $name, $type ) = @_;
    return () if $type ne 'TXT' or lc $name ne 'pr1._domainkey.example.com';
    return map { text( $name, $_ ) } @$records;
};

# The record, decoded as it comes over the wire.
sub text {
    my ( $name, $strings ) = @_;
    my $data = join '', map { my $octets = pack 'H*', $_; chr( length $octets ) . $octets } @$strings;
    $data = "\0" if $data eq '';
    my $question = Net::DNS::Question->new( $name, 'TXT', 'IN' );
    my $wire = $question->encode(0) . pack( 'N n', 300, length $data ) . $data;
    my ($record) = Net::DNS::RR->decode( \$wire, 0 );
    return $record;
}

while ( my $line = <STDIN> ) {
    my $case = decode_json($line);
    $records = $case->{records};
    my $verifier = Mail::DKIM::Verifier->new;
    my $answer = eval {
        $verifier->PRINT( $messages{ $case->{key} } );
        $verifier->CLOSE;
        my $result = $verifier->result;
        $result eq 'pass' ? 'verified' : $verifier->result_detail;
    } // "died: $@";
    $answer =~ s/\s+/ /g;
    print "$answer\n";
}
