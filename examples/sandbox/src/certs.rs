//! Certificates: in flow key pairs, out flow a root, the certificates it signs, and the numbers by
//! which requests and answers name them. Nothing is parsed: the number is made of what was put in.

use md5::{Digest, Md5};
use pointcard_keytool::{RsaPrivateKey, RsaPublicKey, forms, generate};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    PKCS_RSA_SHA256, PublicKeyData, SerialNumber, SignatureAlgorithm,
};
use rsa::pkcs1::EncodeRsaPublicKey;

use crate::ids;

/// A certificate and the number Alipay calls it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// PEM, as a client loads it.
    pub pem: String,
    /// 32 hex digits: `app_cert_sn`, `alipay_cert_sn` or `alipay_root_cert_sn`.
    pub number: String,
}

/// Signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own.
    pub root: Certificate,
}

/// The issuer's name from the outside in.
const ROOT: [(&str, &str); 4] =
    [("C", "CN"), ("O", "Sandbox"), ("OU", "Certification Authority"), ("CN", "Sandbox Root R1")];

impl Authority {
    /// With a key of its own, which takes a moment.
    pub fn new() -> Result<Authority, String> {
        let pem = forms(&generate(2048)?)?.private_pkcs8_pem;
        let key = KeyPair::from_pkcs8_pem_and_sign_algo(&pem, &PKCS_RSA_SHA256).map_err(text)?;
        let (mut params, number) = numbered("Sandbox Root R1");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).map_err(text)?.pem();
        let root = Certificate { pem, number };
        Ok(Authority { issuer: Issuer::new(params, key), root })
    }

    /// A certificate of somebody's public key.
    pub fn certify(&self, name: &str, key: &RsaPublicKey) -> Result<Certificate, String> {
        let subject = Subject(key.to_pkcs1_der().map_err(text)?.as_bytes().to_vec());
        let (params, number) = numbered(name);
        let certificate = params.signed_by(&subject, &self.issuer).map_err(text)?;
        Ok(Certificate { pem: certificate.pem(), number })
    }

    /// The same for the holder of a private key.
    pub fn certify_holder(&self, name: &str, key: &RsaPrivateKey) -> Result<Certificate, String> {
        self.certify(name, &key.to_public_key())
    }
}

/// What rcgen wants to know of a key whose private half is elsewhere.
struct Subject(Vec<u8>);

impl PublicKeyData for Subject {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

/// Parameters with a serial number, and the certificate's number that follows from it.
fn numbered(name: &str) -> (CertificateParams, String) {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    for (kind, value) in ROOT {
        let kind = match kind {
            "C" => DnType::CountryName,
            "O" => DnType::OrganizationName,
            "OU" => DnType::OrganizationalUnitName,
            _ => DnType::CommonName,
        };
        let own = if kind == DnType::CommonName { name } else { value };
        subject.push(kind, own);
    }
    params.distinguished_name = subject;
    // Beyond 64 bits, where clients are known to go wrong; the top bit would be a sign.
    let serial = u128::from_str_radix(&ids::hex32(), 16).unwrap_or(1) >> 1 | 1 << 126;
    params.serial_number = Some(SerialNumber::from_slice(&serial.to_be_bytes()));
    (params, number(serial))
}

/// MD5 of the issuer (RFC 2253: the inside first) and the serial in decimal.
fn number(serial: u128) -> String {
    let name: Vec<String> =
        ROOT.iter().rev().map(|(kind, value)| format!("{kind}={value}")).collect();
    let hash = Md5::digest(format!("{}{serial}", name.join(",")));
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(error: impl std::fmt::Display) -> String {
    format!("no certificate was made: {error}")
}
