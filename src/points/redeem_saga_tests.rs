use super::*;

const STAGES: [Stage; 10] = [
    Stage::Freezing,
    Stage::Frozen,
    Stage::Authorised,
    Stage::Exported,
    Stage::Handed,
    Stage::Committing,
    Stage::Cancelling,
    Stage::Consuming,
    Stage::Done,
    Stage::Cancelled,
];

fn all_facts() -> Vec<Facts> {
    let bit = |bits: u8, at: u8| bits >> at & 1 == 1;
    let facts = |bits: u8| Facts {
        sent: bit(bits, 0),
        claimed: bit(bits, 1),
        unwanted: bit(bits, 2),
        shown: bit(bits, 3),
    };
    (0..16).map(facts).collect()
}

const REPLIES: [Reply; 3] = [Reply::Accepted, Reply::Refused, Reply::Uncertain];

#[test]
fn letters_are_read_back() {
    for stage in STAGES {
        assert_eq!(Stage::of_letter(stage.letter()), Some(stage));
    }
    assert_eq!(Stage::of_letter("?"), None);
    assert_eq!(Stage::of_letter(""), None);
}

/// What was claimed is never released or forgotten, whatever happens next.
#[test]
fn a_claim_ends_in_done_or_with_a_person() {
    for stage in STAGES {
        for facts in all_facts().into_iter().filter(|facts| facts.claimed) {
            for word in [false, true] {
                let action = next(stage, facts, Event::Cancel { word });
                let safe = matches!(action, Action::Refuse | Action::Stay);
                let impossible = matches!(
                    stage,
                    Stage::Frozen | Stage::Authorised | Stage::Exported // a claim has moved these on
                );
                assert!(safe || impossible, "{stage:?} {facts:?} {action:?}");
            }
            for reply in REPLIES {
                let action = next(stage, facts, Event::Answer(reply));
                assert_ne!(action, Action::Settle, "{stage:?} {reply:?}");
                assert_ne!(action, Action::Go(Stage::Cancelled), "{stage:?} {reply:?}");
            }
        }
    }
}

/// An entry is settled only when nothing is frozen for it, or it is over.
#[test]
fn nothing_frozen_is_forgotten() {
    for stage in STAGES {
        for facts in all_facts() {
            let events = [Event::Time, Event::Cancel { word: true }, Event::Cancel { word: false }];
            for event in events {
                let settled = next(stage, facts, event) == Action::Settle;
                let nothing = stage == Stage::Freezing && !facts.sent;
                assert!(!settled || nothing || stage.is_over(), "{stage:?} {facts:?} {event:?}");
            }
            for reply in REPLIES {
                if next(stage, facts, Event::Answer(reply)) == Action::Settle {
                    let released = stage == Stage::Cancelling && reply == Reply::Accepted;
                    let refused = stage == Stage::Freezing && reply == Reply::Refused;
                    assert!(released || refused, "{stage:?} {facts:?} {reply:?}");
                }
            }
        }
    }
}

/// Only a link that nobody can claim from any more lets points be released without a word.
#[test]
fn a_shown_link_is_not_cancelled_in_passing() {
    for facts in all_facts() {
        let cancel = |word| next(Stage::Authorised, facts, Event::Cancel { word });
        assert_eq!(cancel(false), Action::Refuse);
        assert_eq!(cancel(true), Action::Go(Stage::Cancelling));
        for word in [false, true] {
            let handed = next(Stage::Handed, facts, Event::Cancel { word });
            assert_eq!(handed, Action::Refuse, "it is another's");
        }
    }
}

#[test]
fn a_claim_meets_a_cancel() {
    let claim = |stage, sent| {
        let facts = Facts { sent, shown: true, ..Facts::default() };
        next(stage, facts, Event::Claim(Whose::First))
    };
    assert_eq!(claim(Stage::Cancelling, false), Action::Go(Stage::Committing));
    assert_eq!(claim(Stage::Cancelling, true), Action::NoteClaim);
    assert_eq!(claim(Stage::Cancelled, false), Action::Go(Stage::Consuming));
    let facts = Facts { sent: true, claimed: true, shown: true, unwanted: false };
    let end = |reply| next(Stage::Cancelling, facts, Event::Answer(reply));
    assert_eq!(end(Reply::Accepted), Action::Go(Stage::Consuming));
    assert_eq!(end(Reply::Refused), Action::Go(Stage::Committing));
    assert_eq!(end(Reply::Uncertain), Action::Bury);
}

#[test]
fn a_second_coupon_is_a_debt_wherever_the_offer_is_ours() {
    for stage in STAGES {
        for facts in all_facts() {
            let action = next(stage, facts, Event::Claim(Whose::Other));
            let elsewhere = matches!(stage, Stage::Exported | Stage::Handed);
            assert_eq!(action, if elsewhere { Action::Store } else { Action::Debt }, "{stage:?}");
        }
    }
}
