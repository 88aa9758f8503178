//! A door: in flow connections and orders, out flow HTTP answers. It can really be shut: the
//! listener is closed, connections are refused, and the port stays reserved meanwhile.

use std::future::{Future, pending};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};

/// Called when an order was carried out.
pub type Done = Box<dyn FnOnce() + Send>;

/// What the door is told to do.
pub enum Order {
    /// Refuse connections for `ms` (0 = until `Up`). Requests already read are still answered.
    Down(u64, Done),
    /// Listen again, on the same port.
    Up(Done),
    /// Finish what is under way, for half a second at most, and end.
    Stop,
}

/// The service gives this to close a connection without an answer.
#[derive(Debug)]
pub struct HangUp;

impl std::fmt::Display for HangUp {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("hung up on purpose")
    }
}

impl std::error::Error for HangUp {}

/// One listening port.
pub struct Door {
    addr: SocketAddr,
    listener: Option<TcpListener>,
    reserved: Option<TcpSocket>,
    reopen: Option<Instant>,
    is_up: Arc<AtomicBool>,
    closing: watch::Sender<()>,
    connections: JoinSet<()>,
}

impl Door {
    /// Binds and listens; port 0 means any free one. Needs a runtime.
    pub fn open(addr: SocketAddr) -> io::Result<Door> {
        let socket = bound(addr)?;
        let addr = socket.local_addr()?;
        let listener = Some(socket.listen(1024)?);
        let (closing, _) = watch::channel(());
        let connections = JoinSet::new();
        let is_up = Arc::new(AtomicBool::new(true));
        Ok(Door { addr, listener, reserved: None, reopen: None, is_up, closing, connections })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Tells whether it listens, whenever it is asked.
    pub fn state(&self) -> Arc<AtomicBool> {
        self.is_up.clone()
    }

    /// Serves until told to stop.
    pub async fn keep<S, F>(mut self, mut orders: UnboundedReceiver<Order>, service: S)
    where
        S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Response<Payload>, HangUp>> + Send + 'static,
    {
        loop {
            tokio::select! {
                stream = accept(self.listener.as_ref()) => self.serve(stream, service.clone()),
                () = until(self.reopen) => self.up(),
                _ = self.connections.join_next(), if !self.connections.is_empty() => {}
                order = orders.recv() => match order {
                    Some(Order::Down(ms, done)) => { self.down(ms); done() }
                    Some(Order::Up(done)) => { self.up(); done() }
                    Some(Order::Stop) | None => break,
                },
            }
        }
        self.stop().await;
    }

    fn serve<S, F>(&mut self, stream: TcpStream, service: S)
    where
        S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Response<Payload>, HangUp>> + Send + 'static,
    {
        let mut closing = self.closing.subscribe();
        self.connections.spawn(async move {
            let io = TokioIo::new(stream);
            let connection = http1::Builder::new().serve_connection(io, service_fn(service));
            let mut connection = pin!(connection);
            // An error here is a client that went away or a hang-up on purpose.
            tokio::select! {
                _ = connection.as_mut() => return,
                _ = closing.changed() => connection.as_mut().graceful_shutdown(),
            }
            let _ = connection.await;
        });
    }

    /// A socket that is bound but does not listen keeps others off the port.
    fn down(&mut self, ms: u64) {
        self.reopen = (ms > 0).then(|| Instant::now() + Duration::from_millis(ms));
        if self.listener.take().is_some() {
            self.reserved = bound(self.addr).ok();
            self.closing.send_replace(());
        }
        self.is_up.store(false, Ordering::Relaxed);
    }

    fn up(&mut self) {
        self.reopen = None;
        if self.listener.is_none() {
            let socket = self.reserved.take().map_or_else(|| bound(self.addr), Ok);
            self.listener = socket.and_then(|socket| socket.listen(1024)).ok();
        }
        if self.listener.is_none() {
            self.reopen = Some(Instant::now() + Duration::from_millis(20));
        }
        self.is_up.store(self.listener.is_some(), Ordering::Relaxed);
    }

    async fn stop(mut self) {
        self.listener = None;
        self.closing.send_replace(());
        let all = async { while self.connections.join_next().await.is_some() {} };
        let _ = timeout(Duration::from_millis(500), all).await;
    }
}

fn bound(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Windows would let two programs share the port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    Ok(socket)
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else { return pending().await };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                return stream;
            }
            // Out of descriptors, or a client gone before it was accepted.
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}

/// A body; a cut one sends its bytes and then breaks the connection.
pub struct Payload {
    data: Option<Bytes>,
    cut: Option<Pin<Box<Sleep>>>,
}

impl Payload {
    /// All of it.
    pub fn whole(data: impl Into<Bytes>) -> Payload {
        Payload { data: Some(data.into()), cut: None }
    }

    /// Less than the headers promise. The pause lets the bytes leave first.
    pub fn cut(data: impl Into<Bytes>) -> Payload {
        let pause = sleep(Duration::from_millis(50));
        Payload { data: Some(data.into()), cut: Some(Box::pin(pause)) }
    }
}

impl hyper::body::Body for Payload {
    type Data = Bytes;
    type Error = HangUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HangUp>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match &mut self.cut {
            None => Poll::Ready(None),
            Some(pause) => pause.as_mut().poll(context).map(|()| Some(Err(HangUp))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.cut.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.data.as_ref().map_or(0, Bytes::len) as u64;
        if self.cut.is_some() { SizeHint::default() } else { SizeHint::with_exact(left) }
    }
}
