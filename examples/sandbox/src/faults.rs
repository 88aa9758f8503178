//! Faults on demand: in flows a wish for the next N requests, out flows, request by request, what
//! goes wrong. Wishes queue up in order; each arriving request uses up one turn of the first.

use std::collections::VecDeque;

use crate::answer::{Manner, Refusal, Reply};
use crate::keys::Keys;

/// One thing that goes wrong. `booked` says whether the request is executed all the same: the
/// client cannot tell, and must not need to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the fields are explained with their variants
pub enum Fault {
    /// Connections are refused for `ms`; 0 means until told otherwise. Takes no turn: it happens
    /// as soon as it is first in the queue.
    Down { ms: u64 },
    /// The request is read, then the connection closed without a byte.
    Drop { booked: bool },
    /// Executed at once, answered after `ms`.
    Slow { ms: u64 },
    /// Executed, then silence for `ms`, then the connection is closed.
    TimeoutAfterAccept { ms: u64 },
    /// The same silence, not executed.
    Stall { ms: u64 },
    /// A front end's status page, with a Retry-After header in seconds if wanted.
    Http5xx { status: u16, retry_after: Option<u32>, booked: bool },
    /// The right answer without its signature.
    Unsigned,
    /// The right answer with a signature over other bytes.
    WrongSignature,
    /// The right answer, then a second, unsigned member of the same name claiming success.
    DuplicateNode,
    /// The answer breaks off half way: Content-Length promises all of it.
    Truncate,
    /// Half the answer with a Content-Length to match.
    Half,
    /// 20000 with Chinese text in GBK even when the request said UTF-8. Signed.
    GbkError { booked: bool },
    /// 40002 isv.invalid-app-id without a signature.
    UnsignedError { booked: bool },
    /// Status 200 and a web page in GBK.
    Html { booked: bool },
    /// 40005 isv.app-call-limited, signed.
    Throttle,
    /// 20000 isp.unknow-error, signed.
    Unknown { booked: bool },
    /// 20001 aop.invalid-app-auth-token, signed.
    Token,
    /// 40004 with this sub_code, signed.
    Reject { sub_code: String },
}

/// The parts of a wish as the admin API gets them.
#[derive(Debug, Default)]
pub struct Wish {
    /// `kind`
    pub kind: String,
    /// `ms`
    pub ms: Option<u64>,
    /// `status`
    pub status: Option<u16>,
    /// `retry_after`, seconds.
    pub retry_after: Option<u32>,
    /// `booked`
    pub booked: bool,
    /// `sub_code`
    pub sub_code: Option<String>,
}

/// Every kind, with what it is in Chinese and the parts of a wish it looks at, `times` apart.
pub const KINDS: [(&str, &str, &[&str]); 18] = [
    ("down", "拒绝连接", &["ms"]),
    ("drop", "读完即断开", &["booked"]),
    ("slow", "应答缓慢", &["ms"]),
    ("timeout_after_accept", "已入账，应答丢失", &["ms"]),
    ("stall", "未入账，无应答", &["ms"]),
    ("http_5xx", "网关错误页", &["status", "retry_after", "booked"]),
    ("unsigned", "应答缺签名", &[]),
    ("wrong_signature", "应答签名错误", &[]),
    ("duplicate_node", "应答节点重复", &[]),
    ("truncate", "应答中途断开", &[]),
    ("half", "应答只有一半", &[]),
    ("gbk_error", "GBK 编码的错误", &["booked"]),
    ("unsigned_error", "未签名的错误", &["booked"]),
    ("html", "返回网页", &["booked"]),
    ("throttle", "调用超限 40005", &[]),
    ("unknown", "系统繁忙 20000", &["booked"]),
    ("token", "授权令牌无效 20001", &[]),
    ("reject", "业务拒绝 40004", &["sub_code"]),
];

/// The sub_code of `reject` when none is given: invented, Alipay documents none.
pub const REJECTED: &str = "sandbox.rejected";

impl Fault {
    /// What a wish means; numbers not given have defaults.
    pub fn wished(wish: Wish) -> Result<Fault, String> {
        let booked = wish.booked;
        Ok(match wish.kind.as_str() {
            "down" => Fault::Down { ms: wish.ms.unwrap_or(0) },
            "drop" => Fault::Drop { booked },
            "slow" => Fault::Slow { ms: wish.ms.unwrap_or(1000) },
            "timeout_after_accept" => Fault::TimeoutAfterAccept { ms: wish.ms.unwrap_or(30_000) },
            "stall" => Fault::Stall { ms: wish.ms.unwrap_or(30_000) },
            "http_5xx" => http_5xx(&wish)?,
            "unsigned" => Fault::Unsigned,
            "wrong_signature" => Fault::WrongSignature,
            "duplicate_node" => Fault::DuplicateNode,
            "truncate" => Fault::Truncate,
            "half" => Fault::Half,
            "gbk_error" => Fault::GbkError { booked },
            "unsigned_error" => Fault::UnsignedError { booked },
            "html" => Fault::Html { booked },
            "throttle" => Fault::Throttle,
            "unknown" => Fault::Unknown { booked },
            "token" => Fault::Token,
            "reject" => Fault::Reject { sub_code: wish.sub_code.unwrap_or(REJECTED.into()) },
            other => return Err(format!("there is no fault {other:?}")),
        })
    }

