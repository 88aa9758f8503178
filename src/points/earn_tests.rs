use num_bigint::BigUint;

use super::*;

/// 2016-08-22 15:43:42 in Beijing, a Monday.
const MONDAY_AFTERNOON: u64 = 1_471_851_822;

fn at(seconds: u64) -> Option<Moment> {
    Moment::from_unix(seconds)
}

fn points(rule: &Rule, fen: u64) -> u32 {
    rule.points_for(fen, None, 0).unwrap().points
}

#[test]
fn a_point_for_ten_yuan_in_each_rounding() {
    let rule = Rule::rate(1, 1000);
    let up = Rule { rounding: Rounding::Up, ..rule };
    let half = Rule { rounding: Rounding::HalfUp, ..rule };
    let cases = [(0, 0, 0, 0), (1, 0, 0, 1), (499, 0, 0, 1), (500, 0, 1, 1), (999, 0, 1, 1)];
    let more = [(1000, 1, 1, 1), (1001, 1, 1, 2), (1500, 1, 2, 2), (1999, 1, 2, 2)];
    for (fen, down, halved, upped) in cases.into_iter().chain(more) {
        let found = [points(&rule, fen), points(&half, fen), points(&up, fen)];
        assert_eq!(found, [down, halved, upped], "{fen} fen");
    }
}

#[test]
fn minimum_and_caps_are_told() {
    let rule = Rule { min_fen: 500, sale_cap: 50, day_cap: 120, ..Rule::rate(1, 100) };
    let earned = |fen, today| {
        let earned = rule.points_for(fen, None, today).unwrap();
        (earned.points, earned.cap)
    };
    assert_eq!(earned(499, 0), (0, Cap::None));
    assert_eq!(earned(500, 0), (5, Cap::None));
    assert_eq!(earned(5000, 70), (50, Cap::None));
    assert_eq!(earned(5100, 0), (50, Cap::Sale));
    assert_eq!(earned(5100, 71), (49, Cap::Day));
    assert_eq!(earned(5000, 120), (0, Cap::Day));
    assert_eq!(earned(5000, u64::MAX), (0, Cap::Day));
    assert_eq!(earned(u64::MAX, 0), (50, Cap::Sale));
}

#[test]
fn bonuses_go_by_beijing_s_weekday_and_hour() {
    let mut rule = Rule::rate(1, 100);
    rule.bonuses[1] = Bonus { weekdays: MONDAY, from_hour: 15, to_hour: 16, percent: 300 };
    rule.bonuses[2] = Bonus { weekdays: MONDAY | 64, percent: 200, ..Bonus::default() };
    let percent = |moment| {
        let earned = rule.points_for(1000, moment, 0).unwrap();
        assert_eq!(earned.points, earned.percent / 10);
        earned.percent
    };
    assert_eq!(percent(None), 100);
    assert_eq!(percent(at(MONDAY_AFTERNOON)), 300);
    let three = MONDAY_AFTERNOON - 43 * 60 - 42;
    assert_eq!([percent(at(three - 1)), percent(at(three))], [200, 300]);
    assert_eq!([percent(at(three + 3599)), percent(at(three + 3600))], [300, 200]);
    let midnight = three - 15 * 3600;
    assert_eq!(percent(at(midnight - 1)), 200, "the last second of Sunday");
    assert_eq!(percent(at(midnight - 86_400 - 1)), 100, "of Saturday");
    assert_eq!(percent(at(midnight + 86_400)), 100, "Tuesday");
}

