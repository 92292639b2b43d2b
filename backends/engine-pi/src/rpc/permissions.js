// The part of takopi that runs inside of pi: it asks before a tool is used that can change something. takopi puts this
// file back as it was before each run, so changes made here do not last.

import { homedir } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const MARK = "takopi.permission";

// Tools of pi that only look. A tool of an extension is none of these, whatever its name is.
const READERS = new Set(["read", "grep", "find", "ls"]);
const WRITERS = new Set(["write", "edit"]);

// A longer question would be a line that takopi skips, and nobody would ever answer it.
const LONGEST = 4 * 1024 * 1024;

export default function (pi) {
  // takopi sends no prompt before it has heard this.
  pi.on("session_start", (_event, ctx) => ctx.ui.setStatus(MARK, "asks"));

  pi.on("tool_call", async (event, ctx) => {
    try {
      const isOfPi = isBuiltIn(pi, event.toolName);
      if (isOfPi && READERS.has(event.toolName)) return undefined;
      return await ask(event, isOfPi, ctx);
    } catch (error) {
      return blocked(`takopi could not ask whether this may be done: ${error?.message ?? error}`);
    }
  });
}

function isBuiltIn(pi, name) {
  const found = pi.getAllTools().filter((tool) => tool.name === name);
  return found.length === 1 && found[0].sourceInfo?.source === "builtin";
}

async function ask(event, isOfPi, ctx) {
  const input = event.input;
  if (isOfPi && WRITERS.has(event.toolName) && typeof input.path === "string") {
    input.path = absolute(input.path, ctx.cwd);
  }
  // What was asked is what is done: extensions that have their say later can not change it.
  freeze(input);
  const question = JSON.stringify({
    call: event.toolCallId,
    tool: event.toolName,
    input,
    cwd: ctx.cwd,
    builtin: isOfPi,
  });
  if (question.length > LONGEST) {
    return blocked("this is too long to be shown to the person who has to allow it; do it in smaller steps");
  }
  // With the signal, a turn that is interrupted takes its question back.
  const answer = JSON.parse((await ctx.ui.input(MARK, question, { signal: ctx.signal })) ?? "{}");
  if (answer.allow === event.toolCallId) return undefined;
  return blocked(typeof answer.deny === "string" ? answer.deny : "nobody allowed this");
}

// The file that pi takes a path for, so that nobody has to guess what `~` or `..` in it mean.
function absolute(path, cwd) {
  const plain = path.replace(/[\u00A0\u2000-\u200A\u202F\u205F\u3000]/g, " ").replace(/^@/, "");
  if (plain === "~" || plain.startsWith("~/")) return resolve(homedir(), plain.slice(2));
  return plain.startsWith("file://") ? fileURLToPath(plain) : resolve(cwd, plain);
}

function freeze(value) {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  Object.values(value).forEach(freeze);
}

function blocked(reason) {
  return { block: true, reason };
}
