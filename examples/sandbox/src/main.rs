//! Command line: in flow options, out flow the lines a script reads (`gateway`, `admin`, `dashboard`,
//! `claim_page`, `alipay_public_key`, `ready`) and then one line per request.

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
  --app-public-key FILE    that app's public key, PEM or base64 (needed without --till)
  --till DIR               a till's folder for the C examples: the app's keys, made there if absent,
                           and alipay_public_key.txt; says how to run them
  --app-auth-token T       requests must carry this token; without the option none may
  --certificates           certificate mode; root.crt, app.crt and alipay.crt go to the keys' DIR
  --content-key FILE       the app's AES key, base64; without it encrypted requests are refused
  --listen ADDR            gateway, default 127.0.0.1:0 (any free port)
  --admin ADDR             admin API and dashboard, default 127.0.0.1:0; they have no password
  --claim ADDR             claim page, default 127.0.0.1:0; 0.0.0.0:PORT lets phones open it
  --keys DIR               Alipay's key pair, made there if absent, default sandbox-keys
  --ledger FILE            keeps bookings across restarts, one JSON line each
  --repeat WAY             answer to a repeated req_id: same (default), error, forget, biz_no
  --clock-tolerance SEC    refuse timestamps further off; default any
  --quiet                  no line per request

It stops on SIGINT, SIGTERM and POST /shutdown at the admin address.";

mod till;

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
    let Some(Wanted { mut config, keys, till }) = options()? else {
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
    let mut ready = format!(
        "gateway {}\nadmin {}\ndashboard {}\nclaim_page {}\nalipay_public_key {}\nready\n",
        sandbox.gateway_url(),
        sandbox.admin_url(),
        sandbox.dashboard_url(),
        sandbox.claim_page_url(),
        public.display()
    );
    if let Some(till) = &till {
        ready += &till::furnish(till, &sandbox)?;
    }
    let mut out = io::stdout().lock();
    let _ = out.write_all(ready.as_bytes()).and_then(|()| out.flush());
    drop(out);
    sandbox.wait();
    Ok(())
}

/// What the command line asks for.
struct Wanted {
    config: Config,
    /// Alipay's.
    keys: PathBuf,
    /// The folder of `--till`.
    till: Option<PathBuf>,
}

/// None when help was asked for.
fn options() -> Result<Option<Wanted>, String> {
    let (mut app_id, mut app_key, mut keys) = (None, None, PathBuf::from("sandbox-keys"));
    let mut till: Option<PathBuf> = None;
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
            "till" => till = Some(value()?.into()),
            "claim" => config.claim = parsed(&name, value()?)?,
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
    let of_till = || till.as_deref().map(till::app_key).transpose();
    let file = app_key.map_or_else(of_till, |file| Ok(Some(file)))?;
    let file = file.ok_or("--app-public-key FILE is needed")?;
    config.app_public_key = fs::read_to_string(&file).map_err(|e| in_file(&file, e))?;
    pointcard_keytool::read_public(&config.app_public_key).map_err(|e| in_file(&file, e))?;
    Ok(Some(Wanted { config, keys, till }))
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
    write_secret(&path, &pem)?;
    Ok(pem)
}

/// For its owner's eyes; a file that is there already is not touched.
fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
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
