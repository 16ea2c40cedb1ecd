//! Addresses: what a name may lead to, and in which forms they may be written.

use crate::server::{Answer, Server, ok};
use crate::support::{Rebinding, destination, grant, load, local};
use forewarm_runtime::HttpDestination;
use serde_json::json;

/// To a public place: no address of this machine is allowed.
fn public(host: &str, port: u16) -> HttpDestination {
    HttpDestination { allow_addresses: vec![], ..destination(host, port) }
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused() {
    let server = Server::start(Answer::Text(ok("secret"))).await;
    for address in [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "fd00:ec2::254",
        "fe80::1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "0.0.0.0",
        "::",
    ] {
        let courier = load(grant(vec![public("api.test", server.port())]), Rebinding::new(&[&[address]])).await;
        let step = json!({ "url": format!("http://api.test:{}/", server.port()) });
        courier.refuses(step, "DestinationIpProhibited", "address").await;
    }
    let mixed = Rebinding::new(&[&["1.1.1.1", "127.0.0.1"]]);
    let courier = load(grant(vec![public("api.test", server.port())]), mixed).await;
    let step = json!({ "url": format!("http://api.test:{}/", server.port()) });
    courier.refuses(step, "DestinationIpProhibited", "address").await;
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_that_changes_its_address_gains_nothing() {
    let server = Server::start(Answer::Close(ok("hello").replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n"))).await;
    // Allowed at first, then this machine under an address that is not, then allowed again.
    let resolver = Rebinding::new(&[&["127.0.0.1"], &["127.0.0.2"], &["::ffff:127.0.0.1"]]);
    let courier = load(grant(vec![destination("api.test", server.port())]), resolver).await;
    let url = format!("http://api.test:{}/", server.port());
    assert_eq!(courier.get(&url).await["status"], 200);
    courier.refuses(json!({ "url": url }), "DestinationIpProhibited", "address").await;
    assert_eq!(courier.get(&url).await["status"], 200);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn the_connection_goes_to_the_address_that_was_vetted() {
    let server = Server::start(Answer::Text(ok("hello"))).await;
    // Resolved between vetting and connecting, the second answer would count.
    let resolver = Rebinding::new(&[&["127.0.0.1"], &["127.0.0.3"]]);
    let mut anywhere = destination("api.test", server.port());
    anywhere.allow_addresses = vec!["127.0.0.0/8".parse().expect("a range")];
    let courier = load(grant(vec![anywhere]), resolver).await;
    assert_eq!(courier.get(&format!("http://api.test:{}/", server.port())).await["status"], 200);
    let request = server.requests().remove(0);
    assert!(request.contains(&format!("host: api.test:{}", server.port())), "{request}");
}

#[tokio::test]
async fn odd_forms_of_an_address_are_refused() {
    let server = Server::start(Answer::Text(ok(""))).await;
    let port = server.port();
    // Even where the address itself is granted: nobody writes it so by accident.
    let courier = load(grant(vec![destination("127.0.0.1", port), destination("localhost", port)]), local()).await;
    assert_eq!(courier.get(&format!("http://127.0.0.1:{port}/")).await["status"], 200);
    assert_eq!(courier.get(&format!("http://[::ffff:127.0.0.1]:{port}/")).await["status"], 200);
    assert_eq!(courier.get(&format!("http://[::ffff:7f00:1]:{port}/")).await["status"], 200);
    for host in [
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "localhost.",
        "user@localhost",
        "user:pass@localhost",
        "localhost@evil.test",
        "%6cocalhost",
        "[fe80::1%25lo]",
    ] {
        let outcome = courier.get(&format!("http://{host}:{port}/")).await;
        let error = outcome["error"].as_str().unwrap_or_else(|| panic!("{host} was answered: {outcome}"));
        assert!(error.contains("HttpRequestUriInvalid") || error.contains("host is malformed"), "{host}: {error}");
    }
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn what_cant_be_reached_is_told_apart() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
    let courier = load(grant(vec![destination("api.test", free)]), local()).await;
    let step = json!({ "url": format!("http://api.test:{free}/") });
    courier.refuses(step.clone(), "ConnectionRefused", "connect").await;
    let unknown = load(grant(vec![destination("api.test", free)]), Rebinding::new(&[])).await;
    unknown.refuses(step.clone(), "DnsError", "dns").await;
    let empty = load(grant(vec![destination("api.test", free)]), Rebinding::new(&[&[]])).await;
    empty.refuses(step, "DestinationNotFound", "dns").await;
}
