//! Connections: accepted, spoken to in HTTP, ended when a caller is too slow or the server stops.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

/// Serves until `stop`, then until every request under way is answered.
///
/// A connection is closed on which no whole head of a request comes for as long as `patience`: it would cost a file
/// descriptor for ever, and `axum::serve`, which this stands in for, sets no such limit. Connections are not upgraded: to
/// know what to, hyper would wait for the first byte without a limit.
pub async fn serve(mut listener: TcpListener, service: Router, patience: Duration, stop: impl Future<Output = ()>) {
    let mut http = Builder::new(TokioExecutor::new()).http1_only();
    http.http1().timer(TokioTimer::new()).header_read_timeout(patience);
    let open = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let (stream, _) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = &mut stop => break,
        };
        let service = TowerToHyperService::new(service.clone());
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = open.watch(connection.into_owned());
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error, "a connection ended early");
            }
        });
    }
    drop(listener);
    open.shutdown().await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::{Notify, oneshot};

    use super::*;

    /// What comes back for these bytes until the server closes the connection.
    async fn answer(sent: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let service = Router::new().route("/", get(|| async { "here" }));
        let patience = Duration::from_millis(200);
        tokio::spawn(serve(listener, service, patience, std::future::pending()));
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(sent.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        tokio::time::timeout(Duration::from_secs(10), read)
            .await
            .expect("the server closes it")
            .expect("text");
        answer
    }

    #[tokio::test]
    async fn who_sends_no_whole_head_is_not_waited_for() {
        assert_eq!(answer("").await, "");
        assert!(!answer("GET / HT").await.contains("here"));
        assert!(
            answer("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
                .await
                .ends_with("here")
        );
    }

    #[tokio::test]
    async fn a_stop_waits_for_the_request_under_way() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let slow = {
            let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
            get(move || async move {
                begun.notify_one();
                go_on.notified().await;
                "here"
            })
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let router = Router::new().route("/", slow);
        let serving = tokio::spawn(serve(listener, router, Duration::from_secs(60), stopped));
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let asked = stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        asked.await.expect("sent");
        begun.notified().await;
        drop(stop);
        // It has heard of the stop when it takes nobody else.
        while TcpStream::connect(address).await.is_ok() {}
        go_on.notify_one();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("text");
        assert!(answer.ends_with("here"), "{answer}");
        serving.await.expect("it ends");
    }
}
