//! `/help`: what can be said.

use takopi_api::runtime::Catalog;

use super::{Answer, BUILT_IN, Use, or_none, say};

pub(super) async fn handle(used: Use) -> Answer {
    say(text(&used.snapshot.catalog))
}

fn text(catalog: &Catalog) -> String {
    let engines =
        or_none(&catalog.engines.iter().map(|engine| format!("/{}", engine.id)).collect::<Vec<_>>());
    let projects =
        or_none(&catalog.projects.iter().map(|project| format!("/{}", project.alias)).collect::<Vec<_>>());
    let mut lines = vec![
        "write what an agent should do; reply to its answer to go on".to_owned(),
        String::new(),
        format!("engines: {engines}"),
        format!("projects: {projects}"),
        "branch: @branch, after the project".to_owned(),
        String::new(),
    ];
    for command in &catalog.commands {
        let is_command = BUILT_IN.iter().any(|own| own.id == command.id)
            || !catalog.engines.iter().any(|engine| engine.id.as_str() == command.id)
                && !catalog.projects.iter().any(|project| project.alias.eq_ignore_ascii_case(&command.id));
        if is_command {
            let usage = format!("/{} {}", command.id, command.arguments);
            lines.push(format!("{} – {}", takopi_api::markdown::code(usage.trim_end()), command.description));
        }
    }
    lines.join("\n")
}