#[test]
fn rules_that_cannot_be_are_named() {
    let check = |rule: Rule| {
        let error = rule.check().unwrap_err();
        assert_eq!(rule.points_for(1, None, 0), Err(error));
        (error.status, error.what, error.at)
    };
    assert_eq!(check(Rule::rate(0, 1)), (Status::Missing, "rule.points", 0));
    assert_eq!(check(Rule::rate(1, 0)), (Status::Missing, "rule.per_fen", 0));
    assert_eq!(check(Rule::rate(1_000_001, 1)), (Status::Range, "rule.points", 1_000_000));
    let sound = Bonus { weekdays: 1, from_hour: 9, to_hour: 12, percent: 200 };
    let bad = [
        Bonus { weekdays: 0x80, ..sound },
        Bonus { from_hour: 12, ..sound },
        Bonus { to_hour: 25, ..sound },
        Bonus { from_hour: 24, to_hour: 0, ..sound },
        Bonus { percent: 10_001, ..sound },
    ];
    for bonus in bad {
        let mut rule = Rule::rate(1, 1);
        rule.bonuses[0] = sound;
        rule.bonuses[7] = bonus;
        assert_eq!(check(rule), (Status::Range, "rule.bonuses", 7), "{bonus:?}");
    }
    let error = Rule::rate(1, 1).points_for(1 << 32, None, 0).unwrap_err();
    assert_eq!((error.status, error.what), (Status::Range, "amount_fen"));
    assert_eq!(points(&Rule::rate(1, 1), u32::MAX.into()), u32::MAX);
}

#[test]
fn a_day_is_counted_by_itself() {
    let mut today = Today::new();
    today.add(None, 3);
    assert_eq!((today.earned(None), today.earned(at(MONDAY_AFTERNOON))), (3, 0));
    today.add(at(MONDAY_AFTERNOON), 5);
    today.add(at(MONDAY_AFTERNOON + 60), 6);
    assert_eq!(today.earned(at(MONDAY_AFTERNOON)), 11);
    // The day ends at midnight in Beijing, which is four in the afternoon UTC.
    assert_eq!(today.earned(at(MONDAY_AFTERNOON + 8 * 3600)), 11);
    assert_eq!(today.earned(at(MONDAY_AFTERNOON + 9 * 3600)), 0);
}

/// The same, in big integers and in words of the guide rather than of the code.
fn oracle(rule: &Rule, fen: u64, percent: u32) -> BigUint {
    let parts = BigUint::from(fen) * rule.points * percent;
    let whole = BigUint::from(rule.per_fen) * 100u32;
    let (points, rest) = (&parts / &whole, &parts % &whole);
    let one = match rule.rounding {
        Rounding::Down => false,
        Rounding::HalfUp => &rest + &rest >= whole,
        Rounding::Up => rest > BigUint::ZERO,
    };
    points + u32::from(one)
}

#[test]
fn no_amount_overflows_and_all_agree_with_big_integers() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos()
            as u64
    });
    println!("SEED={seed}");
    let mut state = seed | 1;
    // Numbers of every length: a uniform 64 bits would never be a small sale.
    let mut random = |most: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let length = state >> 58;
        (state.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> length).min(most)
    };
    for _ in 0..200_000 {
        let rounding = [Rounding::Down, Rounding::HalfUp, Rounding::Up][random(2) as usize];
        let per_fen = random(u32::MAX.into()).max(1) as u32;
        let mut rule = Rule { rounding, ..Rule::rate(random(1_000_000).max(1) as u32, per_fen) };
        let percent = random(10_000).max(1) as u32;
        rule.bonuses[3] = Bonus { percent, ..Bonus::default() };
        let (fen, today) = (random(u64::MAX), random(u64::MAX));
        let whole = oracle(&rule, fen, percent);
        let found = rule.points_for(fen, at(MONDAY_AFTERNOON), today);
        match u32::try_from(&whole) {
            Ok(points) => assert_eq!(found.unwrap().points, points, "{rule:?} {fen}"),
            Err(_) => assert_eq!(found.unwrap_err().what, "amount_fen", "{rule:?} {fen}"),
        }
        let (sale_cap, day_cap) = (random(u32::MAX.into()) as u32, random(u32::MAX.into()) as u32);
        let capped = Rule { sale_cap, day_cap, ..rule };
        let most = [
            (sale_cap != 0).then_some(sale_cap.into()),
            (day_cap != 0).then(|| u64::from(day_cap).saturating_sub(today)),
        ];
        let most = most.into_iter().flatten().map(BigUint::from).min();
        let wanted = most.map_or(whole.clone(), |most| whole.min(most));
        let found = capped.points_for(fen, at(MONDAY_AFTERNOON), today);
        assert_eq!(
            found.ok().map(|earned| earned.points),
            u32::try_from(&wanted).ok(),
            "{capped:?} {fen} {today}"
        );
    }
}
