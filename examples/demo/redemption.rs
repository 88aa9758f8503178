//! Eight points become a coupon: the second half of the demo.
//!
//! In: the program built from `examples/redeem.c`, the till's folder with the day's points in it, and
//! the sandbox. Out: what happens, step by step, and how many coupons and frozen points are left. The
//! shopper claims over HTTP on the sandbox's claim page, as the button does; the notification comes
//! over HTTP to a listener here, which hands its body to the C program and answers what that says.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pointcard_sandbox::{Sandbox, claim_by_link};

use super::{Any, SHOPPERS, Till, step};

const NUMBER: &str = "soy-milk-0001";
const SHOPPER: &str = "2088123412341234";
const ACCOUNT: &str = "39201608190015500100016011040139";
const PRICE: &str = "8";

/// What is left when the shopper has gone.
pub struct Left {
    /// Coupons the shopper holds.
    pub coupons: usize,
    /// COMMITs the gateway booked.
    pub commits: usize,
    /// Points that are frozen and belong to no offer any more.
    pub stranded: u128,
}

/// The C program. One process at a time has the queue.
#[derive(Clone)]
struct Shop {
    till: Till,
    alone: Arc<Mutex<()>>,
}

impl Shop {
    fn say(&self, words: &[&str]) -> Result<String, Any> {
        let _alone = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        self.till.output(words)
    }

    /// The whole reply to one notification.
    fn reply(&self, body: &[u8]) -> Result<Vec<u8>, Any> {
        let _alone = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        let mut command: Command = self.till.command(&["message"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        child.stdin.take().ok_or("no stdin")?.write_all(body)?;
        Ok(child.wait_with_output()?.stdout)
    }
}

/// From the activity to the spent points. `till` is the C program of sales, which syncs.
pub fn redeem(program: &std::path::Path, till: &Till, sandbox: &Sandbox) -> Result<Left, Any> {
    let shop = Shop {
        till: Till { program: program.into(), ..till.clone() },
        alone: Arc::new(Mutex::new(())),
    };
    step("the back office creates an activity: eight points are a glass of soy milk");
    let activity = shop.say(&["activity", &listen(shop.clone())?])?;
    let (prize, base) = activity.trim_end().split_once(' ').ok_or("no activity")?;
    step("a shopper wants it: points are frozen, a prize is authorised, the till shows the link");
    let shown = shop.say(&["offer", NUMBER, SHOPPER, PRICE, prize, base])?;
    print!("{shown}");
    step("the power fails; the till starts again and shows the same link");
    let link = link(&shown)?;
    if self::link(&shop.say(&["resume", NUMBER])?)? != link {
        return Err("another link".into());
    }
    step("the shopper opens the link and takes the coupon; Koubei sends its message");
    let claimed = claim_by_link(link, None)?;
    let id = claimed.notify_id.ok_or("nobody is told of the claim")?;
    let told = sandbox.wait_for_delivery(&id, Duration::from_secs(20));
    println!("message {id}: {}", if told.is_some() { "filed" } else { "NOT TAKEN" });
    step("the frozen points are spent");
    print!("{}", spend(&shop, till)?);
    Ok(left(sandbox))
}

fn link(shown: &str) -> Result<&str, Any> {
    Ok(shown.lines().find_map(|line| line.strip_prefix("link ")).ok_or("no link")?)
}

/// Syncs until the offer is done.
fn spend(shop: &Shop, till: &Till) -> Result<String, Any> {
    for _ in 0..30 {
        {
            let _alone = shop.alone.lock().unwrap_or_else(PoisonError::into_inner);
            till.must(&["sync", "5000"])?;
        }
        let list = shop.say(&["list"])?;
        if list.contains(", done, ") {
            return Ok(list);
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    Err("the points are not spent".into())
}

fn left(sandbox: &Sandbox) -> Left {
    let frozen = |shopper: usize| {
        let user = format!("20881234123412{:02}", 34 + shopper);
        sandbox.balance(&user, ACCOUNT).freezed
    };
    Left {
        coupons: sandbox.coupons().iter().filter(|coupon| coupon.claimed.is_some()).count(),
        commits: sandbox.ledger().iter().filter(|line| line.order.trans_type == "COMMIT").count(),
        stranded: (0..SHOPPERS).map(frozen).sum(),
    }
}

/// Serves notifications until the demo ends; says where.
fn listen(shop: Shop) -> Result<String, Any> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/notify", listener.local_addr()?);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            if let Err(error) = serve(&shop, &mut stream) {
                eprintln!("demo: a message was not served: {error}");
            }
        }
    });
    Ok(url)
}

fn serve(shop: &Shop, stream: &mut TcpStream) -> Result<(), Any> {
    let reply = shop.reply(&body(stream)?)?;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        reply.len()
    )?;
    Ok(stream.write_all(&reply)?)
}

/// A POST's body.
fn body(stream: &mut TcpStream) -> Result<Vec<u8>, Any> {
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let len = stream.read(&mut piece)?;
        all.extend_from_slice(&piece[..len]);
        if let Some(at) = all.windows(4).position(|end| end == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&all[..at]).to_lowercase();
            let wanted = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let wanted: usize = wanted.ok_or("a message without a length")?.trim().parse()?;
            if all.len() >= at + 4 + wanted {
                return Ok(all[at + 4..at + 4 + wanted].to_vec());
            }
        }
        if len == 0 {
            return Err("half a message".into());
        }
    }
}
