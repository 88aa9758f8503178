//! Beijing time for the `timestamp` parameter, and the HTTP `Date` header back to seconds.
//!
//! In: seconds since 1970 UTC, or a header. Out: `yyyy-MM-dd HH:mm:ss`, or seconds.

use crate::status::{Error, Result, Status};

/// Last second this library can write: 9999-12-31 23:59:59 in Beijing.
pub const TIME_MAX: u64 = 253_402_300_799 - BEIJING;

/// Beijing is eight hours ahead of UTC and has had no summer time since 1991; the gateway reads
/// every `timestamp` as Beijing time, whatever zone the terminal stands in.
const BEIJING: u64 = 8 * 3600;
const DAY: u64 = 86_400;

/// A moment as the gateway wants it: `yyyy-MM-dd HH:mm:ss`, Beijing time, 19 ASCII bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beijing([u8; 19]);

impl Beijing {
    /// From seconds since 1970-01-01 UTC, at most [`TIME_MAX`]; `Range` beyond.
    pub fn from_unix(seconds: u64) -> Result<Self> {
        if seconds > TIME_MAX {
            return Err(Error::new(Status::Range, "unix_time"));
        }
        let local = seconds + BEIJING;
        let (year, month, day) = civil(local / DAY);
        let second = local % DAY;
        let [y1, y0] = [two(year / 100), two(year % 100)];
        let [mo, d] = [two(month), two(day)];
        let [h, mi, s] = [two(second / 3600), two(second / 60 % 60), two(second % 60)];
        Ok(Beijing([
            y1[0], y1[1], y0[0], y0[1], b'-', mo[0], mo[1], b'-', d[0], d[1], b' ', h[0], h[1],
            b':', mi[0], mi[1], b':', s[0], s[1],
        ]))
    }

    /// The 19 characters.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Day, weekday and hour of a moment in Beijing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Days since 1970-01-01.
    pub day: u64,
    /// 0 = Monday to 6 = Sunday.
    pub weekday: u8,
    /// 0 to 23.
    pub hour: u8,
}

impl Moment {
    /// From seconds since 1970-01-01 UTC; `None` beyond [`TIME_MAX`].
    pub fn from_unix(seconds: u64) -> Option<Self> {
        if seconds > TIME_MAX {
            return None;
        }
        let local = seconds + BEIJING;
        let day = local / DAY;
        // 1970-01-01 was a Thursday.
        let (weekday, hour) = ((day + 3) % 7, local % DAY / 3600);
        Some(Moment { day, weekday: weekday as u8, hour: hour as u8 })
    }
}

/// `value` (below 100) as two digits.
const fn two(value: u64) -> [u8; 2] {
    [b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8]
}

/// Year, month and day of a day counted from 1970-01-01, Gregorian calendar.
///
/// Years are counted from March, so that the leap day is the last of its year and months have a
/// regular pattern of 153 days in five.
const fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    (year + era * 400 + (month <= 2) as u64, month, day)
}

/// Days from 1970-01-01 to a date from 1970 on; the inverse of [`civil`].
const fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = year - (month <= 2) as u64;
    let of_era = year % 400;
    let march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * march + 2) / 5 + day - 1;
    year / 400 * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Seconds since 1970 of an HTTP `Date` header in the one form servers may send, RFC 9110's
