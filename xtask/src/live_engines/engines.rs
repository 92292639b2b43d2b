//! The engines: which package has the CLI, and what makes it talk to the model server.

/// A CLI of engines.
#[derive(Debug)]
pub(super) struct Engine {
    /// The engine that it is, or the first of them.
    pub(super) id: &'static str,
    /// The plugin that has that engine.
    pub(super) plugin: &'static str,
    /// The package in npm's registry.
    pub(super) package: &'static str,
    /// Pinned: what is tested today is what is tested tomorrow.
    pub(super) version: &'static str,
    /// What `takopi run` does with it, unless it is one of several agents of a protocol: then it is only talked with.
    pub(super) runs: Option<Runs>,
    /// Who is talked with in a chat: one of its protocols may be an engine of its own.
    pub(super) talks: &'static [Talks],
    /// Files of its own configuration in the home folder. [`PORT`] stands for the model server's.
    pub(super) files: &'static [(&'static str, &'static str)],
    /// Variables, in which [`PORT`] stands for the model server's.
    pub(super) variables: &'static [(&'static str, &'static str)],
}

/// An engine as `takopi run` drives it.
#[derive(Debug)]
pub(super) struct Runs {
    /// Its table in `takopi.toml`, however it is driven.
    settings: &'static str,
    /// What allows in that table all that the cases do: at `takopi run` nobody can be asked.
    trusted: &'static str,
    /// What makes its program one that only prints, if it can do more.
    pub(super) one_shot: Option<&'static str>,
    /// A thread that it can not have, in the form of its ids.
    pub(super) unknown_thread: &'static str,
    /// The cases that are left out.
    pub(super) skipped: &'static [Skipped],
}

/// An engine in a chat, where people are asked.
#[derive(Debug)]
pub(super) struct Talks {
    pub(super) id: &'static str,
    settings: &'static str,
    /// What people are asked and can do while it works: see `tests/src/bin/telegram_session.rs`.
    pub(super) parts: &'static [&'static str],
}

/// How an engine is driven in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// As it is by itself, with all allowed beforehand.
    Trusted,
    /// By a program that only prints.
    OneShot,
}

impl Way {
    /// What tells its folders and files from those of the others.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::OneShot => "one-shot",
        }
    }
}

impl Runs {
    /// The table in `takopi.toml` of the engine of this id.
    pub(super) fn table(&self, id: &str, way: Way) -> String {
        let more = match way {
            Way::Trusted => self.trusted,
            Way::OneShot => self.one_shot.unwrap_or_default(),
        };
        format!("[{id}]\n{}\n{more}\n", self.settings)
    }
}

impl Talks {
    /// Its table in `takopi.toml`.
    pub(super) fn table(&self) -> String {
        format!("[{}]\n{}\n", self.id, self.settings)
    }
}

/// A case that is left out, for a reason that is not takopi's.
#[derive(Debug)]
pub(super) struct Skipped {
    pub(super) case: &'static str,
    /// Only where it is driven so.
    pub(super) way: Option<Way>,
    pub(super) reason: &'static str,
}

/// Stands for the port of the model server in texts.
pub(super) const PORT: &str = "@PORT@";

/// The node that the CLIs run in. With an older one npm silently chooses old releases of some.
pub(super) const NODE: (&str, &str) = ("node", "22");

const UUID: &str = "00000000-0000-4000-8000-000000000000";

