//! Any text as the base of a claim link: no panic, and a link that is made is plain ASCII, begins
//! like a web address, and names each of our parameters once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pointcard::claim::Link;
use pointcard::text::Writer;

fuzz_target!(|base: &str| {
    let mut room = vec![0; 8192];
    let mut writer = Writer::new(&mut room);
    let link = Link { buyer_id: Some("2088"), ..Link::new(base, "t", "o") };
    if link.write(&mut writer).is_err() {
        return;
    }
    let url = writer.finish_str().expect("a base has a limit");
    assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{url}");
    assert!(url.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("http")), "{url}");
    let query = url.split('#').next().and_then(|url| url.split_once('?')).expect("a query").1;
    let count =
        |name: &str| query.split('&').filter(|item| item.split('=').next() == Some(name)).count();
    assert!(count("itemId") <= 1, "{url}"); // A base may escape its name.
    for name in ["type", "token", "outBizNo", "buyerId"] {
        assert_eq!(count(name), 1, "{name} in {url}");
    }
});
