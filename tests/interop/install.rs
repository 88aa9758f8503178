//! Alipay's SDKs from their package registries: in flow pinned versions, out flow commands that
//! run them. Installed once under target/interop; what is missing is said and skipped.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop");

/// Where everything goes.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("interop")
}

/// Runs `install` unless what `pins` say is installed already.
fn once(
    name: &str,
    pins: &str,
    install: impl FnOnce(&Path) -> Result<(), String>,
) -> Option<PathBuf> {
    let dir = target().join(name);
    fs::create_dir_all(&dir).unwrap();
    // Two test runs at once must not install into one directory.
    let lock = File::create(dir.join("lock")).unwrap();
    lock.lock().unwrap();
    let wanted = fs::read_to_string(Path::new(HERE).join(pins)).unwrap();
    let stamp = dir.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Some(dir);
    }
    let _ = fs::remove_file(&stamp);
    match install(&dir) {
        Ok(()) => {
            fs::write(stamp, wanted).unwrap();
            Some(dir)
        }
        Err(why) => {
            println!(
                "SKIPPED TOOL {name}: would have tested Alipay's own SDK as the other side; {why}"
            );
            None
        }
    }
}

/// The first of these commands that answers to --version.
fn first(names: &[&str]) -> Option<String> {
    let answers = |name: &&&str| {
        Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
    };
    names.iter().find(answers).map(|name| (*name).to_owned())
}

fn run(command: &mut Command, remedy: &str) -> Result<(), String> {
    let last = |output: &Output| {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
    };
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{remedy} ({})", last(&output))),
        Err(error) => Err(format!("{remedy} ({error})")),
    }
}

/// The Python SDK in an environment of its own.
pub fn python() -> Option<Command> {
    let dir = once("python", "requirements.txt", |dir| {
        let remedy = "apt-get install python3 python3-venv";
        let python = first(&["python3", "python"]).ok_or(remedy)?;
        run(Command::new(python).args(["-m", "venv", "--clear"]).arg(dir.join("venv")), remedy)?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        let mut pip_command = Command::new(interpreter(dir));
        pip_command
            .args(pip)
            .args(["--require-hashes", "-r"])
            .arg(format!("{HERE}/requirements.txt"));
        run(&mut pip_command, "pip has to reach the Python package index")
    })?;
    let mut command = Command::new(interpreter(&dir));
    command.arg(format!("{HERE}/sdk.py")).env("PYTHONDONTWRITEBYTECODE", "1");
    Some(command)
}

fn interpreter(dir: &Path) -> PathBuf {
    dir.join(if cfg!(windows) { "venv/Scripts/python.exe" } else { "venv/bin/python" })
}

/// The Node SDK; 18.19 is the first Node it runs on.
pub fn node() -> Option<Command> {
    let dir = once("node", "package-lock.json", |dir| {
        let remedy = "apt-get install nodejs npm, or set NPM to the command";
        for file in ["package.json", "package-lock.json"] {
            fs::copy(Path::new(HERE).join(file), dir.join(file)).map_err(|e| e.to_string())?;
        }
        let own = std::env::var("NPM").unwrap_or_default();
        let npm = first(&[&own, "npm", "npm.cmd", "nodejs-npm"]).ok_or(remedy)?;
        let options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
        run(Command::new(npm).args(options).current_dir(dir), "npm has to reach its registry")
    })?;
    let own = std::env::var("NODE").unwrap_or_default();
    let Some(node) = first(&[&own, "node", "nodejs"]) else {
        println!(
            "SKIPPED TOOL node: would have tested Alipay's own SDK as the other side; \
             apt-get install nodejs, or set NODE to the command"
        );
        return None;
    };
    let mut command = Command::new(node);
    command.arg(format!("{HERE}/sdk.cjs")).current_dir(dir);
    Some(command)
}