/// The slow ones come first, so that none of them is waited for alone at the end.
pub(super) const ENGINES: &[Engine] = &[
    Engine {
        id: "opencode",
        plugin: "engine-opencode",
        package: "opencode-ai",
        version: "1.18.33",
        runs: Some(Runs {
            settings: "",
            trusted: "permissions = \"configured\"",
            one_shot: Some("mode = \"run\""),
            unknown_thread: "ses_000000000000XXXXXXXXXXXXXX",
            skipped: &[
                Skipped { case: "drop", way: None, reason: "opencode asks again for more than a minute" },
                Skipped {
                    case: "terminal",
                    way: None,
                    reason: "opencode tells of a step only when it has ended",
                },
            ],
        }),
        talks: &[
            Talks {
                id: "opencode",
                settings: "",
                parts: &["approve", "deny", "always", "question", "interrupt", "steer"],
            },
            Talks {
                id: "opencode_acp",
                settings: "",
                parts: &["approve", "deny", "always", "interrupt", "queue"],
            },
        ],
        files: &[(".config/opencode/opencode.json", OPENCODE)],
        variables: &[
            ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
            ("OPENCODE_DISABLE_LSP_DOWNLOAD", "1"),
            ("OPENCODE_DISABLE_MODELS_FETCH", "1"),
        ],
    },
    Engine {
        id: "gemini",
        plugin: "engine-gemini",
        package: "@google/gemini-cli",
        version: "0.61.0",
        runs: Some(Runs {
            settings: "approval_mode = \"yolo\"",
            trusted: "",
            one_shot: None,
            unknown_thread: UUID,
            skipped: &[Skipped {
                case: "terminal",
                way: None,
                reason: "gemini removes a thread whose file a cancelled run left cut off, when the next one begins",
            }],
        }),
        // It names no command that it asks for, so there is nothing to be always allowed but changes of files.
        talks: &[Talks {
            id: "gemini_acp",
            settings: "",
            parts: &["approve", "deny", "always-for-files", "interrupt", "queue"],
        }],
        files: &[(".gemini/settings.json", GEMINI)],
        variables: &[
            ("GEMINI_API_KEY", "dummy"),
            ("GEMINI_CLI_TRUST_WORKSPACE", "true"),
            ("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:@PORT@"),
        ],
    },
    Engine {
        id: "qwen",
        plugin: "engine-qwen",
        package: "@qwen-code/qwen-code",
        version: "0.24.4",
        runs: Some(Runs {
            settings: "approval_mode = \"yolo\"\nauth_type = \"openai\"",
            trusted: "",
            one_shot: None,
            unknown_thread: UUID,
            skipped: &[],
        }),
        talks: &[Talks {
            id: "qwen_acp",
            settings: "auth = \"openai\"",
            parts: &["approve", "deny", "always", "question", "interrupt", "queue"],
        }],
        files: &[],
        variables: &[
            ("OPENAI_API_KEY", "dummy"),
            ("OPENAI_BASE_URL", "http://127.0.0.1:@PORT@/v1"),
            ("OPENAI_MODEL", "fake-model"),
        ],
    },
    Engine {
        id: "pi",
        plugin: "engine-pi",
        package: "@earendil-works/pi-coding-agent",
        version: "0.87.1",
        runs: Some(Runs {
            settings: PI_SETTINGS,
            trusted: "permissions = \"off\"",
            one_shot: Some("mode = \"json\""),
            unknown_thread: UUID,
            skipped: &[],
        }),
        talks: &[Talks {
            id: "pi",
            settings: PI_SETTINGS,
            parts: &["approve", "deny", "always", "question-of-an-extension", "interrupt", "steer"],
        }],
        files: &[(".pi/agent/models.json", PI), (".pi/agent/extensions/question.js", PI_QUESTION)],
        variables: &[("PI_OFFLINE", "1"), ("PI_SKIP_VERSION_CHECK", "1"), ("PI_TELEMETRY", "0")],
    },
    Engine {
        id: "codex",
        plugin: "engine-codex",
        package: "@openai/codex",
        version: "0.169.0",
        runs: Some(Runs {
            settings: CODEX_SETTINGS,
            trusted: "",
            one_shot: Some("mode = \"exec\""),
            unknown_thread: UUID,
            skipped: &[],
        }),
        talks: &[Talks {
            id: "codex",
            settings: CODEX_SETTINGS,
            parts: &["approve", "deny", "always", "question-in-plan", "interrupt", "steer"],
        }],
        files: &[(".codex/config.toml", CODEX)],
        // Takopi passes what codex's own configuration names.
        variables: &[("FAKE_KEY", "dummy")],
    },
    Engine {
        id: "claude",
        plugin: "engine-claude",
        package: "@anthropic-ai/claude-code",
        version: "2.1.330",
        runs: Some(Runs {
            settings: CLAUDE_SETTINGS,
            trusted: r#"allowed_tools = ["Bash", "Read", "Edit", "Write"]"#,
            one_shot: Some("mode = \"print\""),
            unknown_thread: UUID,
            skipped: &[],
        }),
        talks: &[Talks {
            id: "claude",
            settings: CLAUDE_SETTINGS,
            parts: &["approve", "deny", "always", "question", "plan", "interrupt", "steer"],
        }],
        files: &[],
        variables: &[
            ("ANTHROPIC_BASE_URL", "http://127.0.0.1:@PORT@"),
            ("ANTHROPIC_API_KEY", "dummy"),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
            // By itself it tries ten times, which takes minutes.
            ("CLAUDE_CODE_MAX_RETRIES", "2"),
            ("DISABLE_AUTOUPDATER", "1"),
            ("DISABLE_ERROR_REPORTING", "1"),
            ("DISABLE_TELEMETRY", "1"),
        ],
    },
    Engine {
        id: "goose_acp",
        plugin: ACP,
        package: GOOSE,
        version: "1.52.0",
        runs: None,
        talks: &[Talks {
            id: "goose_acp",
            settings: "",
            parts: &["approve", "deny", "always", "interrupt", "queue"],
        }],
        files: &[],
        variables: &[
            ("GOOSE_DISABLE_KEYRING", "1"),
            ("GOOSE_MODEL", "fake-model"),
            ("GOOSE_PROVIDER", "openai"),
            ("OPENAI_API_KEY", "dummy"),
            ("OPENAI_HOST", "http://127.0.0.1:@PORT@"),
        ],
    },
    Engine {
        id: "codex_acp",
        plugin: ACP,
        package: "@agentclientprotocol/codex-acp",
        version: "2.6.0",
        runs: None,
        talks: &[Talks {
            id: "codex_acp",
            settings: "pass_env = [\"FAKE_KEY\"]\nmode = \"workspace-write\"",
            parts: &["approve", "deny", "always", "interrupt", "queue"],
        }],
        files: &[(".codex/config.toml", CODEX)],
        variables: &[("FAKE_KEY", "dummy")],
    },
    Engine {
        id: "claude_acp",
        plugin: ACP,
        package: "@agentclientprotocol/claude-agent-acp",
        version: "0.101.0",
        runs: None,
        talks: &[Talks {
            id: "claude_acp",
            settings: "",
            parts: &["approve", "deny", "always", "plan", "interrupt", "queue"],
        }],
        files: &[],
        variables: &[
            ("ANTHROPIC_AUTH_TOKEN", "dummy"),
            ("ANTHROPIC_BASE_URL", "http://127.0.0.1:@PORT@"),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
        ],
    },
];

