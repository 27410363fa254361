//! What is left of a body that nobody wants to read any further.
//!
//! A request may be answered before all of it has arrived: a body too large, a token that is not known. If the
//! connection were closed then, a client in the middle of sending would see it break and never read the answer. So
//! the rest is read and thrown away, as far as that is no burden.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use futures::StreamExt;
use http_body::{Body as HttpBody, Frame, SizeHint};

/// Most that is thrown away; who sends more sees the connection close. **Units:** bytes.
const MOST_BYTES: usize = 64 << 20;
/// Longest that is waited for it.
const LONGEST: Duration = Duration::from_secs(10);

/// Middleware: the request with a body whose rest is read when it is dropped unread.
pub async fn read_rest(request: Request) -> Request {
    request.map(|body| Body::new(ReadToTheEnd(body)))
}

struct ReadToTheEnd(Body);

impl HttpBody for ReadToTheEnd {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl Drop for ReadToTheEnd {
    fn drop(&mut self) {
        if !self.0.is_end_stream() {
            let rest = std::mem::take(&mut self.0).into_data_stream();
            tokio::spawn(tokio::time::timeout(LONGEST, throw_away(rest)));
        }
    }
}

async fn throw_away(mut rest: BodyDataStream) {
    let mut read = 0;
    while let Some(Ok(bytes)) = rest.next().await {
        read += bytes.len();
        if read > MOST_BYTES {
            return;
        }
    }
}
