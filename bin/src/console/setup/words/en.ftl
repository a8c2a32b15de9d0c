# The words of the set-up page: English.

language = English
title = DNS records for { $domain }
skip = Skip to the content
sent = { $sender } has sent you this page.
sent-by-operator = The operator of { $host } has sent you this page.
shows = It shows what must be entered in the DNS of { $domain }, so that its mail arrives and is trusted.
how = Enter each record in the form of your DNS provider. Does the form show your domain behind the field? Then enter the name. If not, enter the whole name. At the end press “Check now”.
all-right = Everything is entered
all-right-text = Every record of { $domain } is right. There is nothing more to do.
some-right = { $right ->
    [one] { $right } of { $all } records is right
   *[other] { $right } of { $all } records are right
}
some-right-text = Below stands what is still to do.
check = Check now
checking = Asking the name servers…
answered = Look-ups answered: { $answered } of { $asked }.
checked = Checked { $time }.
never-checked = Not checked yet.
wait = { $seconds ->
    [one] The DNS was asked just now. Try again in { $seconds } second.
   *[other] The DNS was asked just now. Try again in { $seconds } seconds.
}
too-many = Too many checks at once. Try again in a moment.
failed = The check did not work. Reload the page.
unreachable = The server could not be reached.
right = Right
right-warn = Right, with a problem
wrong = Not right yet
unseen = Not seen yet
lost = Lost
not-needed = Not needed
type = Type
name = Name
whole-name = Whole name
priority = Priority
value = Value
provider = The DNS is at { $provider }
provider-fields = Its name servers say so. In its English pages the field of the name is called “{ $name }”, that of the value “{ $value }”.
provider-at = For { $domain } itself the name is “@”.
provider-empty = For { $domain } itself the name stays empty.
leave-empty = (leave it empty)
in-parts = In parts
parts = If the form takes 255 characters at most
seen = Seen
todo = What to do
add = Add this record
change = Change it to this
delete = Delete this record
now = Now
mx = Incoming mail
spf = Who may send (SPF)
dmarc = What happens to forged mail (DMARC)
dkim = The key that signs (DKIM)
return-path = Where bounces go
other = Record
zone = Download as a zone file
languages = Languages
expires = This page works until { $time }. It shows nothing but these records, and nobody can change anything by it.
copy = Copy
copied = Copied
copy-yourself = Select it and copy it yourself
dead-title = This link does not work
dead = It may have expired, or have been withdrawn. Ask whoever sent it for a new one.
