//! Whether the tickets' index may lack what it held.

use std::sync::atomic::{AtomicU64, Ordering};

/// How often the index may have lost something, and up to which time the keeper has made that good. A flag would not do:
/// what is lost while the keeper walks through the tickets may lie behind it.
#[derive(Debug)]
pub(crate) struct Losses {
    noted: AtomicU64,
    made_good: AtomicU64,
}

impl Losses {
    /// As at a start, when nobody knows what a crash has cost.
    pub fn suspected() -> Self {
        Losses {
            noted: AtomicU64::new(1),
            made_good: AtomicU64::new(0),
        }
    }

    /// Notes that the index may lack what it held.
    pub fn note(&self) {
        self.noted.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether nothing was noted that is not made good.
    pub fn are_made_good(&self) -> bool {
        self.made_good.load(Ordering::Acquire) == self.noted.load(Ordering::Acquire)
    }

    /// Makes good what was noted before `catching_up` begins, once that is done.
    ///
    /// **Errors:** those of `catching_up`; nothing is made good then.
    pub async fn make_good<E>(&self, catching_up: impl Future<Output = Result<(), E>>) -> Result<(), E> {
        let noted = self.noted.load(Ordering::Acquire);
        catching_up.await?;
        self.made_good.fetch_max(noted, Ordering::AcqRel);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_lost_while_others_are_made_good_is_not() {
        let losses = Losses::suspected();
        let failed = losses.make_good(async { Err("out of reach") }).await;
        assert!(failed.is_err() && !losses.are_made_good());
        let lost_again = async {
            losses.note();
            Ok::<_, ()>(())
        };
        losses.make_good(lost_again).await.expect("done");
        assert!(!losses.are_made_good());
        losses.make_good(async { Ok::<_, ()>(()) }).await.expect("done");
        assert!(losses.are_made_good());
    }
}
