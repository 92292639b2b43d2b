//! The chat command `/multi`: one prompt for several engines, and one message with all their answers.
//!
//! `backend` is the command: its settings, and what a use of it does. `choose` says which engines are asked, `report` makes a
//! message of what they answered; both are pure.
#![forbid(unsafe_code)]

mod backend;
mod choose;
mod report;

takopi_api::plugin! {
    command "multi" => backend::new, config = backend::Settings, summary = "ask several engines at once";
}
