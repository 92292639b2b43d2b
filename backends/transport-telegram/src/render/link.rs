//! Which addresses Telegram takes as a link. One that it does not take costs the whole message, so what is doubtful is
//! no link.

use std::net::Ipv6Addr;
use std::ops::Range;

/// Longer addresses are no links.
const LONGEST: usize = 2048;

/// Whether an address can be a link: one of the web, with a host that is a name with a dot, or one within Telegram.
pub(super) fn is_link(url: &str) -> bool {
    if url.len() > LONGEST || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return false;
    }
    match url.split_once("://") {
        Some((scheme, rest))
            if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") =>
        {
            is_web(rest)
        }
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("tg") => is_inner(rest),
        _ => false,
    }
}

/// Where the addresses of the web are that stand in a text. Elsewhere the app finds them by itself.
pub(super) fn addresses(text: &str) -> Vec<Range<usize>> {
    let is_end = |c: char| c.is_whitespace() || c.is_control() || "<>\"`".contains(c);
    let mut found = Vec::new();
    let mut word_start = 0;
    for word in text.split_inclusive(is_end) {
        if word.len() <= LONGEST {
            let word = word.trim_end_matches(is_end);
            let address = word.match_indices("http").find_map(|(at, _)| {
                let address = without_end_of_sentence(&word[at..]);
                let is_in_word = word[..at].chars().next_back().is_some_and(char::is_alphanumeric);
                (!is_in_word && is_link(address)).then(|| at..at + address.len())
            });
            found.extend(address.map(|address| word_start + address.start..word_start + address.end));
        }
        word_start += word.len();
    }
    found
}

/// Without what closes a sentence or a bracket around an address.
fn without_end_of_sentence(word: &str) -> &str {
    let mut address = word;
    loop {
        let shorter = address.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*', '_', '|']);
        let count = |c: char| shorter.matches(c).count();
        let closes = [('(', ')'), ('[', ']')]
            .into_iter()
            .any(|(open, close)| shorter.ends_with(close) && count(close) > count(open));
        if !closes {
            return shorter;
        }
        address = &shorter[..shorter.len() - 1];
    }
}

/// Without the scheme.
fn is_web(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (person, host_and_port) = authority.rsplit_once('@').unwrap_or(("", authority));
    let is_person = |c: char| c.is_ascii_alphanumeric() || "-._~:".contains(c);
    if !person.chars().all(is_person) {
        return false;
    }
    if let Some((numbers, port)) = host_and_port.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return numbers.parse::<Ipv6Addr>().is_ok()
            && port.strip_prefix(':').map_or(port.is_empty(), is_port);
    }
    let (host, port) =
        host_and_port.split_once(':').map_or((host_and_port, None), |(host, port)| (host, Some(port)));
    port.is_none_or(is_port) && is_host(host)
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_host(host: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    let mut labels = host.rsplit('.');
    let is_last = labels.next().is_some_and(|last| is_label(last) && last.chars().count() >= 2)
        || host.parse::<std::net::Ipv4Addr>().is_ok();
    is_last && host.contains('.') && labels.all(is_label)
}

/// A link to a person would tell that person, and is refused where the bot does not know who it is.
fn is_inner(rest: &str) -> bool {
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    !host.is_empty()
        && !host.eq_ignore_ascii_case("user")
        && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_a_text_end_where_their_sentence_goes_on() {
        #[track_caller]
        fn check(text: &str, expected: &[&str]) {
            let found: Vec<_> = addresses(text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, expected, "{text:?}");
        }
        check("see https://x.org/a_b, or http://y.org.", &["https://x.org/a_b", "http://y.org"]);
        check("(https://x.org/a_(b)) [https://x.org]", &["https://x.org/a_(b)", "https://x.org"]);
        check("<https://x.org/?a&b=1#c>", &["https://x.org/?a&b=1#c"]);
        check("xhttps://x.org http://localhost httphttp https:// http", &[]);
        check(&format!("https://x.org/{}", ")".repeat(1000)), &["https://x.org/"]);
        check(&format!("https://x.org/{} https://y.org", "a".repeat(LONGEST)), &["https://y.org"]);
    }

    #[test]
    fn links_have_a_host() {
        let links = [
            "https://x.org",
            "HTTP://a.b-c.de:8080/d_(e)?f=g#h",
            "https://1.2.3.4/",
            "https://[::1]:80/a",
            "https://münchen.de/ü",
            "https://a:b@x.org/",
            "https://x.org./a",
            "tg://resolve?domain=a",
        ];
        for url in links {
            assert!(is_link(url), "{url}");
        }
        let others = [
            "",
            "a",
            "src/main.rs:3",
            "/etc/passwd",
            "main.rs",
            "http://localhost:3000/",
            "https://",
            "https://x",
            "https://.org",
            "https://a..b",
            "https://a b.org",
            "https://x.org/a b",
            "https://x.org:0/",
            "https://x.org:99999/",
            "https://x.org:a/",
            "https://[::1",
            "https://[x]/",
            "https://a%20b.org",
            "ftp://x.org",
            "file:///a.b",
            "javascript:alert(1)",
            "mailto:a@x.org",
            "tg://user?id=1",
            "tg://",
        ];
        for url in others {
            assert!(!is_link(url), "{url}");
        }
        assert!(!is_link(&format!("https://x.org/{}", "a".repeat(LONGEST))));
    }
}