const ACP: &str = "engine-acp";

const GOOSE: &str = if cfg!(target_arch = "aarch64") {
    "@aaif/goose-binary-linux-arm64"
} else {
    "@aaif/goose-binary-linux-x64"
};

const CODEX_SETTINGS: &str = r#"extra_args = ["-c", "notify=[]", "-c", "sandbox_mode=\"workspace-write\""]"#;

const CLAUDE_SETTINGS: &str = "use_api_billing = true";

const PI_SETTINGS: &str = "provider = \"fake\"\nmodel = \"fake-model\"";

const CODEX: &str = r#"model = "fake-model"
model_provider = "fake"
check_for_update_on_startup = false

[model_providers.fake]
name = "fake"
base_url = "http://127.0.0.1:@PORT@/v1"
wire_api = "responses"
env_key = "FAKE_KEY"

[analytics]
enabled = false
"#;

const OPENCODE: &str = r#"{
  "autoupdate": false,
  "share": "disabled",
  "model": "fake/fake-model",
  "small_model": "fake/fake-model",
  "provider": {
    "fake": {
      "npm": "@ai-sdk/openai-compatible",
      "name": "Fake",
      "options": { "baseURL": "http://127.0.0.1:@PORT@/v1", "apiKey": "dummy" },
      "models": {
        "fake-model": { "name": "Fake", "tool_call": true, "limit": { "context": 200000, "output": 32000 } }
      }
    }
  }
}
"#;

const PI: &str = r#"{
  "providers": {
    "fake": {
      "baseUrl": "http://127.0.0.1:@PORT@/v1",
      "apiKey": "dummy",
      "api": "openai-completions",
      "models": [
        {
          "id": "fake-model",
          "name": "Fake",
          "reasoning": false,
          "input": ["text"],
          "contextWindow": 200000,
          "maxTokens": 32000,
          "cost": { "input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0 }
        }
      ]
    }
  }
}
"#;

/// pi has no questions of its own: its extensions ask.
const PI_QUESTION: &str = r#"export default function (pi) {
  pi.registerTool({
    name: "question",
    label: "Question",
    description: "Asks the person.",
    parameters: { type: "object", properties: { questions: { type: "array", items: {} } }, required: ["questions"] },
    async execute(_id, params, signal, _update, ctx) {
      const [{ question, options }] = params.questions;
      const answer = await ctx.ui.select(question, options.map((option) => option.label), { signal });
      return { content: [{ type: "text", text: answer ?? "no answer" }], details: {} };
    },
  });
}
"#;

const GEMINI: &str = r#"{
  "security": { "auth": { "selectedType": "gemini-api-key" } },
  "general": { "enableAutoUpdate": false, "enableAutoUpdateNotification": false },
  "privacy": { "usageStatisticsEnabled": false },
  "telemetry": { "enabled": false }
}
"#;
