use super::*;

fn find(text: &str) -> Job {
    Job::Find { text: text.into() }
}

fn show(file: &str) -> Job {
    Job::Show { file: file.into() }
}

fn write(text: &str, file: &str) -> Job {
    Job::Write { text: Some(text.into()), file: file.into() }
}

fn save(file: &str) -> Job {
    Job::Write { text: None, file: file.into() }
}

#[test]
fn one_request_is_one_job() {
    let rows = [
        ("which files are largest?", Job::Largest),
        ("What are the BIGGEST files in here?", Job::Largest),
        ("show me the largest files", Job::Largest),
        ("find the large files", Job::Largest),
        ("lines by language", Job::Languages),
        ("How many lines of code?", Job::Languages),
        ("which languages are used?", Job::Languages),
        ("find TODO", find("TODO")),
        ("find \"large files\"", find("large files")),
        ("search for fn main", find("fn main")),
        ("Search fixme", find("fixme")),
        ("grep changed files", find("changed files")),
        ("grep `a b`?", find("a b")),
        ("where is parse_head?", find("parse_head")),
        ("where is Session defined?", find("Session")),
        ("what changed?", Job::Changed),
        ("what has changed recently", Job::Changed),
        ("show changes", Job::Changed),
        ("what's changed?", Job::Changed),
        ("show src/lib.rs", show("src/lib.rs")),
        ("show me the file src/lib.rs, please", show("src/lib.rs")),
        ("please show me the README", show("README")),
        ("cat CHANGES.md", show("CHANGES.md")),
        ("read 'a b'", show("a b")),
        ("open my notes.txt", show("my notes.txt")),
        ("show ../x", show("../x")),
        ("show ..", show("..")),
        ("show README.", show("README")),
        ("write hello to a.txt", write("hello", "a.txt")),
        ("Write \"go to bed\" to notes", write("go to bed", "notes")),
        ("write a\n b\nto x/y.md", write("a\n b", "x/y.md")),
        ("write what changed to a.txt", write("what changed", "a.txt")),
        ("save that to answer.md", save("answer.md")),
        ("save it into `my answer.md`", save("my answer.md")),
        ("Write that to ../x.", save("../x")),
        ("more", Job::More),
        ("Next!", Job::More),
        ("again", Job::Again),
        ("do it again.", Job::Again),
        ("what did I ask?", Job::History),
        ("history", Job::History),
        ("", Job::Standing),
        (" \n ", Job::Standing),
        ("please", Job::Standing),
        ("Continue.", Job::Standing),
        ("hello", Job::Describe),
        ("what is this?", Job::Describe),
        ("find", Job::Describe),
        ("show", Job::Describe),
        ("write to a.txt", Job::Describe),
        ("write a function to parse dates", Job::Describe),
        ("find out why the tests fail", Job::Describe),
        ("read the repository and tell me what it does", Job::Describe),
        ("refactor the parser so that every file that was changed is read once and no more", Job::Describe),
        ("finder", Job::Describe),
        ("ünïcode", Job::Describe),
    ];
    for (prompt, job) in rows {
        assert_eq!(understand(prompt), Understood { jobs: vec![job], slowly: false }, "{prompt:?}");
    }
}

#[test]
fn slowly_is_taken_out_and_remembered() {
    let rows = [
        ("slowly which files are largest?", Job::Largest),
        ("Slowly, find TODO", find("TODO")),
        ("which files are largest? Slowly!", Job::Largest),
        ("slowly", Job::Standing),
        ("slowly write a  b to c", write("a  b", "c")),
    ];
    for (prompt, job) in rows {
        assert_eq!(understand(prompt), Understood { jobs: vec![job], slowly: true }, "{prompt:?}");
    }
    assert!(!understand("find slowlyness").slowly);
}

#[test]
fn joined_requests_are_several_jobs_if_each_is_clear() {
    let rows = [
        ("which files are largest? then lines by language", vec![Job::Largest, Job::Languages]),
        (
            "grep foo and then show a.rs, then save that to b.md",
            vec![find("foo"), show("a.rs"), save("b.md")],
        ),
        ("find if then else", vec![find("if then else")]),
        ("then more", vec![Job::More]),
    ];
    for (prompt, jobs) in rows {
        assert_eq!(understand(prompt).jobs, jobs, "{prompt:?}");
    }
}

#[test]
fn no_prompt_makes_it_panic() {
    let pieces = [
        "", " ", "\n", "write", " to ", "show", "find", "`", "\"", "“", "”", "é", "then", "slowly", ".", "?",
    ];
    for a in pieces {
        for b in pieces {
            for c in pieces {
                for d in pieces {
                    assert!(!understand(&format!("{a}{b}{c}{d}")).jobs.is_empty());
                    assert!(!understand(&format!("{a} {b} {c} {d}")).jobs.is_empty());
                }
            }
        }
    }
}
