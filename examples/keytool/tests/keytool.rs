//! The tool as people run it: real files, the binary itself, and openssl as a second opinion.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rsa::Pkcs1v15Sign;
use sha2::{Digest, Sha256};

const FILES: [&str; 6] = [
    "app_private_key.pkcs8.pem",
    "app_private_key.txt",
    "app_private_key.pkcs1.pem",
    "app_private_key.pkcs1.txt",
    "app_public_key.pem",
    "app_public_key.txt",
];

fn keytool(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pointcard-keytool")).args(args).output().unwrap()
}

/// Small keys: what is tested is the forms, and an unoptimised build makes 2048 bits slowly.
fn made_in(dir: &Path) -> Output {
    keytool(&["new", "--out", dir.to_str().unwrap(), "--bits", "1024"])
}

fn read(dir: &Path, name: &str) -> String {
    std::fs::read_to_string(dir.join(name)).unwrap()
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/keys")
}

#[test]
fn every_form_is_the_same_key() {
    let dir = tempfile::tempdir().unwrap();
    assert!(made_in(dir.path()).status.success());
    let digest = Sha256::digest(b"a=1&b=2");
    let public: Vec<_> = ["app_public_key.pem", "app_public_key.txt"]
        .map(|name| pointcard_keytool::read_public(&read(dir.path(), name)).unwrap())
        .into();
    for name in &FILES[..4] {
        let key = pointcard_keytool::read_private(&read(dir.path(), name)).unwrap();
        let signature = key.sign(Pkcs1v15Sign::new::<Sha256>(), &digest).unwrap();
        for public in &public {
            public.verify(Pkcs1v15Sign::new::<Sha256>(), &digest, &signature).unwrap();
        }
    }
}

#[test]
fn the_private_key_is_never_printed() {
    let dir = tempfile::tempdir().unwrap();
    let made = made_in(dir.path());
    let shown = keytool(&["show", dir.path().join("app_private_key.txt").to_str().unwrap()]);
    let printed = [made.stdout, made.stderr, shown.stdout, shown.stderr].concat();
    let printed = String::from_utf8(printed).unwrap();
    for name in &FILES[..4] {
        let text = read(dir.path(), name);
        let middle = text.trim().len() / 2;
        assert!(!printed.contains(&text.trim()[middle..middle + 24]), "{name}");
    }
    assert!(printed.contains(read(dir.path(), "app_public_key.txt").trim()));
    assert!(printed.contains("alipay_public_key"));
}

#[test]
fn existing_files_stay_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("app_public_key.txt"), "mine").unwrap();
    let refused = made_in(dir.path());
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("nothing was written"));
    assert_eq!(read(dir.path(), "app_public_key.txt"), "mine");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_private_files() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    assert!(made_in(dir.path()).status.success());
    for (number, name) in FILES.iter().enumerate() {
        let mode = dir.path().join(name).metadata().unwrap().permissions().mode() & 0o777;
        assert!(number >= 4 || mode == 0o600, "{name} {mode:o}");
    }
}

#[test]
fn openssl_reads_every_file() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("skipped openssl_reads_every_file: openssl is not installed");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    assert!(made_in(dir.path()).status.success());
    for name in FILES {
        let file = dir.path().join(name);
        let public = if name.contains("public") { "-pubin" } else { "-check" };
        if name.ends_with(".pem") {
            openssl(&["rsa", "-in", file.to_str().unwrap(), "-noout", public]);
        } else {
            let der = file.with_extension("der");
            let (input, output) = (file.to_str().unwrap(), der.to_str().unwrap());
            openssl(&["base64", "-d", "-A", "-in", input, "-out", output]);
            openssl(&["rsa", "-inform", "DER", "-in", output, "-noout", public]);
        }
    }
}

fn openssl(args: &[&str]) {
    let done = Command::new("openssl").args(args).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn show_names_each_kind_and_size() {
    let cases = [
        ("app2048.pkcs8.pem", "private key, PKCS#8, 2048 bits"),
        ("app2048.pkcs1.b64", "private key, PKCS#1, 2048 bits"),
        ("app1024.pub.pem", "SubjectPublicKeyInfo, 1024 bits"),
        ("app4096.pubpkcs1.b64", "public key, PKCS#1, 4096 bits"),
    ];
    for (file, says) in cases {
        let shown = keytool(&["show", vectors().join(file).to_str().unwrap()]);
        let text = String::from_utf8(shown.stdout).unwrap();
        let size = file.split('.').next().unwrap();
        let public = std::fs::read_to_string(vectors().join(format!("{size}.pub.b64"))).unwrap();
        assert!(text.contains(says), "{file}: {text}");
        assert!(text.contains(public.trim()), "{file}");
    }
}

#[test]
fn a_label_that_lies_and_windows_line_ends_are_read() {
    let pkcs1 = std::fs::read_to_string(vectors().join("app2048.pkcs1.b64")).unwrap();
    let wrapped: Vec<_> = pkcs1.trim().as_bytes().chunks(60).collect();
    let lying = format!("-----BEGIN PRIVATE KEY-----\r\n{}\r\n-----END PRIVATE KEY-----\r\n", {
        wrapped.iter().map(|l| String::from_utf8_lossy(l)).collect::<Vec<_>>().join("\r\n")
    });
    let key = pointcard_keytool::read_private(&lying).unwrap();
    assert_eq!(key, pointcard_keytool::read_private(&pkcs1).unwrap());
}

#[test]
fn mistakes_are_said_plainly() {
    let dir = tempfile::tempdir().unwrap();
    let junk = dir.path().join("junk");
    std::fs::write(&junk, "bm90IGEga2V5").unwrap();
    let cases: [(&[&str], &str); 7] = [
        (&[], "say what to do"),
        (&["new"], "--out DIR"),
        (&["new", "--out"], "--out needs a value"),
        (&["new", "--out", "x", "--bits", "2000"], "1024, 2048, 3072 or 4096"),
        (&["sing"], "unknown command"),
        (&["show", "/nowhere/key"], "/nowhere/key"),
        (&["show", junk.to_str().unwrap()], "not an RSA key"),
    ];
    for (args, says) in cases {
        let refused = keytool(args);
        assert_eq!(refused.status.code(), Some(2), "{args:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains(says), "{args:?}");
    }
    let private = std::fs::read_to_string(vectors().join("app2048.pkcs8.b64")).unwrap();
    let why = pointcard_keytool::read_public(&private).unwrap_err();
    assert!(why.contains("a private one"), "{why}");
}
