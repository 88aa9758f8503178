//! Command line: in flow `new --out DIR [--bits N]` or `show FILE`, out flow key files and advice.
//! A private key is written to files of mode 0600 and never printed.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
pointcard-keytool: the RSA key pair of an Alipay app

  pointcard-keytool new --out DIR [--bits 2048]   make a key pair, every text form, into DIR
  pointcard-keytool show FILE                     say what a key text is, print its public half

--bits takes 1024 (old apps with sign_type RSA only), 2048, 3072 or 4096.
Existing files are never overwritten; a private key is never printed.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("pointcard-keytool: {why}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &[&str]) -> Result<String, String> {
    match args {
        ["-h" | "--help" | "help"] => Ok(HELP.into()),
        ["new", rest @ ..] => new(rest),
        ["show", file] => show(Path::new(file)),
        [] => Err(format!("say what to do\n\n{HELP}")),
        ["show", ..] => Err("show takes one FILE".into()),
        [other, ..] => Err(format!("unknown command {other:?}\n\n{HELP}")),
    }
}

fn new(args: &[&str]) -> Result<String, String> {
    let (out, bits) = new_options(args)?;
    let missing_dir = !out.exists();
    let names = FILES.map(|(name, _)| out.join(name));
    if let Some(there) = names.iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(format!("{} exists, nothing was written", there.display()));
    }
    let forms = pointcard_keytool::forms(&pointcard_keytool::generate(bits)?)?;
    if missing_dir {
        make_dir(&out).map_err(|e| format!("{}: {e}", out.display()))?;
    }
    for ((_, secret), (path, text)) in FILES.iter().zip(names.iter().zip(texts(&forms))) {
        write_new(path, text, *secret).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(advice(&out, bits, &forms.public_line))
}

/// File name and whether it is a secret, in the order of `texts`.
const FILES: [(&str, bool); 6] = [
    ("app_private_key.pkcs8.pem", true),
    ("app_private_key.txt", true),
    ("app_private_key.pkcs1.pem", true),
    ("app_private_key.pkcs1.txt", true),
    ("app_public_key.pem", false),
    ("app_public_key.txt", false),
];

fn texts(forms: &pointcard_keytool::Forms) -> [&str; 6] {
    [
        &forms.private_pkcs8_pem,
        &forms.private_pkcs8_line,
        &forms.private_pkcs1_pem,
        &forms.private_pkcs1_line,
        &forms.public_pem,
        &forms.public_line,
    ]
}

fn new_options(args: &[&str]) -> Result<(PathBuf, usize), String> {
    let (mut out, mut bits) = (None, 2048);
    let mut rest = args.iter();
    while let Some(option) = rest.next() {
        let mut value = || rest.next().ok_or(format!("{option} needs a value"));
        match *option {
            "--out" => out = Some(PathBuf::from(value()?)),
            "--bits" => bits = read_bits(value()?)?,
            other => return Err(format!("new does not know {other:?}")),
        }
    }
    Ok((out.ok_or("new needs --out DIR")?, bits))
}

fn read_bits(text: &str) -> Result<usize, String> {
    match text {
        "1024" => Ok(1024),
        "2048" => Ok(2048),
        "3072" => Ok(3072),
        "4096" => Ok(4096),
        other => Err(format!("--bits takes 1024, 2048, 3072 or 4096, not {other:?}")),
    }
}

fn make_dir(path: &Path) -> std::io::Result<()> {
    let mut dir = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut dir, 0o700);
    dir.recursive(true).create(path)
}

fn write_new(path: &Path, text: &str, secret: bool) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if secret { 0o600 } else { 0o644 });
    #[cfg(not(unix))]
    let _ = secret;
    let mut file = options.open(path)?;
    file.write_all(text.trim_end().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

fn advice(out: &Path, bits: usize, public: &str) -> String {
    let dir = out.display();
    let old =
        if bits < 2048 { "\nRSA2 wants 2048 bits: this key is for old apps only.\n" } else { "" };
    format!(
        "A {bits}-bit key pair is in {dir}.
{old}
1. Into the Alipay console (应用公钥), the text of {dir}/app_public_key.txt:

{public}

2. Into the till, as app_private_key: {dir}/app_private_key.txt (PKCS#8, one line).
   Keep it secret; it is not printed here. The .pem files hold the same key for other tools.

3. The till also needs alipay_public_key (支付宝公钥). The console shows it after step 1.
   It is Alipay's key, not the one above: mixing them up is the usual reason why
   answers do not verify."
    )
}

fn show(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let (kind, bits, public) =
        pointcard_keytool::describe(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let line = pointcard_keytool::public_line(&public)?;
    let secret = if kind.is_private() { " (keep it secret)" } else { "" };
    Ok(format!("{}, {bits} bits{secret}\npublic key, one line:\n{line}", kind.name()))
}
