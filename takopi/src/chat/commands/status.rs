//! `/status`: what runs here, and what waits.

use super::{Answer, Use, say};

pub(super) async fn handle(used: Use) -> Answer {
    let here = used.inner.live.at(&used.place);
    let mut lines: Vec<String> = here
        .iter()
        .map(|run| {
            let waits = if run.waits_for_a_person() { ", waits for an answer" } else { "" };
            format!("running: {}{waits}", run.engine)
        })
        .collect();
    if lines.is_empty() {
        lines.push("nothing is running here".to_owned());
    }
    let everywhere = used.inner.live.all().len();
    if everywhere > here.len() {
        lines.push(format!("elsewhere: {}", everywhere - here.len()));
    }
    lines.push(format!("waiting: {}", used.inner.queue().waiting()));
    say(lines.join("\n"))
}
