//! What the mail server's configuration must say.

/// The lines for `main.cf`: each `name = value` can go to `postconf -e`.
pub const MAIN: &str = "\
# Which domains and recipients there are, and what becomes of their mail. Domains with downstream addresses go on to those.
virtual_mailbox_domains = socketmap:unix:postroom/map:domain
virtual_mailbox_maps = socketmap:unix:postroom/map:recipient
virtual_transport = lmtp:unix:postroom/lmtp
transport_maps = socketmap:unix:postroom/map:transport
# Lines of more than 998 octets stay as they are. Postfix would break them after the milter, and then no DKIM signature holds: neither ours, nor one
# that comes in and that a webhook's receiver wants to check.
smtp_line_length_limit = 0
lmtp_line_length_limit = 0
# Nor does it convert 8-bit text to quoted-printable for a server that takes none by 8BITMIME.
disable_mime_output_conversion = yes
# Mail that is forwarded or posted keeps no wishes for reports (RFC 3461), so whoever sends it should not believe that they are heard.
smtpd_discard_ehlo_keywords = silent-discard, dsn
# Who may send as whom, lists, and DKIM signatures.
smtpd_milters = unix:postroom/milter
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
# Domain tokens are the passwords.
smtpd_sasl_type = dovecot
smtpd_sasl_path = postroom/auth
";

/// The submission service for `master.cf`.
pub const MASTER: &str = "\
submission inet n       -       y       -       -       smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
  -o smtpd_discard_ehlo_keywords=
";

/// rspamd's `local.d/dkim_signing.conf`: it signs with the keys that the bridge gives it at `url`.
///
/// The domain is the one in the From field, as it is there: not the registered domain above it.
pub fn dkim_signing(url: &str, token: &str) -> String {
    format!(
        "\
# For /etc/rspamd/local.d/dkim_signing.conf, which only rspamd may read: whoever has the token can sign as every domain.
use_vault = true;
vault_url = \"{url}\";
vault_token = \"{token}\";
use_domain = \"header\";
use_esld = false;
sign_local = false;
"
    )
}

/// A prefilter in Lua for rspamd, which lets the lists decide before it does; for versions without external maps (before 3.5).
pub fn prefilter(url: &str) -> String {
    include_str!("prefilter.lua").replace("POSTROOM_URL", url)
}
