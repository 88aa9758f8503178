//! Time as Alipay writes it: in flows the system clock or a `yyyy-MM-dd HH:mm:ss` text, out flow
//! Beijing texts and seconds since 1970.

use std::time::{SystemTime, UNIX_EPOCH};

const BEIJING: i64 = 8 * 3600;

/// Milliseconds since 1970, UTC.
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}

/// `yyyy-MM-dd HH:mm:ss` in Beijing.
pub fn beijing(ms: i64) -> String {
    let seconds = ms.div_euclid(1000) + BEIJING;
    let (year, month, day) = date(seconds.div_euclid(86400));
    let rest = seconds.rem_euclid(86400);
    let (h, m, s) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {h:02}:{m:02}:{s:02}")
}

/// Seconds since 1970 of a Beijing text; none when the form or the date does not exist.
pub fn parse_beijing(text: &str) -> Option<i64> {
    let shape = |(at, c): (usize, u8)| match at {
        4 | 7 => c == b'-',
        10 => c == b' ',
        13 | 16 => c == b':',
        _ => c.is_ascii_digit(),
    };
    if text.len() != 19 || !text.bytes().enumerate().all(shape) {
        return None;
    }
    let part = |from: usize, to: usize| text[from..to].parse::<i64>().ok();
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (h, m, s) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    let day_number = days(year, month, day);
    if date(day_number) != (year, month, day) || h > 23 || m > 59 || s > 59 {
        return None;
    }
    Some(day_number * 86400 + h * 3600 + m * 60 + s - BEIJING)
}

/// Days since 1970-01-01. March is the first month here, so leap days come last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of `days`.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, d) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (d - d / 1460 + d / 36_524 - d / 146_096) / 365;
    let day_of_year = d - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let m = (5 * day_of_year + 2) / 153;
    let month = if m < 10 { m + 3 } else { m - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_year - (153 * m + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants() {
        assert_eq!(beijing(0), "1970-01-01 08:00:00");
        assert_eq!(beijing(1_476_065_410_000), "2016-10-10 10:10:10");
        assert_eq!(parse_beijing("2016-10-10 10:10:10"), Some(1_476_065_410));
    }

    #[test]
    fn every_day_of_eight_centuries_there_and_back() {
        for day in -100_000..200_000 {
            let (y, m, d) = date(day);
            assert_eq!(days(y, m, d), day);
        }
    }

    #[test]
    fn dates_that_do_not_exist() {
        for text in ["2016-09-31 00:00:00", "2015-02-29 00:00:00", "2016-10-10 24:00:00"] {
            assert_eq!(parse_beijing(text), None, "{text}");
        }
        for text in ["2016-10-10T10:10:10", "2016-10-10 10:10", "", "2016-1-10 10:10:10 "] {
            assert_eq!(parse_beijing(text), None, "{text}");
        }
        assert!(parse_beijing("2016-02-29 23:59:59").is_some());
    }
}
