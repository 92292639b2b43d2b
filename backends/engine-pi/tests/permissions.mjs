// What takopi's extension does inside of pi, with an object in pi's place. `node permissions.mjs EXTENSION`.

import assert from "node:assert/strict";
import { homedir } from "node:os";
import { pathToFileURL } from "node:url";

const { default: load } = await import(pathToFileURL(process.argv[2]).href);

const BUILT_IN = { source: "builtin" };
const TOOLS = ["bash", "write", "edit", "read", "grep", "find", "ls"].map((name) => ({ name, sourceInfo: BUILT_IN }));

// An extension as pi has it. `answer` is what the person's side says to a question.
function loaded(answer, tools = TOOLS) {
  const handlers = {};
  const asked = [];
  const statuses = [];
  load({ on: (event, handler) => (handlers[event] = handler), getAllTools: () => tools });
  const signal = new AbortController().signal;
  const input = async (title, question, options) => {
    assert.equal(title, "takopi.permission");
    assert.equal(options.signal, signal);
    asked.push(JSON.parse(question));
    return answer(asked.at(-1));
  };
  const ctx = { cwd: "/repo", signal, ui: { input, setStatus: (...status) => statuses.push(status) } };
  const call = (toolName, input = {}) =>
    handlers.tool_call({ type: "tool_call", toolCallId: "c1", toolName, input }, ctx);
  return { asked, call, start: () => handlers.session_start({}, ctx), statuses };
}

const allow = ({ call }) => JSON.stringify({ allow: call });

// It says that it is there.
const there = loaded(allow);
there.start();
assert.deepEqual(there.statuses, [["takopi.permission", "asks"]]);

// What only looks needs no permission, but for a tool of an extension that has its name.
for (const tool of ["read", "grep", "find", "ls"]) {
  const pi = loaded(allow);
  assert.equal(await pi.call(tool, { path: "x" }), undefined);
  assert.equal(pi.asked.length, 0);
  const ofOthers = [
    TOOLS.map((other) => (other.name === tool ? { name: tool, sourceInfo: { source: "cli" } } : other)),
    [...TOOLS, { name: tool, sourceInfo: { source: "cli" } }],
    [{ name: tool }],
    [],
  ];
  for (const tools of ofOthers) {
    const pi = loaded(() => undefined, tools);
    assert.equal((await pi.call(tool)).block, true);
    assert.equal(pi.asked.length, 1);
    assert.equal(pi.asked[0].builtin, false);
  }
}

// Everything else is asked for, with all that it is given.
for (const tool of ["bash", "write", "edit", "send_mail", "Read", ""]) {
  const pi = loaded(allow);
  assert.equal(await pi.call(tool, { command: "ls", deep: { a: [1] } }), undefined);
  const input = { command: "ls", deep: { a: [1] } };
  const builtin = TOOLS.some(({ name }) => name === tool);
  assert.deepEqual(pi.asked, [{ call: "c1", tool, input, cwd: "/repo", builtin }]);
}

// Nothing but a yes to this call lets it happen.
const noes = [
  undefined,
  null,
  "",
  "yes",
  "true",
  "{}",
  "null",
  "[]",
  '{"allow":true}',
  '{"allow":"c2"}',
  '{"allow":["c1"]}',
  '{"deny":7}',
  '{"deny":"c1"}',
];
for (const answer of noes) {
  const result = await loaded(() => answer).call("bash", { command: "ls" });
  assert.equal(result?.block, true, String(answer));
  assert.equal(typeof result.reason, "string");
}
assert.deepEqual(await loaded(() => '{"deny":"use git mv"}').call("bash"), { block: true, reason: "use git mv" });

// Whatever goes wrong, it does not happen.
const broken = () => {
  throw new Error("boom");
};
assert.match((await loaded(broken).call("bash")).reason, /boom/);
assert.equal((await loaded(allow, null).call("read")).block, true);
const circle = {};
circle.circle = circle;
assert.equal((await loaded(allow).call("bash", circle)).block, true);
assert.equal((await loaded(allow).call("write", null)).block, true);

// What is too long to be shown is not even asked.
const long = loaded(allow);
assert.match((await long.call("write", { content: "x".repeat(5 << 20) })).reason, /too long/);
assert.equal(long.asked.length, 0);

// What was allowed can not be changed later.
const input = { command: "ls", edits: [{ oldText: "a" }] };
await loaded(allow).call("bash", input);
assert.throws(() => (input.command = "rm"), TypeError);
assert.throws(() => input.edits.push({}), TypeError);
assert.throws(() => (input.edits[0].oldText = "b"), TypeError);

// The files of pi's own tools are named so that nobody has to guess; the tool gets what was shown.
const paths = [
  ["a.txt", "/repo/a.txt"],
  ["../a.txt", "/a.txt"],
  ["/b/../a.txt", "/a.txt"],
  ["~", homedir()],
  ["~/a.txt", `${homedir()}/a.txt`],
  ["@a.txt", "/repo/a.txt"],
  ["@~/a.txt", `${homedir()}/a.txt`],
  ["file:///etc/a", "/etc/a"],
  ["a\u00A0b", "/repo/a b"],
];
for (const [path, expected] of paths) {
  for (const tool of ["write", "edit"]) {
    const pi = loaded(allow);
    const input = { path };
    await pi.call(tool, input);
    assert.equal(pi.asked[0].input.path, expected);
    assert.equal(input.path, expected);
  }
}
const mail = loaded(allow);
await mail.call("send_mail", { path: "~" });
assert.equal(mail.asked[0].input.path, "~");
