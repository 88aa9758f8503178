//! The terminal: words in; out, what it printed and how it ended. Every run is a cold start.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::Any;

/// How the image says that its power went (examples/firmware/nor.h).
const POWER_LOST: i32 = 77;
/// Longest run of one start, as timeout(1) takes it: an image that hangs must not hang CI.
const PATIENCE: &str = "300";

/// How a run ended, and what was printed.
#[derive(Debug)]
pub enum Ended {
    Well(String),
    Failed(String),
    PowerLost,
}

/// A terminal in a folder, which holds all that survives its power.
pub struct Till {
    folder: PathBuf,
    command: Vec<String>,
    seed: u32,
    stacks: BTreeMap<String, u32>,
    pub starts: u32,
    pub cuts: u32,
}

impl Till {
    /// A new terminal: its folder is made anew.
    pub fn new(folder: PathBuf, command: Vec<String>, app_key: &str) -> Result<Till, Any> {
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let seed = SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos();
        println!("the till's entropy begins with seed {seed}");
        let till = Till { folder, command, seed, stacks: BTreeMap::new(), starts: 0, cuts: 0 };
        till.write("app_private_key.txt", app_key)?;
        Ok(till)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> Result<(), Any> {
        Ok(std::fs::write(self.file(name), text)?)
    }

    /// A cold start with power for `lasts` flash steps (0 = for ever).
    pub fn run(&mut self, lasts: usize, words: &str) -> Result<Ended, Any> {
        self.starts += 1;
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let words = format!("till {now} {} {lasts} {words}", self.seed);
        let mut command = Command::new("timeout");
        command.arg(PATIENCE).current_dir(&self.folder).stdin(Stdio::null());
        command.args(self.command.iter().map(|part| part.replace("{words}", &words)));
        let output = command.output()?;
        // Semihosting text comes on the emulator's standard error.
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        self.note_stacks(&text);
        match output.status.code() {
            Some(0) => Ok(Ended::Well(text.into())),
            Some(POWER_LOST) if lasts != 0 => {
                self.cuts += 1;
                Ok(Ended::PowerLost)
            }
            Some(1) => Ok(Ended::Failed(text.into())),
            _ => Err(format!("{words:?} ended with {}:\n{text}", output.status).into()),
        }
    }

    /// A run that must do its work.
    pub fn must(&mut self, words: &str) -> Result<String, Any> {
        match self.run(0, words)? {
            Ended::Well(text) => Ok(text),
            other => Err(format!("{words:?}: {other:?}").into()),
        }
    }

    /// A run whose power goes, unless its work needs fewer steps.
    pub fn cut_or_done(&mut self, lasts: usize, words: &str) -> Result<(), Any> {
        match self.run(lasts, words)? {
            Ended::Failed(text) => Err(format!("{words:?} failed:\n{text}").into()),
            Ended::Well(_) | Ended::PowerLost => Ok(()),
        }
    }

    fn note_stacks(&mut self, text: &str) {
        for line in text.lines() {
            let mut words = line.split(' ');
            if let (Some("stack"), Some(name), Some(Ok(depth))) =
                (words.next(), words.next(), words.next().map(str::parse::<u32>))
            {
                let deepest = self.stacks.entry(name.into()).or_default();
                *deepest = depth.max(*deepest);
            }
        }
    }

    /// One line per function that was measured.
    pub fn print_stacks(&self) {
        for (name, depth) in &self.stacks {
            println!("stack {name} {depth}");
        }
    }
}
