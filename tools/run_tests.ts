/**
 * `deno test`, closed by a plain line that counts the tests.
 *
 *     deno run -A tools/run_tests.ts [arguments of deno test]
 *
 * The exit code is that of `deno test`.
 */
import { closingLine, countTests, type Tally } from "./junit.ts";

const scratch = await Deno.makeTempDir();
const report = `${scratch}/junit.xml`;
const defaults: Record<string, string> = {
  // Without this variable the software GPU driver complains in the middle of the output.
  XDG_RUNTIME_DIR: scratch,
  // With its OpenGL driver loaded too, Linux now and then aborts a process that has ended well.
  ...(Deno.build.os === "linux" ? { DENO_WEBGPU_BACKEND: "vulkan" } : {}),
};
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["test", `--junit-path=${report}`, ...Deno.args],
  env: { ...defaults, ...Deno.env.toObject() },
  stdin: "null",
}).spawn().status;
const tally: Tally = countTests(await Deno.readTextFile(report).catch(() => ""));
await Deno.remove(scratch, { recursive: true });
// A module that does not load or type-check fails without a test of its own.
if (code !== 0) tally.failed = Math.max(1, tally.failed);
console.log(closingLine(tally));
Deno.exit(code);
