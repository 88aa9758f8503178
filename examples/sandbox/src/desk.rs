//! The desk where requests are dealt with one by one: in flow the bytes of a request, out flow its
//! reply and the fault it met. Everything that changes is here, behind one lock.

use serde::Serialize;

use crate::answer::{Outcome, Refusal, Reply};
use crate::clock;
use crate::faults::{Fault, Queue};
use crate::methods;
use crate::params::Params;
use crate::postman::Delivery;
use crate::protocol::{self, Request, Rules};
use crate::world::World;

/// One line of the list of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Received {
    /// 1 for the first request since the start.
    pub number: usize,
    /// Beijing time of arrival.
    pub time: String,
    /// As sent, known or not.
    pub method: String,
    /// Or out_biz_no; empty when none could be read.
    pub req_id: String,
    /// Empty when none could be read.
    pub user_id: String,
    /// `booked`, `repeat`, `read`, `authorised`, `created`, `modified`, `closed`, `exchanged`,
    /// `paid`, `refused`, or `nothing` when a fault came before execution.
    pub done: String,
    /// What the answer says or would have said: `10000`, or code and sub_code.
    pub said: String,
    /// The fault it met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<&'static str>,
    /// True once an answer was handed to the socket, be it a faulty one.
    pub answered: bool,
}

/// All state of the gateway.
pub struct Desk {
    /// Merchants and their books.
    pub world: World,
    /// What is to go wrong.
    pub faults: Queue,
    /// Every request to the gateway's path.
    pub requests: Vec<Received>,
    /// Every attempt to deliver a message.
    pub deliveries: Vec<Delivery>,
}

/// What one request led to.
pub struct Dealt {
    /// Its number.
    pub number: usize,
    /// What goes wrong on the way back.
    pub fault: Option<Fault>,
    /// What would be answered if nothing did.
    pub reply: Reply,
}

impl Desk {
    /// With nothing received and no faults.
    pub fn new(world: World) -> Desk {
        Desk { world, faults: Queue::default(), requests: Vec::new(), deliveries: Vec::new() }
    }

    /// Checks, executes unless a fault keeps it from that, and writes the reply.
    pub fn deal(&mut self, rules: &Rules, query: &[u8], body: &[u8], form: bool) -> Dealt {
        let fault = self.faults.take();
        let read = read(query, body, form);
        let params = read.as_ref().ok();
        let manner =
            protocol::manner(params.unwrap_or(&Params::default()), rules, &self.world.switches);
        let mut line = self.line(params, fault.as_ref());
        let checked = match &read {
            Ok(params) => protocol::check(params, rules, &self.world),
            Err(no) => Err(no.clone()),
        };
        if let Ok(request) = &checked {
            let peek = |name| request.biz.peek(name);
            line.req_id = peek("req_id").or_else(|| peek("out_biz_no")).unwrap_or_default();
            line.user_id = peek("user_id").unwrap_or_default();
        }
        let outcome = self.execute(checked, fault.as_ref(), &mut line);
        let mut reply = Reply::new(&outcome, &manner, &rules.keys);
        if let Some(fault) = &fault {
            fault.spoil(&mut reply, &manner, &rules.keys);
        }
        let number = line.number;
        self.requests.push(line);
        Dealt { number, fault, reply }
    }

    fn line(&self, params: Option<&Params>, fault: Option<&Fault>) -> Received {
        Received {
            number: self.requests.len() + 1,
            time: clock::beijing(clock::now_ms()),
            method: params.and_then(|p| p.text("method")).unwrap_or_default(),
            fault: fault.map(Fault::kind),
            ..Received::default()
        }
    }

    fn execute(
        &mut self,
        checked: Result<Request, Refusal>,
        fault: Option<&Fault>,
        line: &mut Received,
    ) -> Outcome {
        let held = fault.is_some_and(|fault| !fault.executes());
        let busy = || Refusal::new("20000", "isp.unknow-error", "系统繁忙 (system busy)");
        let (done, outcome) = match checked {
            Ok(_) if held => ("nothing", Err(busy())),
            Ok(request) => match methods::run(&request, &mut self.world) {
                Ok(done) => (done.what, Ok(done)),
                Err(no) => ("refused", Err(no)),
            },
            Err(no) => ("refused", Err(no)),
        };
        line.done = done.into();
        // A request that is wrong by itself hears that; the fault only replaces right answers.
        let replaced = fault.and_then(Fault::refusal).filter(|_| done != "refused");
        let outcome = replaced.map_or(outcome, Err);
        line.said = match &outcome {
            Ok(done) => done.code.into(),
            Err(no) => format!("{} {}", no.code, no.sub_code),
        };
        outcome
    }
}

/// Decodes the parameters; what cannot be decoded is refused without a method's name.
fn read(query: &[u8], body: &[u8], form: bool) -> Result<Params, Refusal> {
    if !form {
        let text = "无效的content-type (send application/x-www-form-urlencoded)";
        return Err(Refusal::new("40002", "isv.invalid-content-type", text).nameless());
    }
    let no = |why: String| Refusal::invalid_parameter("请求格式", &why).nameless();
    Params::read(query, body).map_err(no)
}

/// `2088****1234`: what a log may show of a user.
pub fn masked(user_id: &str) -> String {
    let chars: Vec<char> = user_id.chars().collect();
    if chars.len() < 12 {
        return if chars.is_empty() { "-".into() } else { "****".into() };
    }
    let (head, tail) = (&chars[..4], &chars[chars.len() - 4..]);
    format!("{}****{}", head.iter().collect::<String>(), tail.iter().collect::<String>())
}
