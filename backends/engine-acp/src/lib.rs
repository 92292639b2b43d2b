//! Runs agents that speak the Agent Client Protocol: one process a run, which is talked with on its standard input and output.
//!
//! `presets` are the agents that need no setting, and `settings` makes agents of tables. `dialogue` is the talk up to the
//! prompt, `turn` what comes after it; `rpc` is what both are written in. `minute` is for a bug of gemini.
#![forbid(unsafe_code)]

mod agent;
mod backend;
mod dialogue;
mod diff;
mod engine;
mod goose;
mod minute;
mod offer;
mod opencode;
mod options;
mod permission;
mod presets;
mod prompt;
mod question;
mod resume_line;
mod rpc;
mod settings;
mod speech;
mod steps;
mod turn;
mod usage;

takopi_api::plugin! {
    engine "acp" => backend::acp, config = settings::Settings;
    engine "claude_acp" => backend::claude, config = settings::PresetSettings;
    engine "codex_acp" => backend::codex, config = settings::PresetSettings;
    engine "gemini_acp" => backend::gemini, config = settings::PresetSettings;
    engine "goose_acp" => backend::goose, config = settings::PresetSettings;
    engine "opencode_acp" => backend::opencode, config = settings::PresetSettings;
    engine "qwen_acp" => backend::qwen, config = settings::PresetSettings;
}
