use super::*;

const PAGE: &str = "https://render.alipay.com/p/z/pointset/index.html";

fn made(link: Link<'_>) -> core::result::Result<String, (Status, &'static str)> {
    let mut room = [0; 2048];
    let mut writer = Writer::new(&mut room);
    link.write(&mut writer).map_err(|e| (e.status, e.what))?;
    Ok(writer.finish_str().unwrap().into())
}

fn from(base: &str) -> core::result::Result<String, (Status, &'static str)> {
    made(Link::new(base, "t", "o")).map(|url| url.replace(PAGE, ""))
}

const OURS: &str = "type=pointcard&token=t&outBizNo=o";

#[test]
fn unknown_items_stay_and_ours_are_replaced() {
    let base = format!(
        "{PAGE}?itemId=1&x=%E5%92%96+a&&type=membercard&%74oken=old&buyerId=2&shopId=3&flag#/home"
    );
    assert_eq!(from(&base), Ok(format!("?itemId=1&x=%E5%92%96+a&flag&{OURS}#/home")));
    let link =
        Link { buyer_id: Some("2088"), shop_id: Some("集"), ..Link::new(&base, "t", "a b&c=1|#") };
    let url = made(link).unwrap();
    let end = "&outBizNo=a%20b%26c%3D1%7C%23&buyerId=2088&shopId=%E9%9B%86#/home";
    assert!(url.ends_with(end), "{url}");
}

#[test]
fn the_item_is_found_where_it_stands() {
    assert_eq!(from(&format!("{PAGE}?itemId=1&itemId=%31")), Ok(format!("?itemId=1&{OURS}")));
    assert_eq!(from(&format!("{PAGE}?item_id=1")), Ok(format!("?item_id=1&itemId=1&{OURS}")));
    assert_eq!(
        from(&format!("{PAGE}?itemId=&item_id=1")),
        Ok(format!("?item_id=1&itemId=1&{OURS}"))
    );
    let inner = format!("{PAGE}#/home?itemId=%31");
    assert_eq!(from(&inner), Ok(format!("?itemId=%31&{OURS}#/home?itemId=%31")));
    for two in ["?itemId=1&itemId=2", "?itemId=1&item_id=2", "?itemId=1#/?item_id=2"] {
        assert_eq!(from(&format!("{PAGE}{two}")), Err((Status::Duplicate, "itemId")), "{two}");
    }
    for none in ["", "?", "?itemId=", "?itemid=1", "#itemId=1"] {
        assert_eq!(from(&format!("{PAGE}{none}")), Err((Status::Missing, "itemId")), "{none}");
    }
}

#[test]
fn ours_are_replaced_in_the_fragment_too() {
    let base = format!("{PAGE}?itemId=1#/home?x=1&token=old&type=membercard&itemId=1&%62uyerId=2");
    assert_eq!(from(&base), Ok(format!("?itemId=1&{OURS}#/home?x=1&itemId=1")));
    let only = format!("{PAGE}?itemId=1#/home?token=old");
    assert_eq!(from(&only), Ok(format!("?itemId=1&{OURS}#/home")));
}

#[test]
fn a_base_may_be_json() {
    let expected = Ok(format!("?itemId=1&{OURS}"));
    for json in [
        r#"{"URL_WITH_TOKEN":"https:\/\/render.alipay.com\/p\/z\/pointset\/index.html?itemId=1"}"#,
        r#" {"a":"b","n":1,"u":"https://render.alipay.com/p/z/pointset/index.html?itemId=1"}"#,
        r#"{"URL_WITH_TOKEN":"https://render.alipay.com/p/z/pointset/index.html?itemId=1","u":"http://x/"}"#,
    ] {
        assert_eq!(from(json), expected, "{json}");
    }
    assert_eq!(from("{}"), Err((Status::Missing, "base")));
    assert_eq!(from(r#"{"a":"http://x","b":"https://y"}"#), Err((Status::Duplicate, "base")));
    assert_eq!(from(r#"{"URL_WITH_TOKEN":{}}"#), Err((Status::Malformed, "base")));
    assert_eq!(from("{"), Err((Status::Malformed, "base")));
    let long = format!(r#"{{"u":"https://x/?itemId=1&a={}"}}"#, "a".repeat(BASE_MAX));
    assert_eq!(from(&long), Err((Status::TooLong, "base")));
}

#[test]
fn what_is_no_page_is_refused() {
    for (base, status) in [
        ("", Status::Missing),
        ("render.alipay.com/?itemId=1", Status::Argument),
        ("javascript://x/?itemId=1", Status::Argument),
        ("https:///?itemId=1", Status::Argument),
        ("https://:80/?itemId=1", Status::Argument),
        ("https://a@b/?itemId=1", Status::Argument),
        ("https://a b/?itemId=1", Status::Argument),
        ("https://集/?itemId=1", Status::Argument),
        ("https://a/b c?itemId=1", Status::Argument),
        ("https://a\\@b/?itemId=1", Status::Encoding),
        ("https://a/?itemId=1\n", Status::Encoding),
        ("https://a/?itemId=1&x=%4", Status::Malformed),
        ("https://a/?itemId=1&x=%zz", Status::Malformed),
    ] {
        assert_eq!(from(base), Err((status, "base")), "{base}");
    }
    assert!(from("HTTP://a?itemId=1 2&x=\"集").unwrap().contains("?itemId=1%202&x=%22%E9%9B%86&"));
}

#[test]
fn parts_are_bounded_and_named() {
    let base = "https://a/?itemId=1";
    let long = "x".repeat(65);
    let cases = [
        (Link::new(base, "", "o"), Status::Missing, "token"),
        (Link::new(base, &long, "o"), Status::TooLong, "token"),
        (Link::new(base, "t", ""), Status::Missing, "outBizNo"),
        (Link::new(base, "t", "a\tb"), Status::Encoding, "outBizNo"),
        (Link { kind: "", ..Link::new(base, "t", "o") }, Status::Missing, "type"),
        (Link { buyer_id: Some(""), ..Link::new(base, "t", "o") }, Status::Missing, "buyerId"),
        (Link { shop_id: Some(&long), ..Link::new(base, "t", "o") }, Status::TooLong, "shopId"),
    ];
    for (link, status, what) in cases {
        assert_eq!(made(link), Err((status, what)));
    }
}
