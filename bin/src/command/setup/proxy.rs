//! The configurations of the proxies that can stand before the server. The tests run them in the real nginx and Caddy.

use std::net::SocketAddr;

use clap::ValueEnum;
use postroom::name::DnsName;

use crate::command::Failure;

/// A proxy that brings TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Proxy {
    /// nginx, with a certificate that another program renews
    Nginx,
    /// Caddy, which gets its certificates itself
    Caddy,
}

impl Proxy {
    /// The proxy of this name.
    pub(super) fn of(name: &str) -> Result<Proxy, Failure> {
        let unknown = || {
            Failure::input(format!("there is no configuration for \"{name}\"; answer nginx, caddy or none"))
        };
        Proxy::from_str(name, true).map_err(|_| unknown())
    }

    /// Its name in sentences.
    pub(super) fn name(self) -> &'static str {
        match self {
            Proxy::Nginx => "nginx",
            Proxy::Caddy => "Caddy",
        }
    }

    /// Where its configuration belongs, and how it is taken.
    pub(super) fn place(self) -> &'static str {
        match self {
            Proxy::Nginx => {
                "Put it into /etc/nginx/conf.d/postroom.conf, then run: nginx -t && systemctl reload nginx"
            }
            Proxy::Caddy => "Add it to /etc/caddy/Caddyfile, then run: systemctl reload caddy",
        }
    }

    /// The configuration for a server at `upstream` that the world reaches as `host`.
    ///
    /// The proxy alone says who the client is: it sets `X-Forwarded-For`, and throws away what a client has written there and into
    /// `Forwarded`. It logs no queries, because a login link carries its secret in one.
    pub(super) fn configuration(self, host: &DnsName, upstream: SocketAddr) -> String {
        match self {
            Proxy::Nginx => format!(
                r#"log_format postroom '$remote_addr [$time_local] "$request_method $uri" $status $body_bytes_sent';

server {{
    listen 80;
    listen [::]:80;
    server_name {host};
    return 301 https://$host$request_uri;
}}

server {{
    listen 443 ssl;
    listen [::]:443 ssl;
    server_name {host};
    ssl_certificate /etc/letsencrypt/live/{host}/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/{host}/privkey.pem;
    access_log /var/log/nginx/postroom.log postroom;
    # The server has its own limits for each route.
    client_max_body_size 0;
    proxy_request_buffering off;

    location / {{
        proxy_pass http://{upstream};
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header Connection "";
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header Forwarded "";
        proxy_buffering off;
    }}
}}
"#
            ),
            Proxy::Caddy => format!(
                "{host} {{\n\treverse_proxy {upstream} {{\n\t\theader_up X-Forwarded-For {{remote_host}}\n\t\theader_up \
                 -Forwarded\n\t\tflush_interval -1\n\t}}\n}}\n"
            ),
        }
    }
}
