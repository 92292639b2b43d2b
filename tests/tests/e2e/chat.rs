//! Conversations: the program with a chat system that a test writes to and reads from.

mod at_a_terminal;
mod bad;
mod chat_system;
mod commands;
mod flags;
mod hooks;
mod kill;
mod lifecycle;
mod members;
mod multi;
mod plugin_commands;
mod ports;
mod queue;
mod reload;
mod requests;
mod restart;
mod rules;
mod schedule;
mod talk;
mod thread;
