//! Command line: in flow options, out flow the lines a script reads (`gateway`, `admin`,
//! `alipay_public_key`, `ready`) and then one line per request.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::{Arg, Parser, ValueExt};
use pointcard_sandbox::{Config, Sandbox, Way};

const HELP: &str = "\
pointcard-sandbox: plays Alipay's gateway for Koubei point cards

  --app-id ID              the one app it knows (needed)
  --app-public-key FILE    that app's public key, PEM or base64 (needed)
  --app-auth-token T       requests must carry this token; without the option none may
  --certificates           certificate mode; root.crt, app.crt and alipay.crt go to the keys' DIR
  --content-key FILE       the app's AES key, base64; without it encrypted requests are refused
  --listen ADDR            gateway, default 127.0.0.1:0 (any free port)
  --admin ADDR             admin API, default 127.0.0.1:0; it has no password
  --keys DIR               Alipay's key pair, made there if absent, default sandbox-keys
  --ledger FILE            keeps bookings across restarts, one JSON line each
  --repeat WAY             answer to a repeated req_id: same (default), error, forget, biz_no
  --clock-tolerance SEC    refuse timestamps further off; default any
  --quiet                  no line per request

It stops on SIGINT, SIGTERM and POST /shutdown at the admin address.";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("pointcard-sandbox: {why}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let Some((mut config, keys)) = options()? else {
        println!("{HELP}");
        return Ok(());
    };
    config.alipay_key = Some(alipay_key(&keys).map_err(|e| in_file(&keys, e))?);
    let sandbox = Sandbox::start(config).map_err(|e| format!("cannot start: {e}"))?;
    let public = keys.join("alipay_public_key.txt");
    let line = format!("{}\n", sandbox.alipay_public_key());
    fs::write(&public, line).map_err(|e| in_file(&public, e))?;
    let certificates = sandbox.certificates().into_iter().flatten();
    for (name, certificate) in ["root.crt", "app.crt", "alipay.crt"].iter().zip(certificates) {
        let file = keys.join(name);
        fs::write(&file, certificate.pem).map_err(|e| in_file(&file, e))?;
    }
    let ready = format!(
        "gateway {}\nadmin {}\nalipay_public_key {}\nready\n",
        sandbox.gateway_url(),
        sandbox.admin_url(),
        public.display()
    );
    let mut out = io::stdout().lock();
    let _ = out.write_all(ready.as_bytes()).and_then(|()| out.flush());
    drop(out);
    sandbox.wait();
    Ok(())
}

/// None when help was asked for.
fn options() -> Result<Option<(Config, PathBuf)>, String> {
    let (mut app_id, mut app_key, mut keys) = (None, None, PathBuf::from("sandbox-keys"));
    let mut config = Config::new("", "");
    config.print = true;
    config.signals = true;
    let mut parser = Parser::from_env();
    while let Some(arg) = parser.next().map_err(text)? {
        let Arg::Long(name) = arg else {
            return match arg {
                Arg::Short('h') => Ok(None),
                other => Err(other.unexpected().to_string()),
            };
        };
        let name = name.to_owned();
        let mut value = || parser.value().map_err(text);
        match name.as_str() {
            "help" => return Ok(None),
            "app-id" => app_id = Some(string(value()?)?),
            "app-public-key" => app_key = Some(PathBuf::from(value()?)),
            "app-auth-token" => config.app_auth_token = Some(string(value()?)?),
            "certificates" => config.certificates = true,
            "content-key" => {
                let file = PathBuf::from(value()?);
                let text = fs::read_to_string(&file).map_err(|e| in_file(&file, e))?;
                config.content_key = Some(text);
            }
            "listen" => config.listen = parsed(&name, value()?)?,
            "admin" => config.admin = parsed(&name, value()?)?,
            "keys" => keys = value()?.into(),
            "ledger" => config.ledger_file = Some(value()?.into()),
            "repeat" => config.repeat = Way::named(&string(value()?)?)?,
            "clock-tolerance" => config.clock_tolerance = Some(parsed(&name, value()?)?),
            "quiet" => config.print = false,
            _ => return Err(format!("there is no option --{name}; --help lists them")),
        }
    }
    config.app_id = app_id.filter(|id| !id.is_empty()).ok_or("--app-id ID is needed")?;
    let file = app_key.ok_or("--app-public-key FILE is needed")?;
    config.app_public_key = fs::read_to_string(&file).map_err(|e| in_file(&file, e))?;
    pointcard_keytool::read_public(&config.app_public_key).map_err(|e| in_file(&file, e))?;
    Ok(Some((config, keys)))
}

/// Alipay's private key of this sandbox: read, or made once.
fn alipay_key(dir: &Path) -> io::Result<String> {
    let path = dir.join("alipay_private_key.pem");
    match fs::read_to_string(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    make_dir(dir)?;
    let forms = pointcard_keytool::generate(2048).and_then(|key| pointcard_keytool::forms(&key));
    let pem = forms.map_err(io::Error::other)?.private_pkcs8_pem.to_string();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&path)?.write_all(pem.as_bytes())?;
    Ok(pem)
}

fn make_dir(path: &Path) -> io::Result<()> {
    let mut dir = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut dir, 0o700);
    dir.recursive(true).create(path)
}

fn parsed<T: std::str::FromStr>(name: &str, value: OsString) -> Result<T, String>
where
    T::Err: std::fmt::Display,
{
    let text = string(value)?;
    text.parse().map_err(|e| format!("--{name} {text}: {e}"))
}

fn string(value: OsString) -> Result<String, String> {
    value.string().map_err(text)
}

fn text(error: lexopt::Error) -> String {
    error.to_string()
}

fn in_file(path: &Path, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}
