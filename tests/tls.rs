//! The built-in HTTPS transport against a real TLS server in front of the sandbox.
//!
//! The server's certificate comes from a CA of the test's own: trusted when the integrator says so,
//! refused otherwise, and then not a byte of a request is seen by the server.
#![cfg(feature = "http")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use pointcard::client::{Client, Config, IO_SIZE};
use pointcard::points::sale::Sale;
use pointcard::points::sync::{Report, sync};
use pointcard::port::Geometry;
use pointcard::port::http::{CODE_TLS, HttpTransport};
use pointcard::port::ram::RamStorage;
use pointcard::port::system::SystemPorts;
use pointcard::status::Status;
use pointcard_sandbox::Sandbox;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

const APP_ID: &str = "2016100900000001";

fn key(name: &str) -> &'static str {
    let path = format!("{}/tests/vectors/keys/{name}", env!("CARGO_MANIFEST_DIR"));
    Box::leak(std::fs::read_to_string(path).unwrap().into_boxed_str())
}

/// A CA, and a TLS server for `localhost` that hands everything on to `to`.
struct Front {
    ca_pem: String,
    url: String,
    /// Bytes of requests that came through.
    seen: Arc<AtomicUsize>,
}

impl Front {
    fn start(to: &str) -> Front {
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new(vec![]).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["localhost".into()]).unwrap();
        let leaf = leaf.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://localhost:{}/gateway.do", listener.local_addr().unwrap().port());
        let seen = Arc::new(AtomicUsize::new(0));
        let inner = to.trim_start_matches("http://").split('/').next().unwrap().to_string();
        std::thread::spawn({
            let (config, seen) = (Arc::new(config), Arc::clone(&seen));
            move || {
                for stream in listener.incoming().flatten() {
                    // A client that hangs up in the handshake is what one test is about.
                    let _ = hand_on(&config, stream, &inner, &seen);
                }
            }
        });
        Front { ca_pem, url, seen }
    }
}

/// One request in, one answer out, then the connection ends.
fn hand_on(
    config: &Arc<rustls::ServerConfig>,
    stream: TcpStream,
    inner: &str,
    seen: &AtomicUsize,
) -> std::io::Result<()> {
    let session = rustls::ServerConnection::new(Arc::clone(config)).unwrap();
    let mut tls = rustls::StreamOwned::new(session, stream);
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    while !is_whole(&request) {
        let len = tls.read(&mut piece)?;
        if len == 0 {
            return Ok(());
        }
        request.extend_from_slice(&piece[..len]);
        seen.fetch_add(len, Ordering::SeqCst);
    }
    let mut gateway = TcpStream::connect(inner)?;
    gateway.write_all(&request)?;
    gateway.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    gateway.read_to_end(&mut answer)?;
    tls.write_all(&answer)?;
    tls.conn.send_close_notify();
    tls.flush()
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    length.is_some_and(|length| body.len() >= length.trim().parse().unwrap())
}

fn one_sale(front: &Front, ca_pem: &str) -> (Report, Status, i32) {
    let memory = Box::leak(vec![0xFF; 16 * 4096].into_boxed_slice());
    let shape = Geometry { sector_size: 4096, sector_count: 16, prog_size: 4, align: 4 };
    let config = Config {
        gateway: &front.url,
        app_id: APP_ID,
        private_key: key("app2048.pkcs8.b64"),
        alipay_public_key: key("alipay2048.pub.b64"),
        activity_account: "39201608190015500100016011040139",
        ..Config::default()
    };
    let mut client = Client::new(config, SystemPorts::new(RamStorage::new(memory, shape)));
    client.open().unwrap();
    let biz_no = "2016082221001004150200139999";
    let sale = Sale { user_id: "2088123412341234", biz_no, points: 10, ..Sale::default() };
    client.accrue(&sale).unwrap();
    let shared = Mutex::new(client);
    let mut transport = HttpTransport::new(ca_pem, "").unwrap();
    let report = sync(&shared, &mut transport, &mut vec![0; IO_SIZE], 50, &mut |_| {}).unwrap();
    let client = shared.into_inner().unwrap();
    (report, client.detail().error.status, client.detail().error.port)
}

fn sandbox() -> Sandbox {
    let mut config = pointcard_sandbox::Config::new(APP_ID, key("app2048.pub.b64"));
    config.alipay_key = Some(key("alipay2048.pkcs8.pem").into());
    Sandbox::start(config).unwrap()
}

#[test]
fn a_sale_goes_through_tls_with_the_integrators_ca() {
    let sandbox = sandbox();
    let front = Front::start(&sandbox.gateway_url());
    let (report, ..) = one_sale(&front, &front.ca_pem);
    assert_eq!((report.accepted, report.waiting), (1, 0));
    assert_eq!(sandbox.ledger().len(), 1);
    assert!(front.seen.load(Ordering::SeqCst) > 500);
}

#[test]
fn a_server_with_another_certificate_hears_nothing() {
    let sandbox = sandbox();
    let front = Front::start(&sandbox.gateway_url());
    let stranger = Front::start(&sandbox.gateway_url());
    for ca in ["", stranger.ca_pem.as_str()] {
        let (report, status, port) = one_sale(&front, ca);
        assert_eq!((report.accepted, report.waiting), (0, 1));
        assert_eq!((status, port), (Status::Unknown, CODE_TLS));
    }
    assert_eq!(front.seen.load(Ordering::SeqCst), 0);
    assert_eq!(sandbox.ledger().len(), 0);
}

#[test]
fn a_ca_text_without_a_certificate_is_refused() {
    for text in ["no certificate", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"] {
        let error = HttpTransport::new(text, "").map(|_| ()).unwrap_err();
        assert_eq!((error.status, error.what), (Status::Malformed, "config.ca_pem"));
    }
    let error = HttpTransport::new("", "ftp://x").map(|_| ()).unwrap_err();
    assert_eq!((error.status, error.what), (Status::Argument, "config.proxy"));
}
