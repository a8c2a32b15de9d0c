use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn every_special_range_is_refused_at_both_ends_and_its_neighbours_are_not() {
    // First and last address of a range, the public address before it and the one after it; none where that is special too.
    for (first, last, before, after) in [
        ("0.0.0.0", "0.255.255.255", "", "1.0.0.0"),
        ("10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"),
        ("100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"),
        ("127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"),
        ("169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"),
        ("172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"),
        ("192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0"),
        ("192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0"),
        ("192.31.196.0", "192.31.196.255", "192.31.195.255", "192.31.197.0"),
        ("192.52.193.0", "192.52.193.255", "192.52.192.255", "192.52.194.0"),
        ("192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0"),
        ("192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0"),
        ("192.175.48.0", "192.175.48.255", "192.175.47.255", "192.175.49.0"),
        ("198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"),
        ("198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0"),
        ("203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0"),
        ("224.0.0.0", "255.255.255.255", "223.255.255.255", ""),
        // Unspecified, loopback, and all else before 2000::/3 but mapped addresses and the well-known NAT64 prefix.
        ("::", "::fffe:ffff:ffff", "", ""),
        ("::1", "::1", "", ""),
        ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "", ""),
        ("100::", "100::ffff:ffff:ffff:ffff", "", ""),
        ("1fff:ffff::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "", "2000::"),
        // Protocol assignments, Teredo among them.
        ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2000:ffff::", "2001:200::"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001::1", "", ""),
        ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db7:ffff::", "2001:db9::"),
        // 6to4: also of an IPv4 address that is public.
        ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:ffff::", "2003::"),
        ("2002:5db8:d70e::1", "2002:7f00:1::", "", ""),
        ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", "2620:4f:7fff::", "2620:4f:8001::"),
        ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3ffe:ffff::", "3fff:1000::"),
        ("4000::", "5f00::1", "", ""),
        ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "", ""),
        ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "", ""),
        ("fec0::", "feff::1", "", ""),
        ("ff00::", "ff02::1", "", ""),
    ] {
        for special in [first, last] {
            assert!(!is_public(ip(special)), "{special}");
            assert!(!EgressPolicy::default().admits(ip(special)), "{special}");
        }
        for public in [before, after].iter().filter(|text| !text.is_empty()) {
            assert!(is_public(ip(public)), "{public}");
        }
        if ip(first).is_ipv4() {
            for prefix in ["::ffff:", "64:ff9b::"] {
                assert!(!is_public(ip(&format!("{prefix}{first}"))), "{prefix}{first}");
                assert!(!is_public(ip(&format!("{prefix}{last}"))), "{prefix}{last}");
            }
        }
    }
    for public in ["::ffff:93.184.215.14", "64:ff9b::93.184.215.14", "2606:4700::1111"] {
        assert!(is_public(ip(public)), "{public}");
    }
}

#[test]
fn the_operator_allows_networks_and_nothing_beside_them() {
    let policy = EgressPolicy::allowing(vec!["10.1.0.0/16".parse().unwrap(), "fd00:1::/32".parse().unwrap()]);
    for (address, admitted) in [
        ("10.1.0.0", true),
        ("10.1.255.255", true),
        ("10.2.0.0", false),
        ("10.0.255.255", false),
        // What is written as IPv6 is judged as the host that it leads to.
        ("::ffff:10.1.0.1", true),
        ("64:ff9b::10.1.0.1", true),
        ("::ffff:10.2.0.1", false),
        ("fd00:1::5", true),
        ("fd00:2::5", false),
        ("127.0.0.1", false),
        ("169.254.169.254", false),
        ("93.184.215.14", true),
    ] {
        assert_eq!(policy.admits(ip(address)), admitted, "{address}");
    }
}

#[test]
fn a_network_is_read_as_operators_write_it() {
    for (text, shown) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("192.168.1.7", "192.168.1.7/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("fd00::/8", "fd00::/8"),
        ("::1", "::1/128"),
    ] {
        assert_eq!(text.parse::<Network>().unwrap().to_string(), shown);
    }
    for text in [
        "",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "10.0.0.0/",
        "10.0.0.0/+8",
        "10.0.0.0/-1",
        "fd00::/129",
        "a/8",
        "10/8",
        "*",
    ] {
        assert!(text.parse::<Network>().is_err(), "{text}");
    }
}

#[test]
fn vetted_addresses_are_all_admitted_and_at_least_one() {
    let policy = EgressPolicy::default();
    let vetted = policy.vet(vec![ip("93.184.215.14"), ip("2606:4700::1111")]).unwrap();
    assert_eq!(vetted.first(), ip("93.184.215.14"));
    assert_eq!(vetted.iter().count(), 2);
    assert_eq!(policy.vet(vec![]), Err(NotAdmitted::NoAddress));
    let mixed = vec![ip("93.184.215.14"), ip("10.0.0.1")];
    assert_eq!(policy.vet(mixed), Err(NotAdmitted::Special(ip("10.0.0.1"))));
}

#[test]
fn a_name_that_a_network_keeps_for_itself_is_private() {
    for name in [
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "metadata",
        "instance-data",
        "metadata.google.internal",
        "printer.local",
        "nas.home.arpa",
        "vm.localdomain",
        "x.test",
        "",
    ] {
        assert!(is_private_name(name), "{name}");
        assert!(!EgressPolicy::default().admits_name(name), "{name}");
    }
    for name in ["mx.example.net", "mx.example.net.", "internal.example.com", "localhost.example.com"] {
        assert!(!is_private_name(name), "{name}");
    }
}
