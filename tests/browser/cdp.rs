//! A real browser in one hand: in flow orders of the DevTools protocol over Chromium's debugging
//! pipe (JSON texts, each ended by a zero byte), out flow its answers and pictures.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Chromium starts slowly on a busy machine; nothing else takes this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A phone, and a developer's window.
pub const PHONE: (u32, u32) = (390, 844);
pub const WINDOW: (u32, u32) = (1280, 800);

pub struct Browser {
    child: Child,
    orders: ChildStdin,
    answers: Receiver<Value>,
    number: u64,
    session: Option<String>,
    profile: PathBuf,
}

impl Browser {
    /// None, said aloud, where there is no Chromium.
    pub fn start(name: &str) -> Option<Browser> {
        let Some(program) = installed() else {
            println!(
                "SKIPPED TOOL chromium: would have tested the sandbox's claim page and dashboard \
                 in a real browser; Debian: apt-get install chromium fonts-noto-cjk"
            );
            return None;
        };
        let profile = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("browser-{name}"));
        let _ = std::fs::remove_dir_all(&profile);
        std::fs::create_dir_all(&profile).unwrap();
        let mut child = chromium(program, &profile).spawn().unwrap();
        let orders = child.stdin.take().unwrap();
        let answers = listen(BufReader::new(child.stdout.take().unwrap()));
        let mut browser = Browser { child, orders, answers, number: 0, session: None, profile };
        browser.attach();
        Some(browser)
    }

    fn attach(&mut self) {
        let tab = self.order("Target.createTarget", json!({ "url": "about:blank" }));
        let wanted = json!({ "targetId": tab["targetId"], "flatten": true });
        let session = self.order("Target.attachToTarget", wanted);
        self.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        self.order("Page.enable", json!({}));
    }

    /// Gives an order and waits for its result.
    fn order(&mut self, method: &str, params: Value) -> Value {
        self.number += 1;
        let mut order = json!({ "id": self.number, "method": method, "params": params });
        if let Some(session) = &self.session {
            order["sessionId"] = json!(session);
        }
        let mut text = order.to_string().into_bytes();
        text.push(0);
        self.orders.write_all(&text).unwrap();
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let answer = self.answers.recv_timeout(left);
            let answer = answer.unwrap_or_else(|e| panic!("{method}: chromium is silent: {e}"));
            if answer["id"] == self.number {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    /// The value of an expression in the page; a promise is waited for.
    pub fn eval(&mut self, expression: &str) -> Value {
        let params =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.order("Runtime.evaluate", params);
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true, over loads of pages too.
    pub fn until(&mut self, expression: &str) {
        let end = Instant::now() + PATIENCE;
        let careful =
            format!("(() => {{ try {{ return !!({expression}) }} catch {{ return false }} }})()");
        while self.eval(&careful) != true {
            if Instant::now() >= end {
                let seen = self.eval("document.body.innerText");
                panic!("never true: {expression}; the page says {seen}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// As a screen of this size, which a phone's is.
    pub fn size(&mut self, (width, height): (u32, u32)) {
        let is_phone = width < 600;
        let params = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone,
        });
        self.order("Emulation.setDeviceMetricsOverride", params);
    }

    pub fn open(&mut self, url: &str) {
        let gone = self.order("Page.navigate", json!({ "url": url }));
        assert!(gone.get("errorText").is_none(), "{url}: {gone}");
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /// Presses the left button where the element is, as a hand does.
    pub fn click(&mut self, selector: &str) {
        let place = self.eval(&format!(
            "(() => {{ const e = document.querySelector({selector:?}); \
             e.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
             const r = e.getBoundingClientRect(); \
             const [x, y] = [r.x + r.width / 2, r.y + r.height / 2]; \
             return [x, y, e.contains(document.elementFromPoint(x, y))] }})()"
        ));
        assert_eq!(place[2], true, "{selector} is covered by something else");
        for kind in ["mousePressed", "mouseReleased"] {
            let params = json!({
                "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1,
            });
            self.order("Input.dispatchMouseEvent", params);
        }
    }

    /// Chooses of a list, or types into a field, and leaves it.
    pub fn set(&mut self, selector: &str, value: &str) {
        let done = self.eval(&format!(
            "(() => {{ const e = document.querySelector({selector:?}); e.value = {value:?}; \
             e.dispatchEvent(new Event('change', {{ bubbles: true }})); return e.value }})()"
        ));
        assert_eq!(done, value, "{selector}");
    }

    /// A picture of the screen, in target/screens: of this size, with something on it, and nothing
    /// beyond the right edge.
    pub fn picture(&mut self, name: &str, size: (u32, u32)) {
        self.size(size);
        self.eval("window.scrollTo(0, 0)");
        let width = self.eval("[document.documentElement.scrollWidth, window.innerWidth]");
        assert!(width[0].as_u64() <= width[1].as_u64(), "{name} is too wide: {width}");
        let png = self.order("Page.captureScreenshot", json!({ "format": "png" }));
        let png = STANDARD.decode(png["data"].as_str().unwrap()).unwrap();
        let path = screens().join(format!("{name}-{}x{}.png", size.0, size.1));
        std::fs::write(&path, &png).unwrap();
        assert_eq!(png_size(&png), size, "{}", path.display());
        let colours = self.colours(&png);
        assert!(colours > 50, "{} is empty: {colours} colours", path.display());
    }

    /// What the screen shows now, as a file in target/screens.
    pub fn screen(&mut self, name: &str) -> PathBuf {
        let png = self.order("Page.captureScreenshot", json!({ "format": "png" }));
        let path = screens().join(format!("{name}.png"));
        std::fs::write(&path, STANDARD.decode(png["data"].as_str().unwrap()).unwrap()).unwrap();
        path
    }

    /// How many colours a picture has, counted by drawing it on a canvas of a page of its own.
    fn colours(&mut self, png: &[u8]) -> u64 {
        let page = self.session.clone();
        self.session = None;
        self.attach();
        let count = self.eval(&format!(
            "(async () => {{ const image = new Image(); \
             image.src = 'data:image/png;base64,{}'; await image.decode(); \
             const canvas = new OffscreenCanvas(image.width, image.height); \
             const brush = canvas.getContext('2d'); brush.drawImage(image, 0, 0); \
             const data = brush.getImageData(0, 0, image.width, image.height).data; \
             return new Set(new Uint32Array(data.buffer)).size }})()",
            STANDARD.encode(png)
        ));
        self.session = page;
        count.as_u64().unwrap()
    }

    /// True when two Chinese characters are drawn, and not as the box for what no font has.
    pub fn draws_chinese(&mut self) -> bool {
        let drawn = self.eval(
            "(() => { const draw = (text) => { \
             const canvas = document.createElement('canvas'); [canvas.width, canvas.height] = [40, 40]; \
             const brush = canvas.getContext('2d'); \
             brush.font = '32px ' + getComputedStyle(document.body).fontFamily; \
             brush.fillText(text, 2, 34); return canvas.toDataURL() }; \
             return new Set(['券', '集', '\\u{10FFFD}', ''].map(draw)).size })()",
        );
        drawn == 4
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.orders.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

fn installed() -> Option<&'static str> {
    let runs = |name: &&str| {
        let silent = Stdio::null;
        let mut command = Command::new(name);
        command.arg("--version").stdout(silent()).stderr(silent());
        command.status().is_ok_and(|status| status.success())
    };
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(runs)
}

/// The shell puts the pipes where Chromium looks for them: 3 in, 4 out.
fn chromium(program: &str, profile: &std::path::Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", program]);
    command.args([
        "--headless",
        "--remote-debugging-pipe",
        "--no-first-run",
        "--no-proxy-server",
        "--hide-scrollbars",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--lang=zh-CN",
    ]);
    command.arg(format!("--user-data-dir={}", profile.display()));
    // Chromium's own cage does not work for root; the pages are ours.
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout == b"0\n" {
        command.arg("--no-sandbox");
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// A thread reads, so that a silent browser does not hold a test for ever.
fn listen(mut from: impl BufRead + Send + 'static) -> Receiver<Value> {
    let (sender, answers) = channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        while from.read_until(0, &mut text).is_ok_and(|len| len > 0) {
            text.pop();
            let answer = serde_json::from_slice(&text).unwrap();
            if sender.send(answer).is_err() {
                return;
            }
            text.clear();
        }
    });
    answers
}

/// `target/screens`
fn screens() -> PathBuf {
    let screens = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("screens");
    std::fs::create_dir_all(&screens).unwrap();
    screens
}

/// Width and height, which a PNG's first chunk says.
fn png_size(png: &[u8]) -> (u32, u32) {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"), "no PNG");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}
