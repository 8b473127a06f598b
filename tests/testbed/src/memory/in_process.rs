//! The way to the server without a connection. Most of what is asked is asked by the test bed itself, and a handshake proves
//! nothing about it.

use std::{io, sync::Arc};

use http::{HeaderValue, Request, Response, header::USER_AGENT};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Body as _;
use kube::{Client, client::Body as RequestBody};
use tokio::sync::{Notify, watch};
use tower::service_fn;

use super::{
    identity::{Certificate, User},
    server::Core,
};
use crate::{
    ADMIN,
    audit::OWN_AGENT,
    control_plane::MASTERS,
    serve::{self, Body},
};

/// The administrator's client; it is refused and cut off as one with a connection is.
pub(super) fn client(core: Arc<Core>) -> Client {
    let groups = vec![MASTERS.to_owned()];
    let user = User { name: ADMIN.to_owned(), groups, ..User::default() };
    let admin = Arc::new(Certificate::Of(user));
    Client::new(service_fn(move |request| asked(Arc::clone(&core), Arc::clone(&admin), request)), "default")
}

async fn asked(
    core: Arc<Core>,
    admin: Arc<Certificate>,
    mut request: Request<RequestBody>,
) -> io::Result<Response<Body>> {
    let mut listening = core.listening();
    if !*listening.borrow_and_update() {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(OWN_AGENT));
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let request = Request::from_parts(parts, Full::new(body));
    let cut = Notify::new();
    let answer = core.faults().around(request, &cut, |request| core.answer(request, &admin));
    let response = tokio::select! {
        response = answer => response,
        () = cut.notified() => return Err(io::ErrorKind::ConnectionReset.into()),
        _ = listening.changed() => return Err(io::ErrorKind::ConnectionReset.into()),
    };
    let is_whole = response.body().size_hint().exact().is_some();
    Ok(if is_whole { response } else { response.map(|body| until_cut(body, listening)) })
}

/// A stream that breaks off when the server does.
fn until_cut(mut body: Body, mut listening: watch::Receiver<bool>) -> Body {
    let (sender, stream) = serve::stream();
    tokio::spawn(async move {
        loop {
            let frame = tokio::select! {
                frame = body.frame() => frame,
                _ = listening.changed() => Some(Err(io::ErrorKind::ConnectionReset.into())),
                () = sender.closed() => None,
            };
            let Some(frame) = frame else { return };
            let Some(chunk) = frame.map(|frame| frame.into_data().ok()).transpose() else { continue };
            let is_over = chunk.is_err();
            if sender.send(chunk).is_err() || is_over {
                return;
            }
        }
    });
    stream
}
