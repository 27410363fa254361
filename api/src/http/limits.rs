//! How much one token may ask.

use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use uuid::Uuid;

use crate::config::RateLimitSettings;

/// One bucket a token, kept in memory.
pub struct RateLimits {
    buckets: DefaultKeyedRateLimiter<Uuid>,
    clock: DefaultClock,
}

impl RateLimits {
    /// Buckets of this size.
    pub fn new(config: &RateLimitSettings) -> Self {
        let quota = Quota::per_second(config.per_second).allow_burst(config.burst);
        RateLimits {
            buckets: RateLimiter::keyed(quota),
            clock: DefaultClock::default(),
        }
    }

    /// Takes one request from the token's bucket.
    ///
    /// **Errors:** how long to wait, where the bucket is empty.
    pub fn check(&self, token: Uuid) -> Result<(), Duration> {
        self.buckets
            .check_key(&token)
            .map_err(|denied| denied.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn one_token_does_not_spend_anothers() {
        let one = NonZeroU32::MIN;
        let limits = RateLimits::new(&RateLimitSettings {
            per_second: one,
            burst: one,
        });
        let (ana, ben) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert!(limits.check(ana).is_ok());
        assert!(limits.check(ana).is_err_and(|wait| wait <= Duration::from_secs(1)));
        assert!(limits.check(ben).is_ok());
    }
}
