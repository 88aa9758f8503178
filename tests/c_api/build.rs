//! Builds what the C tests run: the library by `make lib`, programs by the system's compiler.
//!
//! For another system (tests/firmware/linux.sh) the environment names all four: `CROSS_ARCHIVE`, the
//! library; `CROSS_CC` and `CROSS_LIBS`, the compiler and what it links beside; `CROSS_RUN`, what runs
//! the programs.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The words of an environment variable; none for this very system.
fn cross(name: &str) -> Option<Vec<String>> {
    let words = std::env::var(name).ok()?;
    Some(words.split_whitespace().map(String::from).collect())
}

/// Where programs and their papers go.
pub fn out() -> PathBuf {
    match std::env::var_os("CROSS_ARCHIVE") {
        Some(archive) => Path::new(&archive).with_extension("c_api"),
        None => root().join("target/c_api"),
    }
}

/// A command that runs a program built here.
#[allow(dead_code)] // each test crate uses its part
pub fn runs(program: &Path) -> Command {
    let mut words = cross("CROSS_RUN").unwrap_or_default().into_iter();
    let Some(first) = words.next() else { return Command::new(program) };
    let mut command = Command::new(first);
    command.args(words).arg(program);
    command
}

/// The archive to link with, up to date.
fn archive() -> PathBuf {
    match std::env::var_os("CROSS_ARCHIVE") {
        Some(archive) => archive.into(),
        None => lib().join("libpointcard.a"),
    }
}

/// `target/lib`, with the archive and the shared library as they ship, up to date.
pub fn lib() -> &'static Path {
    static LIB: OnceLock<PathBuf> = OnceLock::new();
    LIB.get_or_init(|| {
        let mut make = Command::new("make");
        // Not what cargo told this very test, but what a person's shell would say: build scripts
        // of dependencies watch these, and would build everything again and again.
        const OWN: [&str; 6] = ["PKG_", "MANIFEST_", "BIN_", "CRATE_", "PRIMARY_", "CFG_"];
        for (name, _) in std::env::vars_os() {
            let told = name.to_str().and_then(|name| name.strip_prefix("CARGO_"));
            if told.is_some_and(|told| OWN.iter().any(|own| told.starts_with(own))) {
                make.env_remove(name);
            }
        }
        make.env_remove("OUT_DIR");
        make.arg("-C").arg(root()).arg("lib").env("CARGO", env!("CARGO"));
        run(make);
        root().join("target/lib")
    })
}

/// What a static link needs beside the archive: the Makefile's word.
pub fn libs() -> Vec<String> {
    if let Some(libs) = cross("CROSS_LIBS") {
        return libs;
    }
    let makefile = std::fs::read_to_string(root().join("Makefile")).expect("the Makefile");
    let line = makefile.lines().find_map(|line| line.strip_prefix("LIBS ")).expect("LIBS");
    line.trim_start_matches([' ', ':', '=']).split_whitespace().map(String::from).collect()
}

/// A tool that may be missing; then the line says what stays untested, and in CI it is a failure.
pub fn tool(name: &str, would: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|tool| tool.is_file());
    if found.is_none() {
        // Past the capture of the test harness: `make test` collects these lines.
        let _ = writeln!(std::io::stderr(), "SKIPPED TOOL {name}: would have tested {would}");
        assert!(std::env::var_os("POINTCARD_ALL_TOOLS").is_none(), "{name} is not installed");
    }
    found
}

pub struct Program {
    pub name: String,
    pub compiler: &'static str,
    pub flags: Vec<String>,
    pub sources: Vec<PathBuf>,
    /// Linked with the archive, or only compiled and linked with itself.
    pub linked: bool,
}

pub const STRICT: [&str; 4] = ["-pedantic", "-Wall", "-Wextra", "-Werror"];

impl Program {
    /// `tests/c_api/NAME.c`.
    #[allow(dead_code)] // each test crate uses its part
    pub fn test(name: &str) -> Program {
        let source = root().join(format!("tests/c_api/{name}.c"));
        let flags = ["-std=c99", "-D_POSIX_C_SOURCE=200809L", "-g", "-O1"].map(String::from);
        Program {
            name: name.into(),
            compiler: "cc",
            flags: flags.into(),
            sources: vec![source],
            linked: true,
        }
    }

    /// `examples/NAME.c`, in the given language.
    #[allow(dead_code)]
    pub fn example(name: &str, compiler: &'static str, std: &str) -> Program {
        let language = if compiler == "c++" { "c++" } else { "c" };
        let flags = [
            format!("-std={std}"),
            "-D_POSIX_C_SOURCE=200809L".into(),
            "-x".into(),
            language.into(),
        ];
        Program {
            name: format!("{name}-{std}"),
            compiler,
            flags: flags.into(),
            sources: vec![root().join(format!("examples/{name}.c"))],
            linked: true,
        }
    }
}

/// Compiles a program, once.
pub fn c(program: &Program) -> &'static Path {
    static BUILT: Mutex<Option<HashMap<String, &'static Path>>> = Mutex::new(None);
    let library = program.linked.then(archive);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let built = built.get_or_insert_default();
    if let Some(done) = built.get(&program.name) {
        return done;
    }
    let bin = out().join("bin");
    std::fs::create_dir_all(&bin).expect("a folder under target");
    let path = bin.join(&program.name);
    let words = cross("CROSS_CC").unwrap_or_else(|| vec![program.compiler.into()]);
    let (compiler, own_flags) = words.split_first().expect("a compiler");
    let mut cc = Command::new(compiler);
    cc.args(own_flags).args(&program.flags).args(STRICT).arg("-I").arg(root().join("include"));
    cc.args(&program.sources).args(["-x", "none"]).arg("-o").arg(&path);
    if let Some(library) = library {
        cc.arg(library).args(libs());
    }
    run(cc);
    let path: &'static Path = Box::leak(path.into_boxed_path());
    built.insert(program.name.clone(), path);
    path
}

/// Runs a command that must succeed and returns what it printed.
pub fn run(mut command: Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}{complained}", output.status);
    said
}

/// The request of a row of `tests/vectors/verify_notify.jsonl`.
#[allow(dead_code)] // each test crate uses its part
pub fn notification(case: &str) -> Vec<u8> {
    let path = root().join("tests/vectors/verify_notify.jsonl");
    let rows = std::fs::read_to_string(path).expect("the vectors");
    let mut rows =
        rows.lines().map(|row| serde_json::from_str::<serde_json::Value>(row).expect("a row"));
    let row = rows.find(|row| row["case"] == format!("open/notify/{case}")).expect("a row");
    let hex = row["raw_hex"].as_str().expect("hex").as_bytes();
    let digit = |byte: u8| (byte as char).to_digit(16).expect("hex") as u8;
    hex.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
