//! Conversations: the program with a chat system that a test writes to and reads from.

mod kill;
mod talk;
