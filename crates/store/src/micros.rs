//! Times as the database keeps them. **Units:** microseconds since 1970, UTC.

use time::{Duration, OffsetDateTime};

/// The time now, as exactly as a row can hold it.
pub fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now - Duration::nanoseconds(i64::from(now.nanosecond() % 1_000))
}

/// A time as a row holds it. Years 1970 to 2999 fit.
pub(crate) fn of(time: OffsetDateTime) -> i64 {
    (time.unix_timestamp_nanos() / 1_000) as i64
}

/// The time a row holds; none for a number outside the calendar.
pub(crate) fn to_time(micros: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_survives_a_row() {
        let now = now();
        assert_eq!(to_time(of(now)), Some(now));
    }
}
