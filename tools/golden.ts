/**
 * The golden tests alone: `deno task golden [FILTER]`, on the data in GOLDEN_DIR (default tests/golden).
 *
 * A filter that no test matches is a failure: it would look like success.
 */
const [filter = "", ...others] = Deno.args;
if (others.length || filter.startsWith("-")) {
  console.error("golden: give one filter at most, a part of a test's name: deno task golden bert");
  Deno.exit(1);
}
const root = Deno.env.get("GOLDEN_DIR");
const isFolder = await Deno.stat(root ?? ".").then((found) => found.isDirectory, () => false);
if (!isFolder) {
  console.error(
    `golden: GOLDEN_DIR=${root} is no folder; give the folder that holds models/ and so on`,
  );
  Deno.exit(1);
}
const name = filter.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
const runner = new URL("./run_tests.ts", import.meta.url).pathname;
const { code, stdout } = await new Deno.Command(Deno.execPath(), {
  args: ["run", "-A", runner, "-A", `--filter=/^golden .*${name}/`, "tests"],
  env: root ? { GOLDEN_DIR: await Deno.realPath(root) } : {},
  stdout: "piped",
  stderr: "inherit",
}).output();
await Deno.stdout.write(stdout);
const ran = /(\d+) passed, (\d+) failed/.exec(new TextDecoder().decode(stdout));
if (!ran || ran[1] === "0" && ran[2] === "0") {
  console.error(`golden: no golden test has "${filter}" in its name`);
  Deno.exit(1);
}
Deno.exit(code);
