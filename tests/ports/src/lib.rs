//! What plugins of the Python program do that were hardest to write there, each on the public API alone: an engine that wants
//! a terminal, one whose messages say how long they are, one that runs another engine again and again, a command that
//! reads what engines answer, and a gate for administrators. The end-to-end tests drive them; `cargo xtask check-wiring` sees to it that nothing of takopi
//! but `takopi-api` is used here.
#![forbid(unsafe_code)]

mod gate;
mod measured;
mod onscreen;
mod review;
mod rounds;

takopi_api::plugin! {
    engine "onscreen" => onscreen::new, summary = "an agent that works only on a terminal";
    engine "measured" => measured::new, summary = "an agent that speaks as language servers do";
    engine "rounds" => rounds::new, config = rounds::Settings, summary = "runs another engine until it says that it is done";
    command "review" => review::new, config = review::Settings, summary = "let several engines look at the changes";
    hook "gate" => gate::new, config = gate::Settings, summary = "some engines are for administrators only";
}
