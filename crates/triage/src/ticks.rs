//! The pace of what is done again and again for as long as a server runs.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior};

/// Ticks that come at an interval until something tells them to stop; one that was missed is not made up for.
pub struct Ticks<S> {
    interval: Interval,
    stop: Pin<Box<S>>,
}

impl<S: Future<Output = ()>> Ticks<S> {
    /// Ticks of which the first comes at once.
    pub fn new(every: Duration, stop: S) -> Self {
        let mut interval = tokio::time::interval(every);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ticks {
            interval,
            stop: Box::pin(stop),
        }
    }

    /// Waits for the next tick; whether there is one. Must not be called again once there is none.
    pub async fn next(&mut self) -> bool {
        tokio::select! {
            () = &mut self.stop => false,
            _ = self.interval.tick() => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn ticks_come_until_they_are_told_to_stop() {
        let (stop, stopped) = oneshot::channel::<()>();
        let mut ticks = Ticks::new(Duration::from_millis(10), async { drop(stopped.await) });
        assert!(ticks.next().await, "the first comes at once");
        assert!(ticks.next().await);
        let mut rare = Ticks::new(Duration::from_secs(3_600), std::future::ready(()));
        drop(stop);
        while ticks.next().await {}
        // Of a tick and a stop that are both there either may win; after that only the stop is left.
        assert!(!(rare.next().await && rare.next().await));
    }
}