/// IMF-fixdate (`Sun, 06 Nov 1994 08:49:37 GMT`). `None` for anything else, for dates that do not
/// exist, and for a weekday that is not that date's. A leap second counts as the second before.
pub fn http_date(text: &str) -> Option<u64> {
    let &[
        w0,
        w1,
        w2,
        b',',
        b' ',
        d1,
        d0,
        b' ',
        n0,
        n1,
        n2,
        b' ',
        y3,
        y2,
        y1,
        y0,
        b' ',
        h1,
        h0,
        b':',
        m1,
        m0,
        b':',
        s1,
        s0,
        b' ',
        b'G',
        b'M',
        b'T',
    ] = text.as_bytes()
    else {
        return None;
    };
    let (day, year) = (number(&[d1, d0])?, number(&[y3, y2, y1, y0])?);
    let month = position(MONTHS, [n0, n1, n2])? + 1;
    let (hour, minute, second) = (number(&[h1, h0])?, number(&[m1, m0])?, number(&[s1, s0])?);
    if year < 1970 || day == 0 || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let count = days(year, month, day);
    // Day 31 of a short month is found by counting back. 1970-01-01 was a Thursday.
    let is_date = civil(count) == (year, month, day);
    let is_weekday = position(WEEKDAYS, [w0, w1, w2])? == (count + 3) % 7;
    let second = hour * 3600 + minute * 60 + second.min(59);
    (is_date && is_weekday).then_some(count * DAY + second)
}

const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
const WEEKDAYS: &[u8] = b"MonTueWedThuFriSatSun";

/// Which three letters of `names` `name` is.
fn position(names: &[u8], name: [u8; 3]) -> Option<u64> {
    let mut three = names.as_chunks::<3>().0.iter();
    three.position(|&known| known == name).map(|at| at as u64)
}

/// Digits only: no sign, no space.
fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |sum, digit| {
        digit.is_ascii_digit().then(|| sum * 10 + u64::from(digit - b'0'))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
mod tests {
    use super::*;

    fn beijing(seconds: u64) -> heapless::String<19> {
        heapless::String::try_from(Beijing::from_unix(seconds).unwrap().as_str()).unwrap()
    }

    #[test]
    fn beijing_time_of_known_moments() {
        assert_eq!(beijing(0), "1970-01-01 08:00:00");
        assert_eq!(beijing(1_476_065_410), "2016-10-10 10:10:10");
        assert_eq!(beijing(951_753_599), "2000-02-28 23:59:59");
        assert_eq!(beijing(951_753_600), "2000-02-29 00:00:00");
        assert_eq!(beijing(4_107_513_600), "2100-03-01 00:00:00");
        assert_eq!(beijing(TIME_MAX), "9999-12-31 23:59:59");
        assert_eq!(Beijing::from_unix(TIME_MAX + 1).unwrap_err().status, Status::Range);
    }

    #[test]
    fn moments_are_beijing_s() {
        let moment = |day, weekday, hour| Some(Moment { day, weekday, hour });
        assert_eq!(Moment::from_unix(0), moment(0, 3, 8));
        // 2016-10-10 10:10:10, a Monday; 2016-08-21 23:59:59, a Sunday.
        assert_eq!(Moment::from_unix(1_476_065_410), moment(17_084, 0, 10));
        assert_eq!(Moment::from_unix(1_471_795_199), moment(17_034, 6, 23));
        assert_eq!(Moment::from_unix(1_471_795_200), moment(17_035, 0, 0));
        assert_eq!(Moment::from_unix(TIME_MAX).map(|last| last.hour), Some(23));
        assert_eq!(Moment::from_unix(TIME_MAX + 1), None);
    }

    #[test]
    fn days_and_civil_are_inverse_over_eight_thousand_years() {
        let mut last = (1969, 12, 31);
        for count in 0..2_932_897 {
            let date = civil(count);
            assert!(date > last, "{date:?} after {last:?}");
            assert_eq!(days(date.0, date.1, date.2), count);
            last = date;
        }
        assert_eq!(last, (9999, 12, 31));
    }

    #[test]
    fn http_dates_are_strict() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(http_date("Tue, 29 Feb 2000 23:59:60 GMT"), Some(951_868_799));
        for bad in [
            "",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Wed, 31 Feb 2001 00:00:00 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 00 Mar 1970 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Wed, 31 Dec 1969 23:59:59 GMT",
            "Sun, 06 Növ 1994 08:49:37 GMT",
        ] {
            assert_eq!(http_date(bad), None, "{bad}");
        }
    }
}