    /// Its name on the admin API.
    pub fn kind(&self) -> &'static str {
        match self {
            Fault::Down { .. } => "down",
            Fault::Drop { .. } => "drop",
            Fault::Slow { .. } => "slow",
            Fault::TimeoutAfterAccept { .. } => "timeout_after_accept",
            Fault::Stall { .. } => "stall",
            Fault::Http5xx { .. } => "http_5xx",
            Fault::Unsigned => "unsigned",
            Fault::WrongSignature => "wrong_signature",
            Fault::DuplicateNode => "duplicate_node",
            Fault::Truncate => "truncate",
            Fault::Half => "half",
            Fault::GbkError { .. } => "gbk_error",
            Fault::UnsignedError { .. } => "unsigned_error",
            Fault::Html { .. } => "html",
            Fault::Throttle => "throttle",
            Fault::Unknown { .. } => "unknown",
            Fault::Token => "token",
            Fault::Reject { .. } => "reject",
        }
    }

    /// True when the request is executed although this goes wrong.
    pub fn executes(&self) -> bool {
        match self {
            Fault::Drop { booked }
            | Fault::Http5xx { booked, .. }
            | Fault::GbkError { booked }
            | Fault::UnsignedError { booked }
            | Fault::Html { booked }
            | Fault::Unknown { booked } => *booked,
            Fault::Stall { .. } | Fault::Throttle | Fault::Token | Fault::Reject { .. } => false,
            _ => true,
        }
    }

    /// What the gateway says in place of the outcome.
    pub fn refusal(&self) -> Option<Refusal> {
        Some(match self {
            Fault::GbkError { .. } => {
                let no = Refusal::new("20000", "isp.unknow-error", "系统繁忙");
                Refusal { gbk: true, ..no }
            }
            Fault::UnsignedError { .. } => {
                Refusal::new("40002", "isv.invalid-app-id", "无效的AppID参数").unsigned()
            }
            Fault::Throttle => {
                Refusal::new("40005", "isv.app-call-limited", "应用调用次数超限 (call limited)")
            }
            Fault::Unknown { .. } => {
                Refusal::new("20000", "isp.unknow-error", "系统繁忙 (system busy)")
            }
            Fault::Token => {
                let text = "无效的应用授权令牌 (invalid app_auth_token)";
                Refusal::new("20001", "aop.invalid-app-auth-token", text)
            }
            Fault::Reject { sub_code } => Refusal::business(sub_code, "业务处理失败 (rejected)"),
            _ => return None,
        })
    }

    /// Spoils the bytes of an answer.
    pub fn spoil(&self, reply: &mut Reply, manner: &Manner, keys: &Keys) {
        match self {
            Fault::Unsigned => reply.unsign(),
            Fault::WrongSignature => reply.missign(manner, keys),
            Fault::DuplicateNode => reply.duplicate(),
            _ => {}
        }
    }
}

fn http_5xx(wish: &Wish) -> Result<Fault, String> {
    let status = wish.status.unwrap_or(503);
    if !(500..600).contains(&status) {
        return Err(format!("http_5xx takes a status from 500 to 599, not {status}"));
    }
    Ok(Fault::Http5xx { status, retry_after: wish.retry_after, booked: wish.booked })
}

/// Wishes in order, each with the turns it has left; 0 = until cleared.
#[derive(Debug, Default)]
pub struct Queue(VecDeque<(Fault, u32)>);

impl Queue {
    /// Behind what is there already.
    pub fn push(&mut self, fault: Fault, times: u32) {
        self.0.push_back((fault, times));
    }

    /// Uses up one turn.
    pub fn take(&mut self) -> Option<Fault> {
        let (fault, left) = self.0.front_mut()?;
        let fault = fault.clone();
        match *left {
            0 => {}
            1 => drop(self.0.pop_front()),
            _ => *left -= 1,
        }
        Some(fault)
    }

    /// Milliseconds to be down, when that is first in the queue.
    pub fn take_down(&mut self) -> Option<u64> {
        let Some((Fault::Down { ms }, _)) = self.0.front() else { return None };
        let ms = *ms;
        self.0.pop_front();
        Some(ms)
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What is still to come.
    pub fn waiting(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.0.iter().map(|(fault, times)| (fault.kind(), *times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_one() {
        for (kind, _, _) in KINDS {
            let wish = Wish { kind: kind.into(), ..Wish::default() };
            assert_eq!(Fault::wished(wish).map(|fault| fault.kind()), Ok(kind));
        }
    }

    #[test]
    fn turns_are_used_up_in_order() {
        let mut queue = Queue::default();
        queue.push(Fault::Throttle, 2);
        queue.push(Fault::Down { ms: 5 }, 1);
        queue.push(Fault::Token, 0);
        let kinds: Vec<_> = (0..2).map(|_| queue.take().unwrap().kind()).collect();
        assert_eq!(kinds, ["throttle", "throttle"]);
        assert_eq!(queue.take_down(), Some(5));
        assert_eq!(queue.take_down(), None);
        assert!((0..9).all(|_| queue.take() == Some(Fault::Token)));
        queue.clear();
        assert_eq!(queue.take(), None);
    }
}
