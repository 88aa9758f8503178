//! The two charsets of the wire: in flow bytes, out flows text, and back.

use encoding_rs::GBK;

/// What the `charset` parameter named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// `UTF-8`
    Utf8,
    /// `GBK`, also for `gb2312`, which one official page names.
    Gbk,
}

impl Charset {
    /// Spelling does not matter in case.
    pub fn named(name: &[u8]) -> Option<Charset> {
        match name.to_ascii_lowercase().as_slice() {
            b"utf-8" => Some(Charset::Utf8),
            b"gbk" | b"gb2312" => Some(Charset::Gbk),
            _ => None,
        }
    }

    /// As an answer's Content-Type names it.
    pub fn label(self) -> &'static str {
        match self {
            Charset::Utf8 => "utf-8",
            Charset::Gbk => "GBK",
        }
    }

    /// None when the bytes are not text of this charset.
    pub fn decode(self, bytes: &[u8]) -> Option<String> {
        match self {
            Charset::Utf8 => std::str::from_utf8(bytes).ok().map(str::to_owned),
            Charset::Gbk => GBK
                .decode_without_bom_handling_and_without_replacement(bytes)
                .map(|text| text.into_owned()),
        }
    }

    /// Like `decode`, with marks where the bytes are no text.
    pub fn decode_lossy(self, bytes: &[u8]) -> String {
        match self {
            Charset::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Charset::Gbk => GBK.decode_without_bom_handling(bytes).0.into_owned(),
        }
    }

    /// What GBK lacks becomes `&#NNNN;`: only texts made here pass through.
    pub fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Charset::Utf8 => text.as_bytes().to_vec(),
            Charset::Gbk => GBK.encode(text).0.into_owned(),
        }
    }
}
